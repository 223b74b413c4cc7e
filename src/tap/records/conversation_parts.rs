//! Stream `conversation_parts`: what is said and done in a conversation, one part at a time.

use super::shared::{
    AnyValue, Assignee, Attachment, EmailAddressHeader, Id, NumericTimestamp, OpenObject, Timestamp,
};
use super::tags::Tag;
use schemars::JsonSchema;

/// One message or action within a conversation.
#[derive(JsonSchema)]
pub struct ConversationPart {
    /// Kind of object: `conversation_part`.
    pub r#type: Option<String>,
    /// Identifier of the part.
    pub id: Id,
    /// Identifier of the conversation that the part belongs to; added by the tap.
    pub conversation_id: Option<Id>,
    /// When that conversation last changed, in epoch seconds; added by the tap.
    pub conversation_updated_at: Option<NumericTimestamp>,
    /// What the part is, such as `comment`, `note`, `assignment` or `close`.
    pub part_type: Option<String>,
    /// Text of the part, possibly HTML.
    pub body: Option<String>,
    /// When the part was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the part last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// When the user was notified of the part, in epoch seconds.
    pub notified_at: Option<Timestamp>,
    /// Whom the part assigned the conversation to.
    pub assigned_to: Option<Assignee>,
    /// Who wrote the part.
    pub author: Option<PartAuthor>,
    /// Kind of author; sent by some workspaces in the place of `author`.
    pub author_type: Option<String>,
    /// Identifier of the author, likewise.
    pub author_id: Option<Id>,
    /// Files sent along.
    pub attachments: Option<Vec<Attachment>>,
    /// Identifier that another system gave the part.
    pub external_id: Option<Id>,
    /// Whether the text was removed afterwards.
    pub redacted: Option<bool>,
    /// Headers of the email that the part came by.
    pub email_message_metadata: Option<EmailMetadata>,
    /// Quick replies offered or chosen.
    pub metadata: Option<PartMetadata>,
    /// State of the conversation when the part was created.
    pub state: Option<String>,
    /// Tags on the part.
    pub tags: Option<Vec<Tag>>,
    /// What happened, where the part is an event rather than a message.
    pub event_details: Option<EventDetails>,
    /// Code of the app that created the part through the API.
    pub app_package_code: Option<String>,
    /// The text in other languages, by locale; only the preview version sends it.
    pub translations: Option<OpenObject>,
}

/// Who wrote a part.
#[derive(JsonSchema)]
pub struct PartAuthor {
    /// Kind of author, such as `user`, `lead`, `admin`, `bot` or `team`.
    pub r#type: Option<String>,
    /// Identifier of the author.
    pub id: Option<Id>,
    /// Name of the author.
    pub name: Option<String>,
    /// Email address of the author.
    pub email: Option<String>,
    /// Whether the AI agent sent the part.
    pub from_ai_agent: Option<bool>,
    /// Whether the AI agent generated the text.
    pub is_ai_answer: Option<bool>,
}

/// Headers of the email that a part came by.
#[derive(JsonSchema)]
pub struct EmailMetadata {
    /// Subject line.
    pub subject: Option<String>,
    /// Address lines of the email's head.
    pub email_address_headers: Option<Vec<EmailAddressHeader>>,
    /// The email's `Message-ID` header.
    pub message_id: Option<Id>,
}

/// Quick replies of a part.
#[derive(JsonSchema)]
pub struct PartMetadata {
    /// Quick replies that the part offers.
    pub quick_reply_options: Option<Vec<QuickReplyOption>>,
    /// Identifier of the quick reply that the contact chose.
    pub quick_reply_uuid: Option<String>,
}

/// A quick reply that a part offers.
#[derive(JsonSchema)]
pub struct QuickReplyOption {
    /// Text to click on.
    pub text: Option<String>,
    /// Identifier of the quick reply.
    pub uuid: Option<String>,
    /// The text in other languages, by locale.
    pub translations: Option<OpenObject>,
}

/// What happened in an event: which of these there are depends on the kind of part.
#[derive(JsonSchema)]
pub struct EventDetails {
    /// Custom action that was started or finished.
    pub action: Option<EventAction>,
    /// Conversation attribute that was changed.
    pub attribute: Option<EventAttribute>,
    /// Value that the attribute was given.
    pub value: Option<EventValue>,
    /// Workflow that acted.
    pub workflow: Option<EventWorkflow>,
    /// What the workflow did.
    pub event: Option<WorkflowEvent>,
    /// Identifier of the call that the part sums up.
    pub call_id: Option<Id>,
    /// Priority that the conversation was given.
    pub current_priority: Option<String>,
    /// Priority that the conversation had before.
    pub previous_priority: Option<String>,
    /// Name of the service level agreement.
    pub sla_name: Option<String>,
    /// Seconds that the agreement allows, by target.
    pub sla_definition: Option<OpenObject>,
    /// Target of the agreement that was missed.
    pub sla_target_type: Option<String>,
    /// How the agreement stands as a whole.
    pub current_sla_status: Option<String>,
    /// How the agreement stands, by target.
    pub sla_states: Option<OpenObject>,
    /// Until when the conversation was snoozed, in words.
    pub until: Option<String>,
    /// Until when the conversation was snoozed, in ISO 8601, where an instant was chosen.
    pub custom_until_time: Option<Timestamp>,
    /// Names of the tags that the conversation was given.
    pub tags_added: Option<Vec<String>>,
    /// Names of the tags that were taken off the conversation.
    pub tags_removed: Option<Vec<String>>,
}

/// A custom action.
#[derive(JsonSchema)]
pub struct EventAction {
    /// Name of the action.
    pub name: Option<String>,
    /// How a finished action ended.
    pub result: Option<String>,
}

/// A conversation attribute that was changed.
#[derive(JsonSchema)]
pub struct EventAttribute {
    /// Name of the attribute.
    pub name: Option<String>,
}

/// The value that a conversation attribute was given.
#[derive(JsonSchema)]
pub struct EventValue {
    /// The new value.
    pub name: Option<AnyValue>,
    /// The value before.
    pub previous: Option<AnyValue>,
}

/// A workflow that acted in a conversation.
#[derive(JsonSchema)]
pub struct EventWorkflow {
    /// Name of the workflow.
    pub name: Option<String>,
}

/// What a workflow did in a conversation.
#[derive(JsonSchema)]
pub struct WorkflowEvent {
    /// Kind of event.
    pub r#type: Option<String>,
    /// How it ended.
    pub result: Option<AnyValue>,
}
