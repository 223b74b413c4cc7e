-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_tour_step_views', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'step_id': 'text',
    'viewed_at': 'instant',
  },
) }}
