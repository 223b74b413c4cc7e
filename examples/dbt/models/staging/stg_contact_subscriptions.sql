-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_subscriptions', key = ['contact_id', 'id'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'contact_id': 'text',
    'type': 'text',
    'id': 'text',
    'state': 'text',
    'default_translation': 'part',
    'translations': 'part',
    'consent_type': 'text',
    'content_types': 'part',
  },
) }}
