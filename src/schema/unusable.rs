//! Why a schema can't be used, and which keyword of it is at fault.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError};
use serde_json::Value;

use super::branching::leads_nowhere;
use super::dialect::Reference;

/// Why a schema can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The keyword at fault, as a JSON pointer into the schema; empty where it is the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub fault: String,
}

impl Unusable {
    /// The validator's compiler refuses it, for a reason that may have its place.
    pub(super) fn refused(
        error: &ValidationError<'_>,
        schema: &Value,
        references: &[Reference],
    ) -> Self {
        if let ValidationErrorKind::Referencing(_) = error.kind() {
            if schema_uri_is_unknown(schema) {
                return Unusable {
                    pointer: "/$schema".to_owned(),
                    fault: "it names no draft from 4 to 2020-12".to_owned(),
                };
            }
            if let Some(lost) = leads_nowhere(schema, references) {
                return Unusable {
                    pointer: lost.pointer.clone(),
                    fault: format!("nothing in the schema is {:?}", lost.target),
                };
            }
        }
        Unusable {
            pointer: error.instance_path().to_string(),
            fault: error.to_string(),
        }
    }

    /// Its text isn't what a schema can be.
    #[must_use]
    pub fn unreadable(error: &serde_json::Error) -> Self {
        Self {
            pointer: String::new(),
            fault: error.to_string(),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(formatter, "{}: ", self.pointer)?;
        }
        formatter.write_str(&self.fault)
    }
}

fn schema_uri_is_unknown(schema: &Value) -> bool {
    let uri = schema.get("$schema").and_then(Value::as_str);
    uri.is_some_and(|uri| Draft::from_schema_uri(uri) == Draft::Unknown)
}
