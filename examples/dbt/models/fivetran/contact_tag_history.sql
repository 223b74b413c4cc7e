select
  contacts.id as contact_id,
  contacts.updated_at as contact_updated_at,
  {{ text('element', 'id') }} as tag_id,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_contacts') }} as contacts, {{ elements('contacts.record', 'tags.data') }}
