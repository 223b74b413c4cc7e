-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'teams', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'admin_ids': 'part',
    'admin_priority_level': 'part',
    'assignment_limit': 'number',
    'distribution_method': 'text',
  },
) }}
