-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'report_ticket_time_in_state', key = [], version = none, is_whole = false,
  columns = {
  },
) }}
