select
  id,
  owner_id as admin_id,
  created_at,
  updated_at,
  email,
  name,
  role,
  last_contacted_at,
  last_email_clicked_at,
  last_email_opened_at,
  last_replied_at,
  signed_up_at,
  unsubscribed_from_emails,
  false as _fivetran_deleted,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_contacts') }}
