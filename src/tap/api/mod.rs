//! All HTTP of Intercom: one request, its pace, its retries, and what an answer's status means.
//! Knows no stream and no page.

pub mod client;
pub mod error;
pub mod memory;
pub mod pace;
pub mod path;

mod body;
mod breadth;
mod clock;
mod exchange;
mod headers;
mod job_slots;
mod judgement;
mod outlook;
mod page_time;
mod request;
mod tally;
mod tries;
mod unreachable;
mod window;
