//! Streams of the content export: who received, opened, clicked and answered what was sent. Their
//! records are rows of CSV, every value as the text that it was, so their schemas are lists of columns.

use serde_json::{Map, Value, json};

/// Something that was sent to somebody, and what came of it first.
#[must_use]
pub fn receipts() -> Value {
    rows(
        "Something that was sent to somebody, and what came of it first.",
        &["receipt_id"],
        &[
            "user_id",
            "user_external_id",
            "company_id",
            "company_external_id",
            "email",
            "name",
            "ruleset_id",
            "content_id",
            "content_type",
            "content_title",
            "created_via",
            "device",
            "ruleset_version_id",
            "receipt_id",
            "received_at",
            "conversation_id",
            "series_id",
            "series_title",
            "node_id",
            "first_reply",
            "first_completion",
            "first_series_completion",
            "first_series_disengagement",
            "first_series_exit",
            "first_goal_success",
            "first_tour_step_failure",
            "first_tour_step_view",
            "first_reaction",
            "first_open",
            "first_click",
            "first_dismissal",
            "first_collected_email",
            "first_unsubscribe",
            "first_hard_bounce",
            "first_soft_bounce",
            "first_spam_complaint",
            "first_permission_grant",
            "first_button_tap",
            "first_screen_view",
            "first_webhook_failure",
            "first_sms_failure",
            "first_whatsapp_failure",
            "first_push_failure",
            "first_answer",
            "first_keyword_reply",
            "first_people_reached_receipt",
            "first_checklist_step_receipt",
            "first_checklist_step_open",
            "first_checklist_step_click",
            "first_checklist_step_completion",
            "first_fin_helpful_answer",
        ],
    )
}

/// Somebody opened what was sent.
#[must_use]
pub fn opens() -> Value {
    rows(
        "Somebody opened what was sent.",
        &[],
        &["receipt_id", "opened_at"],
    )
}

/// Somebody followed a link in what was sent.
#[must_use]
pub fn clicks() -> Value {
    rows(
        "Somebody followed a link in what was sent.",
        &[],
        &["receipt_id", "clicked_at", "link_type", "url"],
    )
}

/// Somebody replied to what was sent.
#[must_use]
pub fn replies() -> Value {
    rows(
        "Somebody replied to what was sent.",
        &[],
        &["receipt_id", "replied_at"],
    )
}

/// Somebody answered a question of a survey.
#[must_use]
pub fn answers() -> Value {
    rows(
        "Somebody answered a question of a survey.",
        &[],
        &[
            "receipt_id",
            "answered_at",
            "question_id",
            "question",
            "response_type",
            "response",
        ],
    )
}

/// All that somebody answered to a survey, with a column for each question.
#[must_use]
pub fn combined_answers() -> Value {
    rows(
        "All that somebody answered to a survey, with a column for each question.",
        &[],
        &[
            "receipt_id",
            "user_id",
            "user_external_id",
            "name",
            "email",
            "company_id",
            "company_external_id",
            "created_via",
            "received_at",
            "completed_at",
        ],
    )
}

/// Somebody came to the end of what was sent.
#[must_use]
pub fn completions() -> Value {
    rows(
        "Somebody came to the end of what was sent.",
        &[],
        &["receipt_id", "completed_at"],
    )
}

/// Somebody closed what was shown.
#[must_use]
pub fn dismissals() -> Value {
    rows(
        "Somebody closed what was shown.",
        &[],
        &["receipt_id", "dismissed_at"],
    )
}

/// Somebody came to the end of a series.
#[must_use]
pub fn series_completions() -> Value {
    rows(
        "Somebody came to the end of a series.",
        &[],
        &["receipt_id", "completed_at", "completion_node_ruleset_id"],
    )
}

/// Somebody left a series.
#[must_use]
pub fn series_disengagements() -> Value {
    rows(
        "Somebody left a series.",
        &[],
        &["receipt_id", "disengaged_at", "disengaged_node_ruleset_id"],
    )
}

/// Somebody saw a step of a product tour.
#[must_use]
pub fn tour_step_views() -> Value {
    rows(
        "Somebody saw a step of a product tour.",
        &[],
        &["receipt_id", "step_id", "viewed_at"],
    )
}

/// How far somebody has come in a series.
#[must_use]
pub fn checkpoints() -> Value {
    rows(
        "How far somebody has come in a series.",
        &[],
        &[
            "user_id",
            "company_id",
            "series_entry_record_id",
            "ruleset_id",
            "status_code",
            "status_name",
            "created_at",
            "last_processed_at",
            "expires_at",
            "times_processed",
        ],
    )
}

/// What was sent, and in all what came of it.
#[must_use]
pub fn overviews() -> Value {
    rows("What was sent, and in all what came of it.", &[], OVERVIEW)
}

/// A row of a kind that the table doesn't name.
#[must_use]
pub fn others() -> Value {
    rows(
        "What else came of what was sent.",
        &[],
        &["kind", "receipt_id"],
    )
}

/// The schema of rows with these columns; there may be others.
fn rows(description: &str, key: &[&str], columns: &[&str]) -> Value {
    let mut properties = Map::new();
    for name in columns {
        // Identifiers are text here, and in other streams either.
        let mut types = vec!["string"];
        if *name == "id" || name.ends_with("_id") {
            types.push("integer");
        }
        if !key.contains(name) {
            types.insert(0, "null");
        }
        let about = json!({"description": described(name), "type": types});
        properties.insert((*name).to_owned(), about);
    }
    let mut schema =
        json!({"description": description, "type": "object", "properties": properties});
    // An empty list isn't one by older drafts.
    if !key.is_empty() {
        schema["required"] = json!(key);
    }
    schema
}

fn described(column: &str) -> String {
    let name = column.replace('_', " ");
    match column.strip_prefix("first_") {
        Some(what) => format!("When the first `{what}` of it was; as text."),
        None if column == "kind" => "Kind of the row, by its file; added by the tap.".to_owned(),
        None if column.ends_with("_at") => format!("Point in time `{name}`, as text."),
        None => format!("Column `{name}`, as text."),
    }
}

const OVERVIEW: &[&str] = &[
    "ruleset_id",
    "created_at",
    "audience_type",
    "content_title",
    "content_id",
    "content_type",
    "series_id",
    "series_title",
    "state",
    "last_sent_at",
    "last_state_change_by",
    "last_state_change_at",
    "last_edited_by",
    "last_edited_at",
    "url",
    "receipt_total",
    "receipt_unique",
    "reply_total",
    "reply_unique",
    "reply_rate",
    "completion_total",
    "completion_unique",
    "completion_rate",
    "goal_success_total",
    "goal_success_unique",
    "goal_success_rate",
    "tour_step_failure_total",
    "tour_step_failure_unique",
    "tour_step_failure_rate",
    "tour_step_view_total",
    "tour_step_view_unique",
    "reaction_total",
    "reaction_unique",
    "reaction_rate",
    "open_total",
    "open_unique",
    "open_rate",
    "click_total",
    "click_unique",
    "click_rate",
    "dismissal_total",
    "dismissal_unique",
    "dismissal_rate",
    "collected_email_total",
    "collected_email_unique",
    "collected_email_rate",
    "unsubscribe_total",
    "unsubscribe_unique",
    "unsubscribe_rate",
    "hard_bounce_total",
    "hard_bounce_unique",
    "hard_bounce_rate",
    "spam_complaint_total",
    "spam_complaint_unique",
    "spam_complaint_rate",
    "permission_grant_total",
    "permission_grant_unique",
    "permission_grant_rate",
    "button_tap_total",
    "button_tap_unique",
    "button_tap_rate",
    "screen_view_total",
    "screen_view_unique",
    "screen_view_rate",
    "webhook_failure_total",
    "webhook_failure_unique",
    "webhook_failure_rate",
    "sms_failure_total",
    "sms_failure_unique",
    "sms_failure_rate",
    "whatsapp_failure_total",
    "whatsapp_failure_unique",
    "whatsapp_failure_rate",
    "push_failure_total",
    "push_failure_unique",
    "push_failure_rate",
    "answer_total",
    "answer_unique",
    "answer_rate",
    "keyword_reply_total",
    "keyword_reply_unique",
    "people_reached_receipt_total",
    "people_reached_receipt_unique",
    "people_reached_receipt_rate",
    "checklist_step_receipt_total",
    "checklist_step_receipt_unique",
    "checklist_step_receipt_rate",
    "checklist_step_open_total",
    "checklist_step_open_unique",
    "checklist_step_open_rate",
    "checklist_step_click_total",
    "checklist_step_click_unique",
    "checklist_step_click_rate",
    "checklist_step_completion_total",
    "checklist_step_completion_unique",
    "checklist_step_completion_rate",
    "fin_helpful_answer_total",
    "fin_helpful_answer_unique",
    "fin_helpful_answer_rate",
    "email_failure_total",
    "email_failure_unique",
    "email_failure_rate",
];
