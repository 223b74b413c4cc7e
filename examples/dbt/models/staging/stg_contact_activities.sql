-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_activities', key = ['id'], version = 'created_at', is_whole = false,
  columns = {
    'id': 'text',
    'type': 'text',
    'event_type': 'text',
    'contact_id': 'text',
    'external_id': 'text',
    'role': 'text',
    'merge_source_id': 'text',
    'merge_target_id': 'text',
    'failure_reason': 'text',
    'created_at': 'instant',
  },
) }}
