-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'help_center_redirects', key = ['id'], version = none, is_whole = false,
  parent = 'help_centers', parent_key = 'help_center_id',
  columns = {
    'type': 'text',
    'id': 'text',
    'from_url': 'text',
    'locale': 'text',
    'help_center_id': 'text',
    'target_type': 'text',
    'target_id': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
