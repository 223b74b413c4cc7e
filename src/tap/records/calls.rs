//! Streams `calls` and `call_transcriptions`.

use super::shared::{AnyValue, Id, NumberOrText, Timestamp};
use schemars::JsonSchema;

/// A phone or video call.
#[derive(JsonSchema)]
pub struct Call {
    /// Kind of object: `call`.
    pub r#type: Option<String>,
    /// Identifier of the call.
    pub id: Id,
    /// Identifier of the conversation that the call belongs to.
    pub conversation_id: Option<Id>,
    /// Identifier of the admin on the call.
    pub admin_id: Option<Id>,
    /// Identifier of the contact on the call.
    pub contact_id: Option<Id>,
    /// State of the call, such as `completed`.
    pub state: Option<String>,
    /// When the call was placed, in epoch seconds or ISO 8601.
    pub initiated_at: Option<Timestamp>,
    /// When the call was answered, in epoch seconds or ISO 8601.
    pub answered_at: Option<Timestamp>,
    /// When the call ended, in epoch seconds or ISO 8601.
    pub ended_at: Option<Timestamp>,
    /// When the call's record was created, in epoch seconds or ISO 8601.
    pub created_at: Option<Timestamp>,
    /// When the call's record last changed, in epoch seconds or ISO 8601.
    pub updated_at: Option<Timestamp>,
    /// Seconds that the call took; only the preview version sends this and the next three.
    pub duration: Option<f64>,
    /// Seconds that the caller was on hold.
    pub hold_time: Option<f64>,
    /// Seconds that the caller waited for a member of the team.
    pub queue_time: Option<f64>,
    /// Seconds that admin and caller were connected.
    pub talk_time: Option<f64>,
    /// Address of the recording.
    pub recording_url: Option<String>,
    /// Address of the transcript; null where there is none.
    pub transcription_url: Option<String>,
    /// Kind of call, such as `phone`.
    pub call_type: Option<String>,
    /// Whether the call came in or went out.
    pub direction: Option<String>,
    /// Why the call ended.
    pub ended_reason: Option<String>,
    /// The other side's phone number.
    pub phone: Option<String>,
    /// Address of the recording of the AI agent's part.
    pub fin_recording_url: Option<String>,
    /// Address of the transcript of the AI agent's part.
    pub fin_transcription_url: Option<String>,
}

/// What was said in a call.
#[derive(JsonSchema)]
pub struct CallTranscription {
    /// Identifier of the call.
    pub call_id: Id,
    /// When the call's record last changed, in epoch seconds or ISO 8601.
    pub call_updated_at: Option<Timestamp>,
    /// What was said, turn by turn.
    pub transcript: Option<Vec<TranscriptTurn>>,
}

/// What one speaker said without a break.
#[derive(JsonSchema)]
pub struct TranscriptTurn {
    /// Seconds from the start of the call to the start of the turn.
    pub start_time: Option<NumberOrText>,
    /// Seconds from the start of the call to the end of the turn; null where unknown.
    pub end_time: Option<NumberOrText>,
    /// Who spoke.
    pub speaker: Option<String>,
    /// The speaker's name as a reader should see it.
    pub speaker_label: Option<String>,
    /// The words.
    pub content: Option<String>,
    /// Kind of speaker.
    pub speaker_type: Option<String>,
    /// Identifier of the speaker.
    pub speaker_id: Option<Id>,
    /// Articles that an AI voice agent's words drew on.
    pub article_sources: Option<AnyValue>,
    /// Guidance that an AI voice agent followed.
    pub triggered_guidance: Option<AnyValue>,
}
