-- What is known to be gone from the workspace: Intercom's own list of deleted conversations, and what
-- a reconciliation found to be missing there (`deletions`), when: whatever changed later has come back.
-- The list has no such time.
select
  'conversations' as stream, {{ text('record', 'id') }} as id,
  {{ instant('record', 'found_at') }} as found_at
from {{ lake('deleted_conversations') }} as loaded
union distinct
select
  {{ text('record', 'stream') }} as stream, {{ text('record', 'id') }} as id,
  {{ instant('record', 'found_at') }} as found_at
from {{ lake('deletions') }} as loaded
