//! A record against its schema, for both programs. The only room that knows the validator.

mod branching;
pub mod change;
mod dialect;
pub mod document;
mod effort;
mod entries;
pub mod growth;
mod shape;
mod tape;
mod unusable;
pub mod validator;
mod widening;
