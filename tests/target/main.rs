//! `target-gcs`, driven through its binary: whatever happens to the input, to the storage or to the
//! process, nothing that a state covers is missing in the end.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod feeding;
mod harness;

mod batches;
mod before;
mod bucket;
mod bucket_faults;
mod corpus;
mod directory;
mod foreign_states;
mod input_faults;
mod invalid_records;
mod keys;
mod long_names;
mod long_stretch;
mod matrix;
mod odd_input;
mod order;
mod parallel;
mod report;
mod secure;
mod shared_directory;
mod signals;
mod state_edits;
mod state_objects;
mod status;
mod stopping;
mod streams;
mod updated_days;
mod whole_lists;
