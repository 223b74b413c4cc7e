//! The tap: from Intercom's REST API to Singer messages. In the order of the data: requests, pages,
//! what goes with a record, messages.

pub mod arguments;
pub mod run;

pub mod config;
pub mod fault;
pub mod plan;
pub mod records;
pub mod streams;
pub mod time;

pub mod api_error;
pub mod client;
pub mod pace;
pub mod path;

pub mod bookmark;
pub mod page;
pub mod pages;

pub mod children;
pub mod nested_lists;
pub mod transcript;
pub mod workers;

pub mod progress;
pub mod sync;
