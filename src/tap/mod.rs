//! The tap: from Intercom's REST API to Singer messages. In the order of the data: requests, pages,
//! what goes with a record, messages.

pub mod arguments;
pub mod probe;
pub mod run;

pub mod audit;
pub mod config;
pub mod discovery;
mod dry_run;
pub mod exclusions;
pub mod fault;
mod merge;
pub mod plan;
pub mod records;
pub mod streams;
pub mod time;

pub mod along;
pub mod api;
pub mod emit;
pub mod read;
