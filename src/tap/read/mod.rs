//! Reading a stream's pages: which to ask for, what of them is new, and what the bookmark is once
//! they are emitted. Knows nothing of messages and children.

pub mod amount;
pub mod bookmark;
pub mod count;
pub mod counted;
pub mod envelope;
pub mod exported;
pub mod last_page;
pub mod page;
pub mod places;
pub mod reading;
pub mod seen;
pub mod stream;

mod ahead;
mod between;
mod coverage;
mod cursor;
mod ending;
mod ends;
pub mod export;
mod guard;
mod kept_cursor;
mod names;
pub mod nested_list;
mod numbered;
pub mod numbers;
mod order;
mod readers;
mod scroll;
mod scroll_or_search;
mod search;
mod sieve;
mod spool;
mod unsorted;
mod waiting;
