-- What target-gcs wrote, as tables, in DuckDB:
--
--     duckdb -init examples/duckdb.sql
--
-- `lake` is the target's destination. For a bucket ('gs://intercom-api-prod'), first
--     create secret (type gcs, key_id '…', secret '…');
-- A stream that has no file yet is an empty table. What is deleted or merged in Intercom is in no
-- table, as far as the lake knows of it.
set variable lake = 'lake';
set timezone = 'UTC';

-- The streams that have files.
set variable streams = (
    select list(distinct regexp_extract(file[length(getvariable('lake')) + 1:], '[^/\\]+'))
    from glob(getvariable('lake') || '/*/**/*.json*')
);

-- Every version of every record that was ever loaded. All rows are looked at for the types of the
-- columns, and files of years ago may lack columns of today. Of a stream without files, the columns
-- that this script speaks of.
create macro loaded(stream) as table
    from query(case
        when list_contains(getvariable('streams'), stream) then format(
            'from read_json(
                ''{}/{}/**/*.json*'',
                format = ''newline_delimited'',
                hive_partitioning = true,
                union_by_name = true,
                filename = true,
                sample_size = -1
            )',
            replace(getvariable('lake'), '''', ''''''), stream
        )
        else 'select
            null::text as id, null as created_at, null as updated_at, null::text as state,
            null::text as contact_id, null::text as conversation_id, null::text as ticket_id,
            null::text as call_id, null as conversation_updated_at, null as ticket_updated_at,
            null as call_updated_at, null as initiated_at, null::json as author, null::text as body,
            null::json as transcript, null::text as filename
            where false'
    end);

-- The same records, each as it came.
create macro lines(stream) as table
    from query(case
        when list_contains(getvariable('streams'), stream) then format(
            'select json as record, filename from read_json_objects(
                ''{}/{}/**/*.json*'', format = ''newline_delimited'', filename = true
            )',
            replace(getvariable('lake'), '''', ''''''), stream
        )
        else 'select null::json as record, null::text as filename where false'
    end);

-- Times are epoch seconds; those of calls may also be ISO 8601 text, as Intercom sends them.
create macro instant(time) as coalesce(
    to_timestamp(try_cast(to_json(time) ->> '$' as double)),
    try_cast(to_json(time) ->> '$' as timestamptz)
);

-- What is gone from the workspace, and since when: what changed later than that has come back. Audits
-- tell it (`deletions`), and Intercom does: of conversations (for good), of contacts (those merged into
-- others among them).
create view told_as_deleted as
    select record ->> 'stream' as stream, record ->> 'id' as id, instant(record -> 'found_at') as found_at
    from lines('deletions')
    union all
    select 'conversations', record ->> 'id', null
    from lines('deleted_conversations')
    union all
    select
        'contacts',
        if(record ->> 'event_type' = 'contact.deleted', record ->> 'contact_id', record ->> 'merge_source_id'),
        instant(record -> 'created_at')
    from lines('contact_activities')
    where record ->> 'event_type' in ('contact.deleted', 'contact.merged')
    union all
    select 'contacts', record ->> 'source_contact_id', instant(record -> 'merged_at')
    from lines('contact_merges')
    union all
    select 'contacts', merge ->> 'source_contact_id', instant(merge -> 'merged_at')
    from lines('contacts'), unnest(try_cast(record -> 'merge_history' as json[])) as merges(merge);

-- (No property of a record is called `key_text`.)
create view deleted as
    select stream, id as key_text, max(coalesce(found_at, 'infinity')) as found_at
    from told_as_deleted
    group by all;

-- Of each record the newest version, unless it is gone. Names of files sort by time.
create macro newest(stream_name, key, version) as table
    from loaded(stream_name)
    where not exists (
        from deleted
        where deleted.stream = stream_name
            and deleted.key_text = key::text
            and coalesce(deleted.found_at >= instant(version), true)
    )
    qualify row_number() over (
        partition by key order by instant(version) desc nulls last, filename desc
    ) = 1;

create view contacts as from newest('contacts', id, updated_at);
create view companies as from newest('companies', id, updated_at);
create view conversations as from newest('conversations', id, updated_at);
create view tickets as from newest('tickets', id, updated_at);
create view calls as from newest('calls', id, updated_at);
create view articles as from newest('articles', id, updated_at);

-- What belongs to a record goes with it, and comes back with it. `version` is null where there is none:
-- then the record is the one of the newest file.
create macro newest_of(parents, parent_key, stream_name, key, version) as table
    from newest(stream_name, key, version)
    where not exists (
        from deleted
        where deleted.stream = parents
            and deleted.key_text = parent_key::text
            and coalesce(deleted.found_at >= instant(version), true)
            and deleted.key_text not in (select id::text from query_table(parents))
    );

create view conversation_parts as
    from newest_of('conversations', conversation_id, 'conversation_parts', id, conversation_updated_at);
create view ticket_parts as from newest_of('tickets', ticket_id, 'ticket_parts', id, ticket_updated_at);
create view call_transcriptions as
    from newest_of('calls', call_id, 'call_transcriptions', call_id, call_updated_at);
create view contact_notes as from newest_of('contacts', contact_id, 'contact_notes', id, null);
create view contact_tags as
    from newest_of('contacts', contact_id, 'contact_tags', (contact_id, id), null);

-- Full tables: what the newest run found, so that what was deleted in Intercom is gone here too. A file
-- without a line is a list without a row.
create macro newest_run(stream) as table
    from loaded(stream) where filename = (
        select max(file) from glob(getvariable('lake') || '/' || stream || '/**/*.json*')
    );

create view admins as from newest_run('admins');
create view teams as from newest_run('teams');
create view tags as from newest_run('tags');
create view collections as from newest_run('collections');

-- Every conversation with what was said in it, in order.
create view conversation_history as
    select
        conversations.id,
        instant(conversations.created_at) as opened_at,
        conversations.state,
        list(
            {
                said_at: instant(conversation_parts.created_at),
                author: to_json(conversation_parts.author) ->> 'type',
                body: conversation_parts.body
            }
            order by conversation_parts.created_at, conversation_parts.id
        ) filter (where conversation_parts.id is not null) as parts
    from conversations
    left join conversation_parts on conversation_parts.conversation_id = conversations.id
    group by all;

-- Every call with its transcript, one row a turn.
create view call_turns as
    select
        calls.id as call_id,
        instant(calls.initiated_at) as called_at,
        (turn ->> 'start_time')::double as start_time,
        turn ->> 'speaker' as speaker,
        turn ->> 'content' as content
    from calls
    join call_transcriptions on call_transcriptions.call_id = calls.id,
    unnest(to_json(call_transcriptions.transcript)::json[]) as turns(turn);

-- Contacts by the month in which they signed up.
select date_trunc('month', instant(created_at)) as month, count(*) as contacts
from contacts
group by all
order by all;

-- Columnar copies of what is current, for what reads them often. Make the folder `current` first, and
-- take the dashes away.
--
-- copy (from contacts) to 'current/contacts.parquet';
-- copy (from companies) to 'current/companies.parquet';
-- copy (from contact_notes) to 'current/contact_notes.parquet';
-- copy (from contact_tags) to 'current/contact_tags.parquet';
-- copy (from conversations) to 'current/conversations.parquet';
-- copy (from conversation_parts) to 'current/conversation_parts.parquet';
-- copy (from tickets) to 'current/tickets.parquet';
-- copy (from ticket_parts) to 'current/ticket_parts.parquet';
-- copy (from calls) to 'current/calls.parquet';
-- copy (from call_transcriptions) to 'current/call_transcriptions.parquet';
-- copy (from articles) to 'current/articles.parquet';
-- copy (from admins) to 'current/admins.parquet';
-- copy (from teams) to 'current/teams.parquet';
-- copy (from tags) to 'current/tags.parquet';
-- copy (from collections) to 'current/collections.parquet';
