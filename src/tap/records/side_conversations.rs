//! Streams of what goes on around a conversation: `side_conversations`, `side_conversation_parts`,
//! `handling_events` and `fin_voice_calls`.

use super::conversation_parts::ConversationPart;
use super::shared::{Id, NumericTimestamp, OpenObject, Timestamp};
use schemars::JsonSchema;

/// A thread that teammates began from within a conversation.
#[derive(JsonSchema)]
pub struct SideConversation {
    /// Identifier of the side conversation.
    pub side_conversation_id: Id,
    /// Identifier of the conversation that it began in; added by the tap.
    pub conversation_id: Option<Id>,
    /// When that conversation last changed, in epoch seconds; added by the tap.
    pub conversation_updated_at: Option<NumericTimestamp>,
    /// What was said in it.
    pub conversation_parts: Option<Vec<ConversationPart>>,
    /// Number of its parts.
    pub total_count: Option<f64>,
}

/// One message or action within a side conversation.
#[derive(JsonSchema)]
pub struct SideConversationPart {
    /// Identifier of the side conversation; added by the tap.
    pub side_conversation_id: Option<Id>,
    /// The part.
    #[schemars(flatten)]
    pub part: ConversationPart,
}

/// A teammate who stopped or went on with a conversation.
#[derive(JsonSchema)]
pub struct HandlingEvent {
    /// Identifier of the conversation; added by the tap.
    pub conversation_id: Id,
    /// When it happened, as ISO 8601 text.
    pub timestamp: Timestamp,
    /// Identifier of the teammate, empty where none is named; added by the tap.
    pub teammate_id: Id,
    /// Who handled the conversation.
    pub teammate: Option<HandlingTeammate>,
    /// What happened: `paused` or `resumed`.
    pub r#type: Option<String>,
    /// Why, such as `Paused` or `Away`.
    pub reason: Option<String>,
}

/// Who handled a conversation.
#[derive(JsonSchema)]
pub struct HandlingTeammate {
    /// Kind of teammate, such as `admin`.
    pub r#type: Option<String>,
    /// Identifier of the teammate.
    pub id: Option<Id>,
    /// Name of the teammate.
    pub name: Option<String>,
    /// Email address of the teammate.
    pub email: Option<String>,
}

/// A call that Fin answered.
#[derive(JsonSchema)]
pub struct FinVoiceCall {
    /// Identifier of the call.
    pub id: Id,
    /// Identifier of the conversation that was asked for; added by the tap.
    pub conversation_id: Option<Id>,
    /// Identifier of the workspace.
    pub app_id: Option<Id>,
    /// Telephone number of the caller.
    pub user_phone_number: Option<String>,
    /// State of the call, such as `registered` or `in-progress`.
    pub status: Option<String>,
    /// Identifier of the call in Intercom, once it is known.
    pub intercom_call_id: Option<Id>,
    /// Identifier that the provider gave the call.
    pub external_call_id: Option<Id>,
    /// Identifier of the call's conversation, once there is one.
    pub intercom_conversation_id: Option<Id>,
    /// What was said.
    pub call_transcript: Option<Vec<OpenObject>>,
    /// Summary of the call, of 256 characters at most.
    pub call_summary: Option<String>,
    /// What the caller wanted.
    pub intent: Option<Vec<OpenObject>>,
}
