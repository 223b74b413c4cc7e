//! A record against its schema, for both programs. The only room that knows the validator.

mod branching;
mod dialect;
pub mod document;
mod effort;
mod entries;
mod tape;
pub mod validator;
