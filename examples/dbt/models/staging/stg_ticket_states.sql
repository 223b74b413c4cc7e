-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'ticket_states', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'category': 'text',
    'internal_label': 'text',
    'external_label': 'text',
    'archived': 'flag',
    'ticket_types': 'part',
  },
) }}
