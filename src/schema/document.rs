//! Small documents of our own, such as settings, against schemas of our own: nothing here is fast or
//! expects the unexpected.

use serde_json::Value;

/// Whether a value is valid by a schema, which must be one of this program's.
///
/// # Panics
///
/// If the schema is none.
#[must_use]
pub fn is_valid(schema: &Value, value: &Value) -> bool {
    jsonschema::is_valid(schema, value)
}
