-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_answers', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'answered_at': 'instant',
    'question_id': 'text',
    'question': 'text',
    'response_type': 'text',
    'response': 'text',
  },
) }}
