select
  companies.id as company_id,
  companies.updated_at as company_updated_at,
  {{ text('element', 'id') }} as tag_id,
  false as _fivetran_deleted,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_companies') }} as companies, {{ elements('companies.record', 'tags.tags') }}
