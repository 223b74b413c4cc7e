//! Stream `deletions`: what the workspace no longer has, as audits find it.

use super::shared::{Id, NumericTimestamp};
use schemars::JsonSchema;

/// A record of another stream that the workspace no longer has.
#[derive(JsonSchema)]
pub struct Deletion {
    /// Stream of the record.
    pub stream: String,
    /// Key of the record; where it has several properties, their values as an array in JSON.
    pub id: Id,
    /// When it was found to be gone, in epoch seconds.
    pub found_at: Option<NumericTimestamp>,
    /// Identifier of the record that it was merged into.
    pub merged_into: Option<String>,
}
