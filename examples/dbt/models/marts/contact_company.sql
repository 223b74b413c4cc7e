-- Who belongs to which company, as the newest version of each contact has it.
select distinct
  contacts.id as contact_id,
  {{ text('element', 'id') }} as company_id
from {{ ref('stg_contacts') }} as contacts, {{ elements('contacts.record', 'companies.data') }}
