select
  id,
  conversation_id,
  conversation_updated_at,
  part_type,
  {{ text('record', 'author.id') }} as author_id,
  {{ text('record', 'author.type') }} as author_type,
  {{ text('record', 'assigned_to.id') }} as assigned_to_id,
  {{ text('record', 'assigned_to.type') }} as assigned_to_type,
  created_at,
  updated_at,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_conversation_parts') }}
