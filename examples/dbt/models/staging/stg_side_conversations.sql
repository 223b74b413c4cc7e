-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'side_conversations', key = ['side_conversation_id'], version = 'conversation_updated_at', is_whole = false,
  parent = 'conversations', parent_key = 'conversation_id',
  columns = {
    'side_conversation_id': 'text',
    'conversation_id': 'text',
    'conversation_updated_at': 'instant',
    'conversation_parts': 'part',
    'total_count': 'number',
  },
) }}
