-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'segments', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'person_type': 'text',
    'count': 'number',
  },
) }}
