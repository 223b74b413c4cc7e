-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'article_version_bodies', key = ['id'], version = none, is_whole = false,
  parent = 'articles', parent_key = 'article_id',
  columns = {
    'type': 'text',
    'id': 'text',
    'article_id': 'text',
    'title': 'text',
    'description': 'text',
    'body': 'text',
    'body_markdown': 'text',
    'author_id': 'text',
    'created_by_id': 'text',
    'created_via': 'text',
    'from_version_id': 'text',
    'state': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
