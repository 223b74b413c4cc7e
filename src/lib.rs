//! Singer tap for Intercom and Singer target for Google Cloud Storage.

pub mod cli;
pub mod http;
pub mod json;
pub mod schema;
pub mod singer;
pub mod tap;
pub mod target;
