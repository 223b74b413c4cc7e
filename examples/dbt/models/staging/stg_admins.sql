-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'admins', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'email': 'text',
    'job_title': 'text',
    'away_mode_enabled': 'flag',
    'away_mode_reassign': 'flag',
    'away_status_reason_id': 'text',
    'has_inbox_seat': 'flag',
    'team_ids': 'part',
    'avatar': 'part',
    'team_priority_level': 'part',
    'role': 'part',
  },
) }}
