-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'tags', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'applied_at': 'instant',
    'applied_by': 'part',
  },
) }}
