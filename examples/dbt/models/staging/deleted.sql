-- What is known to be gone from the workspace, and since when: whatever changed later has come back.
-- Audits tell it (`deletions`), and Intercom does: of conversations (for good), of contacts (those merged
-- into others among them).
select
  'conversations' as stream, {{ text('record', 'id') }} as id,
  {{ instant('record', 'found_at') }} as found_at
from {{ lake('deleted_conversations') }} as loaded
union distinct
select
  {{ text('record', 'stream') }} as stream, {{ text('record', 'id') }} as id,
  {{ instant('record', 'found_at') }} as found_at
from {{ lake('deletions') }} as loaded
union distinct
select
  'contacts' as stream,
  case
    when {{ text('record', 'event_type') }} = 'contact.deleted' then {{ text('record', 'contact_id') }}
    else {{ text('record', 'merge_source_id') }}
  end as id,
  {{ instant('record', 'created_at') }} as found_at
from {{ lake('contact_activities') }} as loaded
where {{ text('record', 'event_type') }} in ('contact.deleted', 'contact.merged')
union distinct
select
  'contacts' as stream, {{ text('record', 'source_contact_id') }} as id,
  {{ instant('record', 'merged_at') }} as found_at
from {{ lake('contact_merges') }} as loaded
union distinct
select
  'contacts' as stream, {{ text('element', 'source_contact_id') }} as id,
  {{ instant('element', 'merged_at') }} as found_at
from {{ lake('contacts') }} as loaded, {{ elements('loaded.record', 'merge_history') }}
