-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'brands', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'is_default': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
    'help_center_id': 'text',
    'default_address_settings_id': 'text',
  },
) }}
