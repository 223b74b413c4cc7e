//! Streams of the reporting export. Which columns there are is each workspace's own to say, hundreds
//! for some datasets, so a schema begins with none and follows the rows.

use serde_json::{Value, json};

/// Rows of one dataset: text under the names of attributes.
#[must_use]
pub fn rows_of(description: &str) -> Value {
    json!({"description": description, "type": "object", "properties": {}})
}
