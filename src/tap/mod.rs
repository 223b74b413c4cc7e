//! The tap: from Intercom's REST API to Singer messages.

pub mod bookmark;
pub mod client;
pub mod config;
pub mod fault;
pub mod pace;
pub mod page;
pub mod pages;
pub mod records;
pub mod streams;
pub mod time;
