-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'newsfeed_items', key = ['newsfeed_id', 'id'], version = none, is_whole = false,
  parent = 'newsfeeds', parent_key = 'newsfeed_id',
  columns = {
    'newsfeed_id': 'text',
    'type': 'text',
    'id': 'text',
    'workspace_id': 'text',
    'title': 'text',
    'body': 'text',
    'sender_id': 'text',
    'state': 'text',
    'newsfeed_assignments': 'part',
    'labels': 'part',
    'cover_image_url': 'text',
    'reactions': 'part',
    'deliver_silently': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
