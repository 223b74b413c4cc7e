-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'report_admin_status_change', key = [], version = none, is_whole = false,
  columns = {
  },
) }}
