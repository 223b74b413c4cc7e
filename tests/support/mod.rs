//! What the tests and the examples share: servers on loopback that stand in for Intercom and for
//! Google Cloud Storage.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test file and example uses a part of the support"
)]

pub mod gcs;
pub mod http;
pub mod target;
pub mod workspace;
