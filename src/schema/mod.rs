//! A record against its schema, for both programs. The only room that knows the validator.

pub mod document;
mod tape;
pub mod validator;
