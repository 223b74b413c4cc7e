//! What goes with a record: child records, the rest of lists that the API truncates, transcripts, the
//! threads that fetch them, and the account of what couldn't be had. Knows nothing of pages' order or of messages.

pub mod account;
pub mod again;
pub mod asking;
pub mod awaited;
pub mod children;

mod child_lists;
mod gone;
pub mod nested_lists;
pub mod transcript;
pub mod truncated_list;
pub mod workers;
