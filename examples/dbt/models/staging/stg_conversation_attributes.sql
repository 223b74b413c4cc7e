-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'conversation_attributes', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'description': 'text',
    'data_type': 'text',
    'required': 'flag',
    'visible_to_team_ids': 'part',
    'archived': 'flag',
    'created_at': 'instant',
    'updated_at': 'instant',
    'admin_id': 'text',
    'multiline': 'flag',
    'options': 'part',
    'reference': 'part',
  },
) }}
