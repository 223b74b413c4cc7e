-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'company_notes', key = ['id'], version = none, is_whole = false,
  parent = 'companies', parent_key = 'company_id',
  columns = {
    'company_id': 'text',
    'type': 'text',
    'id': 'text',
    'created_at': 'instant',
    'company': 'part',
    'author': 'part',
    'body': 'text',
  },
) }}
