select
  id,
  coalesce(
    cast(admin_assignee_id as {{ dbt.type_string() }}),
    cast(team_assignee_id as {{ dbt.type_string() }})
  ) as assignee_id,
  case
    when admin_assignee_id is not null then 'admin'
    when team_assignee_id is not null then 'team'
  end as assignee_type,
  {{ text('record', 'conversation_rating.remark') }} as conversation_rating_remark,
  {{ whole('record', 'conversation_rating.rating') }} as conversation_rating_value,
  created_at,
  {{ instant('record', 'first_contact_reply.created_at') }} as first_contact_reply_created_at,
  {{ text('record', 'first_contact_reply.type') }} as first_contact_reply_type,
  {{ adapter.quote('read') }} as {{ adapter.quote('read') }},
  {{ text('record', 'sla_applied.sla_name') }} as sla_name,
  {{ text('record', 'sla_applied.sla_status') }} as sla_status,
  snoozed_until,
  {{ text('record', 'source.author.id') }} as source_author_id,
  {{ text('record', 'source.author.type') }} as source_author_type,
  {{ text('record', 'source.body') }} as source_body,
  {{ text('record', 'source.delivered_as') }} as source_delivered_as,
  {{ text('record', 'source.subject') }} as source_subject,
  {{ text('record', 'source.type') }} as source_type,
  state,
  updated_at,
  waiting_since,
  {{ synced() }} as _fivetran_synced
from {{ ref('stg_conversations') }}
