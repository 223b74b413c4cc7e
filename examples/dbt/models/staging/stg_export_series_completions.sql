-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_series_completions', key = [], version = none, is_whole = false,
  columns = {
    'receipt_id': 'text',
    'completed_at': 'instant',
    'completion_node_ruleset_id': 'text',
  },
) }}
