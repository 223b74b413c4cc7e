//! How a conversation fared with quality monitors and on scorecards.

use super::shared::{Id, NumberOrText, Timestamp};
use schemars::JsonSchema;

/// A quality monitor's verdict on a conversation.
#[derive(JsonSchema)]
pub struct MonitorEvaluation {
    /// Identifier of the monitor.
    pub monitor_id: Option<Id>,
    /// Name of the monitor; null once it is deleted.
    pub monitor_name: Option<String>,
    /// Kind of monitor; null once it is deleted.
    pub monitor_type: Option<String>,
    /// The verdict.
    pub result: Option<String>,
    /// Why the monitor came to it.
    pub explanation: Option<String>,
    /// When the monitor looked at the conversation, in epoch seconds.
    pub evaluated_at: Option<Timestamp>,
}

/// A conversation's result on a quality scorecard.
#[derive(JsonSchema)]
pub struct Scorecard {
    /// Identifier of the scorecard.
    pub scorecard_id: Option<Id>,
    /// Identifier of the scorecard's version.
    pub scorecard_version_id: Option<Id>,
    /// Name of the scorecard.
    pub name: Option<String>,
    /// Kind of scorecard.
    pub scorecard_type: Option<String>,
    /// Whether the conversation passed; null while not scored.
    pub passed: Option<bool>,
    /// Score; null while not scored.
    pub score: Option<NumberOrText>,
    /// Score that the AI gave.
    pub ai_score: Option<NumberOrText>,
    /// When it was last scored, in epoch seconds.
    pub evaluated_at: Option<Timestamp>,
    /// Who was reviewed.
    pub reviewed_teammate: Option<ReviewedTeammate>,
    /// Result on each criterion.
    pub evaluators: Option<Vec<ScorecardEvaluator>>,
}

/// Who was reviewed on a scorecard.
#[derive(JsonSchema)]
pub struct ReviewedTeammate {
    /// Kind of reviewee: `ai` or `admin`.
    pub r#type: Option<String>,
    /// Identifier of the admin who was reviewed.
    pub admin_id: Option<Id>,
}

/// A criterion of a scorecard.
#[derive(JsonSchema)]
pub struct ScorecardEvaluator {
    /// Identifier of the criterion.
    pub evaluator_id: Option<Id>,
    /// Result on the criterion; null while not scored.
    pub result: Option<ScorecardEvaluatorResult>,
}

/// The result on one criterion of a scorecard.
#[derive(JsonSchema)]
pub struct ScorecardEvaluatorResult {
    /// Value chosen, such as `pass`.
    pub value: Option<String>,
    /// Who chose it: `ai` or `human`.
    pub source: Option<String>,
    /// Why it was chosen.
    pub reasoning: Option<String>,
    /// Identifiers of the predefined reasons chosen.
    pub reason_ids: Option<Vec<Id>>,
    /// Words of the reviewer's own.
    pub other_text: Option<String>,
}
