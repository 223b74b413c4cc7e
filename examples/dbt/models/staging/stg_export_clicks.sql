-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_clicks', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'clicked_at': 'instant',
    'link_type': 'text',
    'url': 'text',
  },
) }}
