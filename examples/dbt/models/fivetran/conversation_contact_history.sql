select
  conversations.id as conversation_id,
  conversations.updated_at as conversation_updated_at,
  {{ text('element', 'id') }} as contact_id,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_conversations') }} as conversations, {{ elements('conversations.record', 'contacts.contacts') }}
