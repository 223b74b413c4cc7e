-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'ai_content_import_sources', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'last_synced_at': 'instant',
    'sync_behavior': 'text',
    'status': 'text',
    'url': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'audience_ids': 'part',
  },
) }}
