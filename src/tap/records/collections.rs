//! Stream `collections`: how the help center groups its articles.

use super::shared::{Id, OpenObject, Timestamp};
use schemars::JsonSchema;

/// A group of help center articles. Top-level content is that of the default language.
#[derive(JsonSchema)]
pub struct Collection {
    /// Kind of object: `collection`; versions up to 2.9 send it.
    pub r#type: Option<String>,
    /// Identifier of the collection.
    pub id: Id,
    /// Identifier of the workspace that the collection belongs to.
    pub workspace_id: Option<Id>,
    /// Name of the collection.
    pub name: Option<String>,
    /// What the collection is about.
    pub description: Option<String>,
    /// When the collection was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the collection last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Address of the collection.
    pub url: Option<String>,
    /// Name of the collection's icon.
    pub icon: Option<String>,
    /// Position among the collections beside it, from 0.
    pub order: Option<f64>,
    /// Default language of a help center in several languages.
    pub default_locale: Option<String>,
    /// Name and description in each language, by locale.
    pub translated_content: Option<OpenObject>,
    /// Identifier of the collection above; null at the top level.
    pub parent_id: Option<Id>,
    /// Identifier of the help center that holds the collection.
    pub help_center_id: Option<Id>,
}
