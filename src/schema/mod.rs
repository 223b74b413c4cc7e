//! A record against its schema, for both programs. The only room that knows the validator.

mod tape;
pub mod validator;
