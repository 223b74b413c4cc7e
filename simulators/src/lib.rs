//! Servers on loopback that stand in for Intercom and for Google Cloud Storage: for the tests of
//! both programs, for trying them out and for measuring them.
//!
//! They follow the published descriptions of the two services and what is known of their behaviour,
//! not what would suit the programs, of which they know nothing. Faults are part of the service:
//! each server takes orders for what goes wrong when, and keeps a log of what it was asked.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "these serve tests: what can't be done panics, and an answer left unused does no harm"
)]

pub mod gcs;
pub mod http;
mod lock;
pub mod log;
pub mod workspace;
