//! `tap-intercom`, driven through its binary against a simulated workspace: whatever happens to the
//! wire, to the rows or to the process, nothing that was in the workspace is missing in the end.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up fails")]

mod harness;
mod sets;

mod audit;
mod audit_children;
mod bytes;
mod changes;
mod company_search;
mod configuration;
mod covers;
mod discovering;
mod dry_run;
mod emission;
mod endless;
mod every_stream;
mod excluding;
mod export_kills;
mod exports;
mod faults;
mod further_children;
mod further_incremental;
mod further_lists;
mod further_resources;
mod holes;
mod kept_cursors;
mod kill;
mod memory;
mod messages;
mod pacing;
mod pages_ahead;
mod poison;
mod property;
mod recorded;
mod report;
mod reports;
mod requests;
mod schemas_follow;
mod scroll;
mod selection;
mod side_by_side;
mod sliced;
mod sorted;
mod state_files;
mod stopping;
mod tolerant;
mod truncated_lists;
mod twenty_days;
mod whole;
mod whole_lists;
