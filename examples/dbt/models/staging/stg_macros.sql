-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'macros', key = ['id'], version = 'updated_at', is_whole = false,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'body': 'text',
    'body_text': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'visible_to': 'text',
    'visible_to_team_ids': 'part',
    'available_on': 'part',
  },
) }}
