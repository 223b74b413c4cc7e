select
  id,
  name,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_teams') }}
