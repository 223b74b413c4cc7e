select
  id,
  name,
  email,
  job_title,
  false as _fivetran_deleted,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_admins') }}
