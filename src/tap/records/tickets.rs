//! Streams `tickets` and `ticket_parts`.

use super::shared::{
    AnyValue, Assignee, Attachment, ContactReferences, Id, LinkedObjectList, NumberOrText,
    NumericTimestamp, OpenObject, Timestamp,
};
use super::ticket_types::{TicketState, TicketType};
use schemars::JsonSchema;

/// A request that the company tracks until it is resolved.
#[derive(JsonSchema)]
pub struct Ticket {
    /// Kind of object: `ticket`.
    pub r#type: Option<String>,
    /// Identifier of the ticket.
    pub id: Id,
    /// Number of the ticket as people see it.
    pub ticket_id: Option<Id>,
    /// Category, such as `Customer` or `Back-office`.
    pub category: Option<String>,
    /// Values of the attributes that the ticket's type defines.
    pub ticket_attributes: Option<OpenObject>,
    /// State of the ticket: an object, or its category as text in versions up to 2.11.
    pub ticket_state: Option<TicketStateOrText>,
    /// Name of the state that teammates see, in versions up to 2.11.
    pub ticket_state_internal_label: Option<String>,
    /// Name of the state that customers see, in versions up to 2.11.
    pub ticket_state_external_label: Option<String>,
    /// Type of the ticket.
    pub ticket_type: Option<TicketType>,
    /// Contacts that the ticket concerns.
    pub contacts: Option<ContactReferences>,
    /// Identifier of the admin it is assigned to; 0 for none.
    pub admin_assignee_id: Option<Id>,
    /// Identifier of the team it is assigned to; 0 for none.
    pub team_assignee_id: Option<Id>,
    /// When the ticket was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the ticket last changed, in epoch seconds.
    pub updated_at: Option<NumericTimestamp>,
    /// Whether the ticket is open.
    pub open: Option<bool>,
    /// When a snoozed ticket comes back, in epoch seconds.
    pub snoozed_until: Option<Timestamp>,
    /// Conversations and tickets linked to this one.
    pub linked_objects: Option<LinkedObjectList>,
    /// What was said and done; never more than 500 parts.
    pub ticket_parts: Option<TicketPartList>,
    /// Whether the customer sees the ticket.
    pub is_shared: Option<bool>,
    /// Identifier of the state before the latest change of state.
    pub previous_ticket_state_id: Option<Id>,
}

/// The state of a ticket, which older versions give as text.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["object", "string"]))]
pub struct TicketStateOrText {
    /// The state.
    #[schemars(flatten)]
    pub state: TicketState,
}

/// What was said and done in a ticket.
#[derive(JsonSchema)]
pub struct TicketPartList {
    /// Kind of object: `ticket_part.list`.
    pub r#type: Option<String>,
    /// The parts.
    pub ticket_parts: Option<Vec<TicketPartContent>>,
    /// Number of parts.
    pub total_count: Option<NumberOrText>,
}

/// One message or action within a ticket.
#[derive(JsonSchema)]
pub struct TicketPart {
    /// Identifier of the ticket that the part belongs to; added by the tap.
    pub ticket_id: Option<Id>,
    /// When that ticket last changed, in epoch seconds; added by the tap.
    pub ticket_updated_at: Option<NumericTimestamp>,
    /// The part.
    #[schemars(flatten)]
    pub content: TicketPartContent,
}

/// One message or action, as the ticket holds it.
#[derive(JsonSchema)]
pub struct TicketPartContent {
    /// Kind of object: `ticket_part`.
    pub r#type: Option<String>,
    /// Identifier of the part.
    pub id: Id,
    /// What the part is, such as `comment` or `note`.
    pub part_type: Option<String>,
    /// Text of the part, possibly HTML.
    pub body: Option<String>,
    /// State of the ticket before the part.
    pub previous_ticket_state: Option<String>,
    /// State of the ticket after the part.
    pub ticket_state: Option<String>,
    /// When the part was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the part last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Whom the part assigned the ticket to.
    pub assigned_to: Option<Assignee>,
    /// Who wrote the part.
    pub author: Option<TicketPartAuthor>,
    /// Files sent along.
    pub attachments: Option<Vec<Attachment>>,
    /// Identifier that another system gave the part.
    pub external_id: Option<Id>,
    /// Whether the text was removed afterwards.
    pub redacted: Option<bool>,
    /// Code of the app that created the part through the API.
    pub app_package_code: Option<String>,
    /// The text in other languages, by locale; only the preview version sends it.
    pub translations: Option<OpenObject>,
    /// Attribute that the part changed.
    pub updated_attribute_data: Option<UpdatedAttribute>,
}

/// Who wrote a part.
#[derive(JsonSchema)]
pub struct TicketPartAuthor {
    /// Kind of author, such as `user`, `admin`, `bot` or `team`.
    pub r#type: Option<String>,
    /// Identifier of the author.
    pub id: Option<Id>,
    /// Name of the author.
    pub name: Option<String>,
    /// Email address of the author.
    pub email: Option<String>,
}

/// An attribute that a part changed.
#[derive(JsonSchema)]
pub struct UpdatedAttribute {
    /// The attribute.
    pub attribute: Option<UpdatedAttributeName>,
    /// Its new value.
    pub value: Option<UpdatedAttributeValue>,
}

/// The attribute that a part changed.
#[derive(JsonSchema)]
pub struct UpdatedAttributeName {
    /// Kind of object: `attribute`.
    pub r#type: Option<String>,
    /// Identifier of the attribute.
    pub id: Option<Id>,
    /// Name that people read.
    pub label: Option<String>,
}

/// The value that a part gave an attribute.
#[derive(JsonSchema)]
pub struct UpdatedAttributeValue {
    /// Kind of object: `value`.
    pub r#type: Option<String>,
    /// The value, or its identifier, or several of them.
    pub id: Option<AnyValue>,
    /// The value as people read it, or several of them.
    pub label: Option<AnyValue>,
}
