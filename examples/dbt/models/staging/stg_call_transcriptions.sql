-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'call_transcriptions', key = ['call_id'], version = 'call_updated_at', is_whole = false,
  parent = 'calls', parent_key = 'call_id',
  columns = {
    'call_id': 'text',
    'call_updated_at': 'instant',
    'transcript': 'part',
  },
) }}
