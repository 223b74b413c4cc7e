-- What each teammate wrote on each day (UTC): parts, of which comments to the customer and notes to
-- the team, and in how many conversations.
with written as (
  select
    cast(created_at as date) as day,
    {{ text('record', 'author.id') }} as admin_id,
    conversation_id,
    part_type
  from {{ ref('stg_conversation_parts') }}
  where {{ text('record', 'author.type') }} = 'admin'
)

select
  written.day,
  written.admin_id,
  max(admins.name) as name,
  count(*) as parts,
  sum(case when written.part_type = 'comment' then 1 else 0 end) as comments,
  sum(case when written.part_type = 'note' then 1 else 0 end) as notes,
  count(distinct written.conversation_id) as conversations
from written
left join {{ ref('stg_admins') }} as admins on admins.id = written.admin_id
group by written.day, written.admin_id
