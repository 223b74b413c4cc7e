-- What target-gcs wrote, as tables, in DuckDB:
--
--     duckdb -init examples/duckdb.sql
--
-- `lake` is the target's destination. For a bucket ('gs://intercom-api-prod'), first
--     create secret (type gcs, key_id '…', secret '…');
-- A stream that has no file yet has no table: leave its lines out.
set variable lake = 'lake';
set timezone = 'UTC';

-- Every version of every record that was ever loaded. All rows are looked at for the types of the
-- columns, and files of years ago may lack columns of today.
create macro loaded(stream) as table
    select * from read_json(
        getvariable('lake') || '/' || stream || '/**/*.json*',
        format = 'newline_delimited',
        hive_partitioning = true,
        union_by_name = true,
        filename = true,
        sample_size = -1
    );

-- Times are epoch seconds; those of calls may also be ISO 8601 text, as Intercom sends them.
create macro instant(time) as coalesce(
    to_timestamp(try_cast(to_json(time) ->> '$' as double)),
    try_cast(to_json(time) ->> '$' as timestamptz)
);

-- Of each record the newest version. Names of files sort by time.
create macro newest(stream, key, updated_at) as table
    select * from loaded(stream)
    qualify row_number() over (
        partition by key order by instant(updated_at) desc, filename desc
    ) = 1;

create view contacts as from newest('contacts', id, updated_at);
create view conversations as from newest('conversations', id, updated_at);
create view conversation_parts as from newest('conversation_parts', id, conversation_updated_at);
create view calls as from newest('calls', id, updated_at);
create view call_transcriptions as from newest('call_transcriptions', call_id, call_updated_at);
create view articles as from newest('articles', id, updated_at);

-- Full tables: what the newest run found, so that what was deleted in Intercom is gone here too.
create macro newest_run(stream) as table
    from loaded(stream) where filename = (select max(filename) from loaded(stream));

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
                author: conversation_parts.author.type,
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
        turn.start_time,
        turn.speaker,
        turn.content
    from calls
    join call_transcriptions on call_transcriptions.call_id = calls.id,
    unnest(call_transcriptions.transcript) as turns(turn);

-- Contacts by the month in which they signed up.
select date_trunc('month', instant(created_at)) as month, count(*) as contacts
from contacts
group by all
order by all;

-- Columnar copies of what is current, for what reads them often. Make the folder `current` first, and
-- take the dashes away.
--
-- copy (from contacts) to 'current/contacts.parquet';
-- copy (from conversations) to 'current/conversations.parquet';
-- copy (from conversation_parts) to 'current/conversation_parts.parquet';
-- copy (from calls) to 'current/calls.parquet';
-- copy (from call_transcriptions) to 'current/call_transcriptions.parquet';
-- copy (from articles) to 'current/articles.parquet';
-- copy (from admins) to 'current/admins.parquet';
-- copy (from teams) to 'current/teams.parquet';
-- copy (from tags) to 'current/tags.parquet';
-- copy (from collections) to 'current/collections.parquet';
