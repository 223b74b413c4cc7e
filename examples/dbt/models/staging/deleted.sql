-- What is known to be gone from the workspace: Intercom's own list of deleted conversations, and what
-- a reconciliation found to be missing there (`deletions`).
select 'conversations' as stream, {{ text('record', 'id') }} as id
from {{ lake('deleted_conversations') }} as loaded
union distinct
select {{ text('record', 'stream') }} as stream, {{ text('record', 'id') }} as id
from {{ lake('deletions') }} as loaded
