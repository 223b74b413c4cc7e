-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'data_connector_executions', key = ['id'], version = none, is_whole = false,
  parent = 'data_connectors', parent_key = 'data_connector_id',
  columns = {
    'type': 'text',
    'id': 'text',
    'data_connector_id': 'text',
    'success': 'flag',
    'http_status': 'number',
    'http_method': 'text',
    'request_url': 'text',
    'error_type': 'text',
    'error_message': 'text',
    'execution_time_ms': 'number',
    'source_type': 'text',
    'source_id': 'text',
    'conversation_id': 'text',
    'created_at': 'instant',
    'request_body': 'text',
    'response_body': 'text',
    'raw_response_body': 'text',
  },
) }}
