-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'office_hours_schedules', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'time_zone_name': 'text',
    'time_intervals': 'part',
    'twenty_four_seven': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
