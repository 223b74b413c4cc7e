-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'handling_events', key = ['conversation_id', 'timestamp', 'teammate_id'], version = none, is_whole = false,
  parent = 'conversations', parent_key = 'conversation_id',
  columns = {
    'conversation_id': 'text',
    'timestamp': 'text',
    'teammate_id': 'text',
    'teammate': 'part',
    'type': 'text',
    'reason': 'text',
  },
) }}
