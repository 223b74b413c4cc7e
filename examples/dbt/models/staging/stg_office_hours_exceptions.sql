-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'office_hours_exceptions', key = ['id'], version = none, is_whole = false,
  parent = 'office_hours_schedules', parent_key = 'office_hours_schedule_id',
  columns = {
    'type': 'text',
    'id': 'text',
    'office_hours_schedule_id': 'text',
    'exception_date': 'text',
    'exception_type': 'text',
    'name': 'text',
    'time_intervals': 'part',
    'recurring_annually': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
