-- What target-gcs wrote, as tables, in BigQuery. One external table a stream, over whose rows a view
-- keeps the newest version of each record; other streams go the same way.
--
-- The columns named are those wanted: `ignore_unknown_values` leaves the rest in the files, and a
-- column that older files lack is null there. Nested values stay JSON.

create schema if not exists intercom;

create or replace external table intercom.contacts_loaded (
    id string,
    external_id string,
    role string,
    email string,
    name string,
    created_at int64,
    updated_at int64,
    signed_up_at int64,
    last_seen_at int64,
    location json,
    custom_attributes json
)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/contacts/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/contacts',
    ignore_unknown_values = true
);

create or replace view intercom.contacts as
select
    * except (created_at, updated_at, signed_up_at, last_seen_at),
    timestamp_seconds(created_at) as created_at,
    timestamp_seconds(updated_at) as updated_at,
    timestamp_seconds(signed_up_at) as signed_up_at,
    timestamp_seconds(last_seen_at) as last_seen_at
from intercom.contacts_loaded
qualify row_number() over (partition by id order by updated_at desc, _file_name desc) = 1;

create or replace external table intercom.conversation_parts_loaded (
    id string,
    conversation_id string,
    conversation_updated_at int64,
    part_type string,
    body string,
    created_at int64,
    author json
)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/conversation_parts/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/conversation_parts',
    ignore_unknown_values = true
);

create or replace view intercom.conversation_parts as
select *
from intercom.conversation_parts_loaded
qualify row_number() over (
    partition by id order by conversation_updated_at desc, _file_name desc
) = 1;

-- Times of calls are epoch seconds or ISO 8601 text, as Intercom sends them: hence JSON.
create or replace external table intercom.calls_loaded (
    id string,
    conversation_id string,
    contact_id string,
    admin_id string,
    state string,
    direction string,
    initiated_at json,
    ended_at json,
    updated_at json
)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/calls/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/calls',
    ignore_unknown_values = true
);

create or replace function intercom.instant(time json) as (
    coalesce(
        timestamp_seconds(safe_cast(json_value(time) as int64)),
        safe_cast(json_value(time) as timestamp)
    )
);

create or replace view intercom.calls as
select
    * except (initiated_at, ended_at, updated_at),
    intercom.instant(initiated_at) as initiated_at,
    intercom.instant(ended_at) as ended_at,
    intercom.instant(updated_at) as updated_at
from intercom.calls_loaded
qualify row_number() over (
    partition by id order by intercom.instant(calls_loaded.updated_at) desc, _file_name desc
) = 1;
