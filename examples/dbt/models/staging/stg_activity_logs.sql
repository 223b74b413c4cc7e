-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'activity_logs', key = ['id'], version = 'created_at', is_whole = false,
  columns = {
    'id': 'text',
    'performed_by': 'part',
    'metadata': 'part',
    'created_at': 'instant',
    'activity_type': 'text',
    'activity_description': 'text',
  },
) }}
