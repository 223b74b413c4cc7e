//! The tap: from Intercom's REST API to Singer messages.

pub mod records;
