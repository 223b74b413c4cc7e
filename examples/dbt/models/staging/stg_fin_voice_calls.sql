-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'fin_voice_calls', key = ['id'], version = none, is_whole = false,
  parent = 'conversations', parent_key = 'conversation_id',
  columns = {
    'id': 'text',
    'conversation_id': 'text',
    'app_id': 'text',
    'user_phone_number': 'text',
    'status': 'text',
    'intercom_call_id': 'text',
    'external_call_id': 'text',
    'intercom_conversation_id': 'text',
    'call_transcript': 'part',
    'call_summary': 'text',
    'intent': 'part',
  },
) }}
