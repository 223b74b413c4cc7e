-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_attributes', key = ['full_name'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'model': 'text',
    'name': 'text',
    'full_name': 'text',
    'label': 'text',
    'description': 'text',
    'data_type': 'text',
    'options': 'part',
    'api_writable': 'flag',
    'messenger_writable': 'flag',
    'ui_writable': 'flag',
    'custom': 'flag',
    'archived': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
    'admin_id': 'text',
  },
) }}
