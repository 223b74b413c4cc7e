-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'ticket_types', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'category': 'text',
    'name': 'text',
    'description': 'text',
    'icon': 'text',
    'workspace_id': 'text',
    'ticket_type_attributes': 'part',
    'ticket_states': 'part',
    'is_internal': 'flag',
    'archived': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
  },
) }}
