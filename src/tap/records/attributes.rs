//! Streams `contact_attributes`, `company_attributes` and `conversation_attributes`: what the
//! workspace can know about each.

use super::shared::{AnyValue, Id, Timestamp};
use schemars::JsonSchema;

/// An attribute of contacts or companies, built in or defined by the workspace.
// Built-in attributes have no `id`, so the name is the key.
#[derive(JsonSchema)]
pub struct DataAttribute {
    /// Kind of object: `data_attribute`.
    pub r#type: Option<String>,
    /// Identifier of an attribute that the workspace defined; built-in ones have none.
    pub id: Option<Id>,
    /// What the attribute belongs to: `contact` or `company`.
    pub model: Option<String>,
    /// Name of the attribute.
    pub name: Option<String>,
    /// Name of the attribute with the object that holds it, such as `custom_attributes.plan`.
    pub full_name: String,
    /// Name that people read.
    pub label: Option<String>,
    /// What the attribute means.
    pub description: Option<String>,
    /// Type of its values, such as `string` or `date`.
    pub data_type: Option<String>,
    /// Values to choose from.
    pub options: Option<Vec<AnyValue>>,
    /// Whether the API may write it.
    pub api_writable: Option<bool>,
    /// Whether the Messenger may write it.
    pub messenger_writable: Option<bool>,
    /// Whether people may write it in Intercom.
    pub ui_writable: Option<bool>,
    /// Whether the workspace defined it.
    pub custom: Option<bool>,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// When the attribute was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the attribute last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Identifier of the admin who created it.
    pub admin_id: Option<Id>,
}

/// An attribute that the workspace defined for its conversations.
#[derive(JsonSchema)]
pub struct ConversationAttribute {
    /// Kind of object: `conversation_attribute`.
    pub r#type: Option<String>,
    /// Identifier of the attribute.
    pub id: Id,
    /// Name of the attribute.
    pub name: Option<String>,
    /// What the attribute means.
    pub description: Option<String>,
    /// Type of its values, such as `string` or `list`.
    pub data_type: Option<String>,
    /// Whether it must be filled in.
    pub required: Option<bool>,
    /// Identifiers of the teams that see it; empty for all.
    pub visible_to_team_ids: Option<Vec<Id>>,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// When the attribute was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the attribute last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Identifier of the admin who created it.
    pub admin_id: Option<Id>,
    /// Whether text may run over several lines.
    pub multiline: Option<bool>,
    /// Values to choose from.
    pub options: Option<Vec<ConversationAttributeOption>>,
    /// What a relationship leads to.
    pub reference: Option<ConversationAttributeReference>,
}

/// A value that a conversation attribute can be given.
#[derive(JsonSchema)]
pub struct ConversationAttributeOption {
    /// Identifier of the value.
    pub id: Option<Id>,
    /// Text of the value.
    pub label: Option<String>,
    /// Whether it is archived.
    pub archived: Option<bool>,
}

/// What a relationship leads to.
#[derive(JsonSchema)]
pub struct ConversationAttributeReference {
    /// Whether it leads to `one` object or `many`.
    pub r#type: Option<String>,
    /// Identifier of the custom object type it leads to.
    pub object_type_id: Option<Id>,
}
