select
  teams.id as team_id,
  {{ element_text() }} as admin_id,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_teams') }} as teams, {{ elements('teams.record', 'admin_ids') }}
