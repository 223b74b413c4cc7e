//! What the tests and the examples share: servers on loopback that stand in for Intercom and for
//! Google Cloud Storage.

pub mod http;
