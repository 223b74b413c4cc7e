//! Streams `tags` and `contact_tags`: labels for contacts, companies, conversations and more.

use super::shared::{Id, Reference, Timestamp};
use schemars::JsonSchema;

/// A label that people put on contacts, companies, conversations, tickets and articles.
#[derive(JsonSchema)]
pub struct Tag {
    /// Kind of object: `tag`.
    pub r#type: Option<String>,
    /// Identifier of the tag.
    pub id: Id,
    /// Text of the tag.
    pub name: Option<String>,
    /// When the tag was put on the object that carries it, in epoch seconds.
    pub applied_at: Option<Timestamp>,
    /// Who put the tag on the object that carries it.
    pub applied_by: Option<Reference>,
}

/// Tags that an object carries.
#[derive(JsonSchema)]
pub struct TagList {
    /// Kind of object: `tag.list`.
    pub r#type: Option<String>,
    /// The tags.
    pub tags: Option<Vec<Tag>>,
}

/// A tag on a contact.
#[derive(JsonSchema)]
pub struct ContactTag {
    /// Identifier of the contact; added by the tap.
    pub contact_id: Id,
    /// Path of the API request that answers the tag.
    pub url: Option<String>,
    /// The tag.
    #[schemars(flatten)]
    pub tag: Tag,
}
