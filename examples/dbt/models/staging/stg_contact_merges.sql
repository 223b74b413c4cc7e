-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'contact_merges', key = ['contact_id', 'source_contact_id'], version = none, is_whole = false,
  parent = 'contacts', parent_key = 'contact_id',
  columns = {
    'contact_id': 'text',
    'source_contact_id': 'text',
    'type': 'text',
    'source_contact_role': 'text',
    'merged_at': 'instant',
  },
) }}
