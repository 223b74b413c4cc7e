-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_other', key = [], version = none, is_whole = false,
  columns = {
    'kind': 'text',
    'receipt_id': 'text',
  },
) }}
