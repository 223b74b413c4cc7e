-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_dismissals', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'dismissed_at': 'instant',
  },
) }}
