-- A row a conversation: how it came, who has it, how fast it was answered and resolved. Seconds are
-- Intercom's own where it counts them (`statistics`), else the difference of its instants.
select
  id,
  created_at as opened_at,
  updated_at,
  state,
  {{ text('record', 'source.type') }} as channel,
  {{ text('record', 'source.delivered_as') }} as delivered_as,
  {{ text('record', 'source.author.type') }} as author_type,
  {{ text('record', 'source.author.id') }} as author_id,
  admin_assignee_id,
  team_assignee_id,
  {{ instant('record', 'statistics.first_admin_reply_at') }} as first_response_at,
  coalesce(
    {{ whole('record', 'statistics.time_to_admin_reply') }},
    {{ seconds_between(
      instant('record', 'statistics.first_contact_reply_at'),
      instant('record', 'statistics.first_admin_reply_at')
    ) }}
  ) as first_response_seconds,
  {{ whole('record', 'statistics.median_time_to_reply') }} as median_response_seconds,
  {{ whole('record', 'statistics.handling_time') }} as handling_seconds,
  {{ instant('record', 'statistics.first_close_at') }} as first_closed_at,
  {{ instant('record', 'statistics.last_close_at') }} as last_closed_at,
  coalesce(
    {{ whole('record', 'statistics.time_to_last_close') }},
    {{ seconds_between('created_at', instant('record', 'statistics.last_close_at')) }}
  ) as resolution_seconds,
  coalesce({{ whole('record', 'statistics.count_reopens') }}, 0) as reopened,
  coalesce({{ whole('record', 'statistics.count_assignments') }}, 0) as assigned,
  coalesce({{ whole('record', 'statistics.count_conversation_parts') }}, 0) as parts,
  {{ whole('record', 'conversation_rating.rating') }} as rating,
  coalesce({{ flag('record', 'ai_agent_participated') }}, false) as ai_agent_participated
from {{ ref('stg_conversations') }}
