//! Streams `ticket_types` and `ticket_states`.

use super::shared::{Id, NumberOrText, OpenObject, Timestamp};
use schemars::JsonSchema;

/// A type of ticket, with the attributes that tickets of it have.
#[derive(JsonSchema)]
pub struct TicketType {
    /// Kind of object: `ticket_type`.
    pub r#type: Option<String>,
    /// Identifier of the ticket type.
    pub id: Id,
    /// Category, such as `Customer` or `Back-office`.
    pub category: Option<String>,
    /// Name of the ticket type.
    pub name: Option<String>,
    /// What tickets of this type are for.
    pub description: Option<String>,
    /// Emoji shown for the ticket type.
    pub icon: Option<String>,
    /// Identifier of the workspace that the ticket type belongs to.
    pub workspace_id: Option<Id>,
    /// Attributes of tickets of this type.
    pub ticket_type_attributes: Option<TicketTypeAttributeList>,
    /// States that tickets of this type go through.
    pub ticket_states: Option<TicketStateList>,
    /// Whether the type is for teammates only.
    pub is_internal: Option<bool>,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// When the ticket type was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the ticket type last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// Attributes of the tickets of a type.
#[derive(JsonSchema)]
pub struct TicketTypeAttributeList {
    /// Kind of object: `list`.
    pub r#type: Option<String>,
    /// The attributes, under the name the API sends.
    pub data: Option<Vec<TicketTypeAttribute>>,
    /// The attributes, under their documented name.
    pub ticket_type_attributes: Option<Vec<TicketTypeAttribute>>,
}

/// An attribute of the tickets of a type.
#[derive(JsonSchema)]
pub struct TicketTypeAttribute {
    /// Kind of object: `ticket_type_attribute`.
    pub r#type: Option<String>,
    /// Identifier of the attribute.
    pub id: Option<Id>,
    /// Identifier of the workspace that the attribute belongs to.
    pub workspace_id: Option<Id>,
    /// Name of the attribute.
    pub name: Option<String>,
    /// What the attribute means.
    pub description: Option<String>,
    /// Type of its values, such as `string` or `list`.
    pub data_type: Option<String>,
    /// How it is filled in, such as the values to choose from.
    pub input_options: Option<OpenObject>,
    /// Position among the other attributes.
    pub order: Option<NumberOrText>,
    /// Whether teammates must fill it in.
    pub required_to_create: Option<bool>,
    /// Whether contacts must fill it in.
    pub required_to_create_for_contacts: Option<bool>,
    /// Whether teammates see it when they create a ticket.
    pub visible_on_create: Option<bool>,
    /// Whether contacts see it.
    pub visible_to_contacts: Option<bool>,
    /// Whether it is built in.
    pub default: Option<bool>,
    /// Identifier of the ticket type it belongs to.
    pub ticket_type_id: Option<Id>,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// When the attribute was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the attribute last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// States that tickets of a type go through.
#[derive(JsonSchema)]
pub struct TicketStateList {
    /// Kind of object: `list`.
    pub r#type: Option<String>,
    /// The states.
    pub data: Option<Vec<TicketState>>,
}

/// A state that a ticket can be in, as tickets and ticket types hold it.
#[derive(JsonSchema)]
pub struct TicketState {
    /// Kind of object: `ticket_state`.
    pub r#type: Option<String>,
    /// Identifier of the state.
    pub id: Id,
    /// Category, such as `submitted` or `resolved`.
    pub category: Option<String>,
    /// Name that teammates see.
    pub internal_label: Option<String>,
    /// Name that customers see.
    pub external_label: Option<String>,
}

/// A state that a ticket can be in.
#[derive(JsonSchema)]
pub struct TicketStateDetailed {
    /// The state.
    #[schemars(flatten)]
    pub state: TicketState,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// Types of tickets that can be in this state.
    pub ticket_types: Option<TicketTypeList>,
}

/// Types of tickets that can be in a state.
#[derive(JsonSchema)]
pub struct TicketTypeList {
    /// Kind of object: `list`.
    pub r#type: Option<String>,
    /// The ticket types.
    pub data: Option<Vec<TicketType>>,
}
