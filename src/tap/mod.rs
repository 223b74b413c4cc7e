//! The tap: from Intercom's REST API to Singer messages.

pub mod client;
pub mod config;
pub mod fault;
pub mod pace;
pub mod records;
pub mod time;
