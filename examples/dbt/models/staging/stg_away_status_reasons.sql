-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'away_status_reasons', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'label': 'text',
    'emoji': 'text',
    'order': 'number',
    'deleted': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
