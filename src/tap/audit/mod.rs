//! The lake against the workspace: what a list of the lake's keys lacks of the lists that the API gives,
//! what it has too much, and what mends that. Lists are read by the ways of `read/`; nothing here knows
//! how a page is asked for, and no bookmark moves.

pub mod run;

mod again;
mod children;
mod comparing;
mod differences;
mod expected;
mod gone;
mod holdings;
mod keys;
mod lacking;
mod line;
mod outcome;
mod progress;
