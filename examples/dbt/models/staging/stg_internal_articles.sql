-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'internal_articles', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'title': 'text',
    'body': 'text',
    'body_markdown': 'text',
    'owner_id': 'text',
    'author_id': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'locale': 'text',
    'audience_ids': 'part',
    'ai_chatbot_availability': 'flag',
    'ai_copilot_availability': 'flag',
    'ai_sales_agent_availability': 'flag',
    'folder_id': 'text',
    'tags': 'part',
  },
) }}
