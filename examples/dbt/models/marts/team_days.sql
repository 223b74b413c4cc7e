-- What came to each team and what it closed, by day (UTC). Conversations without a team count for
-- none, with an empty `team_id`.
with events as (
  select coalesce(team_assignee_id, '') as team_id, cast(opened_at as date) as day, 1 as opened, 0 as closed
  from {{ ref('conversations') }}
  union all
  select coalesce(team_assignee_id, '') as team_id, cast(last_closed_at as date) as day, 0 as opened, 1 as closed
  from {{ ref('conversations') }}
  where last_closed_at is not null
)

select
  events.day,
  events.team_id,
  max(teams.name) as name,
  sum(events.opened) as opened,
  sum(events.closed) as closed
from events
left join {{ ref('stg_teams') }} as teams on teams.id = events.team_id
group by events.day, events.team_id
