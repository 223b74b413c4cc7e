-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_notes', key = ['id'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'type': 'text',
    'id': 'text',
    'contact_id': 'text',
    'created_at': 'instant',
    'contact': 'part',
    'company': 'part',
    'author': 'part',
    'admin_id': 'text',
    'admin_name': 'text',
    'admin_email': 'text',
    'body': 'text',
    'url': 'text',
  },
) }}
