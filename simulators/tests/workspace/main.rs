//! The simulated workspace behaves as the API is described.

mod client;

mod details;
mod lists;
mod rows;
mod search;
mod service;
