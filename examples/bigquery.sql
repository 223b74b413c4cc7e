-- What target-gcs wrote, as tables, in BigQuery. One external table a stream, over whose rows a view
-- keeps the newest version of each record; other streams go the same way.
--
-- The columns named are those wanted: `ignore_unknown_values` leaves the rest in the files, and a
-- column that older files lack is null there. Nested values stay JSON.
--
-- What is deleted or merged in Intercom is in no view, as far as the lake knows of it.

create schema if not exists intercom;

-- What is gone from the workspace, and since when: what changed later than that has come back. Audits
-- tell it (`deletions`), and Intercom does: of conversations (for good), of contacts (those merged into
-- others among them).
create or replace external table intercom.deletions_loaded (stream string, id string, found_at int64)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/deletions/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/deletions',
    ignore_unknown_values = true
);

create or replace external table intercom.deleted_conversations_loaded (id string)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/deleted_conversations/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/deleted_conversations',
    ignore_unknown_values = true
);

create or replace external table intercom.contact_activities_loaded (
    event_type string,
    contact_id string,
    merge_source_id string,
    created_at int64
)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/contact_activities/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/contact_activities',
    ignore_unknown_values = true
);

create or replace external table intercom.contact_merges_loaded (source_contact_id string, merged_at int64)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/contact_merges/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/contact_merges',
    ignore_unknown_values = true
);

-- A table over no file can't be read: take out what your lake has no stream for. The last select is
-- there to be left. Without a time it was for good, or until the end of the year 9999.
create or replace view intercom.deleted as
select stream, id, max(coalesce(found_at, 253402300799)) as found_at
from (
    select stream, id, found_at from intercom.deletions_loaded
    union all
    select 'conversations', id, null from intercom.deleted_conversations_loaded
    union all
    select
        'contacts',
        if(event_type = 'contact.deleted', contact_id, merge_source_id),
        created_at
    from intercom.contact_activities_loaded
    where event_type in ('contact.deleted', 'contact.merged')
    union all
    select 'contacts', source_contact_id, merged_at from intercom.contact_merges_loaded
    union all
    select '', '', 0
)
group by stream, id;

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
    loaded.* except (created_at, updated_at, signed_up_at, last_seen_at),
    timestamp_seconds(loaded.created_at) as created_at,
    timestamp_seconds(loaded.updated_at) as updated_at,
    timestamp_seconds(loaded.signed_up_at) as signed_up_at,
    timestamp_seconds(loaded.last_seen_at) as last_seen_at
from intercom.contacts_loaded as loaded
left join intercom.deleted on deleted.stream = 'contacts' and deleted.id = loaded.id
where deleted.id is null or deleted.found_at < loaded.updated_at
qualify row_number() over (
    partition by loaded.id order by loaded.updated_at desc, loaded._file_name desc
) = 1;

create or replace external table intercom.conversations_loaded (
    id string,
    state string,
    open bool,
    created_at int64,
    updated_at int64,
    admin_assignee_id string,
    team_assignee_id string,
    source json,
    statistics json
)
with partition columns (year int64, month int64, day int64)
options (
    format = 'NEWLINE_DELIMITED_JSON',
    uris = ['gs://intercom-api-prod/conversations/*'],
    hive_partition_uri_prefix = 'gs://intercom-api-prod/conversations',
    ignore_unknown_values = true
);

create or replace view intercom.conversations as
select
    loaded.* except (created_at, updated_at),
    timestamp_seconds(loaded.created_at) as created_at,
    timestamp_seconds(loaded.updated_at) as updated_at
from intercom.conversations_loaded as loaded
left join intercom.deleted on deleted.stream = 'conversations' and deleted.id = loaded.id
where deleted.id is null or deleted.found_at < loaded.updated_at
qualify row_number() over (
    partition by loaded.id order by loaded.updated_at desc, loaded._file_name desc
) = 1;

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
select loaded.*
from intercom.conversation_parts_loaded as loaded
-- What belongs to a record goes with it, and comes back with it.
left join intercom.deleted on deleted.stream = 'conversations' and deleted.id = loaded.conversation_id
left join intercom.conversations on conversations.id = loaded.conversation_id
where deleted.id is null
    or deleted.found_at < loaded.conversation_updated_at
    or conversations.id is not null
qualify row_number() over (
    partition by loaded.id order by loaded.conversation_updated_at desc, loaded._file_name desc
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
    loaded.* except (initiated_at, ended_at, updated_at),
    intercom.instant(loaded.initiated_at) as initiated_at,
    intercom.instant(loaded.ended_at) as ended_at,
    intercom.instant(loaded.updated_at) as updated_at
from intercom.calls_loaded as loaded
left join intercom.deleted on deleted.stream = 'calls' and deleted.id = loaded.id
where deleted.id is null
    or deleted.found_at < unix_seconds(intercom.instant(loaded.updated_at))
qualify row_number() over (
    partition by loaded.id order by intercom.instant(loaded.updated_at) desc, loaded._file_name desc
) = 1;
