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
    'chatbot_availability': 'text',
    'copilot_availability': 'text',
    'ai_chatbot_availability': 'text',
    'ai_copilot_availability': 'text',
    'ai_sales_agent_availability': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'audience_ids': 'part',
  },
) }}
