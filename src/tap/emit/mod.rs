//! From rows and what goes with them to messages, in order, with the state behind them.

pub mod messages;
pub mod outlet;
pub mod pipeline;
pub mod progress;
pub mod standing;
pub mod stream;
pub mod streams;
mod told;
