-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'ticket_parts', key = ['id'], version = 'ticket_updated_at', is_whole = false,
  columns = {
    'ticket_id': 'text',
    'ticket_updated_at': 'instant',
    'type': 'text',
    'id': 'text',
    'part_type': 'text',
    'body': 'text',
    'previous_ticket_state': 'text',
    'ticket_state': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'assigned_to': 'part',
    'author': 'part',
    'attachments': 'part',
    'external_id': 'text',
    'redacted': 'flag',
    'app_package_code': 'text',
    'translations': 'part',
    'updated_attribute_data': 'part',
  },
) }}
