-- Who is tagged how, as the newest version of each contact has it.
with tagged as (
  select distinct
    contacts.id as contact_id,
    {{ text('element', 'id') }} as tag_id
  from {{ ref('stg_contacts') }} as contacts, {{ elements('contacts.record', 'tags.data') }}
)

select tagged.contact_id, tagged.tag_id, tags.name
from tagged
left join {{ ref('stg_tags') }} as tags on tags.id = tagged.tag_id
