//! The Singer wire: messages, catalog, state, metrics. Knows neither Intercom nor storage.

pub mod catalog;
pub mod lines;
pub mod messages;
pub mod metrics;
pub mod outgoing;
pub mod projection;
pub mod state;

mod breadcrumb;
