-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_events', key = ['contact_id', 'event_name', 'created_at'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'contact_id': 'text',
    'event_name': 'text',
    'created_at': 'instant',
    'type': 'text',
    'user_id': 'text',
    'id': 'text',
    'intercom_user_id': 'text',
    'email': 'text',
    'metadata': 'part',
  },
) }}
