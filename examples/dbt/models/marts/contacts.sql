-- A row a contact, with the companies and tags that its newest version has.
with companies as (
  select contact_id, count(*) as companies, min(company_id) as first_company_id
  from {{ ref('contact_company') }}
  group by contact_id
),

tags as (
  select contact_id, count(*) as tags
  from {{ ref('contact_tag') }}
  group by contact_id
)

select
  contacts.id,
  contacts.role,
  contacts.name,
  contacts.email,
  contacts.created_at,
  contacts.updated_at,
  contacts.last_seen_at,
  {{ text('contacts.record', 'location.country') }} as country,
  coalesce(companies.companies, 0) as companies,
  companies.first_company_id,
  coalesce(tags.tags, 0) as tags
from {{ ref('stg_contacts') }} as contacts
left join companies on companies.contact_id = contacts.id
left join tags on tags.contact_id = contacts.id
