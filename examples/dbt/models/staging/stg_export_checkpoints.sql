-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'export_checkpoints', key = [], version = none, is_whole = false,
  columns = {
    'user_id': 'text',
    'company_id': 'text',
    'series_entry_record_id': 'text',
    'ruleset_id': 'text',
    'status_code': 'text',
    'status_name': 'text',
    'created_at': 'instant',
    'last_processed_at': 'instant',
    'expires_at': 'instant',
    'times_processed': 'text',
  },
) }}
