-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'content_snippets', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'title': 'text',
    'locale': 'text',
    'json_blocks': 'part',
    'body_markdown': 'text',
    'chatbot_availability': 'number',
    'copilot_availability': 'number',
    'ai_chatbot_availability': 'flag',
    'ai_copilot_availability': 'flag',
    'ai_sales_agent_availability': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
    'audience_ids': 'part',
  },
) }}
