-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'report_call_team_stats', key = [], version = none, is_whole = false,
  columns = {
  },
) }}
