-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_tags', key = ['contact_id', 'id'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'contact_id': 'text',
    'url': 'text',
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'applied_at': 'instant',
    'applied_by': 'part',
  },
) }}
