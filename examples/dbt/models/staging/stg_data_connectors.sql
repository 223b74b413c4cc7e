-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'data_connectors', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'name': 'text',
    'description': 'text',
    'state': 'text',
    'http_method': 'text',
    'direct_fin_usage': 'flag',
    'created_by_admin_id': 'text',
    'updated_by_admin_id': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'execution_results_url': 'text',
  },
) }}
