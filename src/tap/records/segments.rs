//! Streams `segments`, `contact_segments` and `company_segments`.

use super::shared::{Id, Timestamp};
use schemars::JsonSchema;

/// Segments that an object falls into.
#[derive(JsonSchema)]
pub struct SegmentList {
    /// Kind of object: `segment.list`.
    pub r#type: Option<String>,
    /// The segments.
    pub segments: Option<Vec<Segment>>,
}

/// A group of contacts or companies that share certain properties.
#[derive(JsonSchema)]
pub struct Segment {
    /// Kind of object: `segment`.
    pub r#type: Option<String>,
    /// Identifier of the segment.
    pub id: Id,
    /// Name of the segment.
    pub name: Option<String>,
    /// When the segment was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the segment last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Whom the segment gathers: `contact` or `user`.
    pub person_type: Option<String>,
    /// Number of members; only sent on request.
    pub count: Option<f64>,
}

/// A segment that a contact falls into.
#[derive(JsonSchema)]
pub struct ContactSegment {
    /// Identifier of the contact; added by the tap.
    pub contact_id: Id,
    /// The segment.
    #[schemars(flatten)]
    pub segment: Segment,
}

/// A segment that a company falls into.
#[derive(JsonSchema)]
pub struct CompanySegment {
    /// Identifier that Intercom gave the company; added by the tap.
    pub company_id: Id,
    /// The segment.
    #[schemars(flatten)]
    pub segment: Segment,
}
