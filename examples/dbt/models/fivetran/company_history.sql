select
  id,
  name,
  created_at,
  updated_at,
  industry,
  website,
  monthly_spend,
  session_count,
  user_count,
  {{ text('record', 'plan.id') }} as plan_id,
  {{ text('record', 'plan.name') }} as plan_name,
  false as _fivetran_deleted,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_companies') }}
