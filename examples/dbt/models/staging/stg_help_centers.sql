-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'help_centers', key = ['id'], version = none, is_whole = true,
  columns = {
    'id': 'text',
    'workspace_id': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'identifier': 'text',
    'website_turned_on': 'flag',
    'display_name': 'text',
    'url': 'text',
    'custom_domain': 'text',
    'default': 'flag',
    'locales': 'part',
  },
) }}
