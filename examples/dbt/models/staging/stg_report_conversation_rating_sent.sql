-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'report_conversation_rating_sent', key = [], version = none, is_whole = false,
  columns = {
  },
) }}
