-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'deleted_conversations', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'metrics_retained': 'flag',
    'deleted_at': 'instant',
  },
) }}
