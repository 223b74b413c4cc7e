-- Calls by day (UTC), direction and kind: how many, how many were answered, how long, and how many
-- have a transcript.
select
  cast(calls.initiated_at as date) as day,
  calls.direction,
  calls.call_type,
  count(*) as calls,
  count(calls.answered_at) as answered,
  sum({{ seconds_between('calls.answered_at', 'calls.ended_at') }}) as talk_seconds,
  count(transcripts.call_id) as transcripts
from {{ ref('stg_calls') }} as calls
left join {{ ref('stg_call_transcriptions') }} as transcripts on transcripts.call_id = calls.id
group by day, calls.direction, calls.call_type
