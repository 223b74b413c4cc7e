-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'emails', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'email': 'text',
    'verified': 'flag',
    'domain': 'text',
    'brand_id': 'text',
    'forwarding_enabled': 'flag',
    'forwarded_email_last_received_at': 'instant',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
