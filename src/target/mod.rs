//! The target: from Singer messages to objects in a bucket or files in a directory.

pub mod arguments;
pub mod config;
pub mod object_name;
pub mod state_name;

mod admission;
mod batch;
mod bookmark;
mod claim;
mod commands;
mod commit;
mod data_name;
mod days;
mod destination;
mod intake;
mod keys;
mod lake;
mod load;
mod quarantine;
mod record;
pub mod run;
mod side_by_side;
mod sink;
mod state;
mod state_changes;
mod state_edits;
mod state_place;
mod status;
pub mod status_page;
mod storable;
mod store;
mod stream_in_name;
mod tally;
mod versions;
mod writer;
