-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_segments', key = ['contact_id', 'id'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'contact_id': 'text',
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'person_type': 'text',
    'count': 'number',
  },
) }}
