-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'subscription_types', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'state': 'text',
    'default_translation': 'part',
    'translations': 'part',
    'consent_type': 'text',
    'content_types': 'part',
  },
) }}
