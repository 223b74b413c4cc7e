-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'company_segments', key = ['company_id', 'id'], version = none, is_whole = false,
  parent = 'companies', parent_key = 'company_id',
  columns = {
    'company_id': 'text',
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'person_type': 'text',
    'count': 'number',
  },
) }}
