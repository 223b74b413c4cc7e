-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_series_disengagements', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'disengaged_at': 'instant',
    'disengaged_node_ruleset_id': 'text',
  },
) }}
