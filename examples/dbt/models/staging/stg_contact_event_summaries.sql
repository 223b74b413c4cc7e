-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_event_summaries', key = ['contact_id', 'name'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'contact_id': 'text',
    'name': 'text',
    'first': 'text',
    'last': 'text',
    'count': 'number',
    'description': 'text',
  },
) }}
