-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'audiences', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'predicates': 'part',
    'role_predicates': 'part',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
