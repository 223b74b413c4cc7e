-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'folders', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'description': 'text',
    'emoji': 'text',
    'parent_folder_id': 'text',
    'content_count': 'number',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
