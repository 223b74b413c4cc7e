-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_opens', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'opened_at': 'instant',
  },
) }}
