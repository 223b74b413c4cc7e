-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'deletions', key = ['stream', 'id'], version = 'found_at', is_whole = false,
  columns = {
    'stream': 'text',
    'id': 'text',
    'found_at': 'instant',
    'merged_into': 'text',
  },
) }}
