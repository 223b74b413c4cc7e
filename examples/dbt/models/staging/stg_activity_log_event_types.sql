-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'activity_log_event_types', key = ['event_type'], version = none, is_whole = true,
  columns = {
    'event_type': 'text',
  },
) }}
