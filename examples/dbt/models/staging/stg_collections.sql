-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'collections', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'workspace_id': 'text',
    'name': 'text',
    'description': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'url': 'text',
    'icon': 'text',
    'order': 'number',
    'default_locale': 'text',
    'translated_content': 'part',
    'parent_id': 'text',
    'help_center_id': 'text',
  },
) }}
