-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'ai_external_pages', key = ['id'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'id': 'text',
    'title': 'text',
    'html': 'text',
    'url': 'text',
    'ai_agent_availability': 'flag',
    'ai_copilot_availability': 'flag',
    'ai_sales_agent_availability': 'flag',
    'fin_availability': 'flag',
    'locale': 'text',
    'source_id': 'text',
    'external_id': 'text',
    'created_at': 'instant',
    'updated_at': 'instant',
    'last_ingested_at': 'instant',
  },
) }}
