-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'custom_object_instances', key = ['type', 'id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'external_id': 'text',
    'external_created_at': 'instant',
    'external_updated_at': 'instant',
    'created_at': 'instant',
    'updated_at': 'instant',
    'custom_attributes': 'part',
  },
) }}
