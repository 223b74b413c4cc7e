//! What both programs need to talk HTTP: agents and the one way to wait between two tries. Knows
//! neither Intercom nor storage.

mod addresses;
pub mod agent;
pub mod obstacle;
pub mod patience;
pub mod words;
