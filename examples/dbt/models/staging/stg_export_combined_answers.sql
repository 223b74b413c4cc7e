-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_combined_answers', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'user_id': 'text',
    'user_external_id': 'text',
    'name': 'text',
    'email': 'text',
    'company_id': 'text',
    'company_external_id': 'text',
    'created_via': 'text',
    'received_at': 'instant',
    'completed_at': 'instant',
  },
) }}
