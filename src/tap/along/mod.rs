//! What goes with a record: child records, the rest of lists that the API cut, transcripts, and the
//! threads that fetch them. Knows nothing of pages' order or of messages.

pub mod asking;
pub mod children;
pub mod nested_lists;
pub mod transcript;
pub mod workers;
