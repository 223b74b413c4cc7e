//! `--dry-run`: what a run would read, and how long the API's limit makes that take.

pub mod run;

mod details;
mod forecast;
