//! Streams of what is kept of a contact beside the contact itself: `contact_subscriptions`,
//! `contact_events`, `contact_event_summaries`, `contact_merges` and `contact_activities`.

use super::shared::{Id, NumericTimestamp, OpenObject, Timestamp};
use super::workspace::SubscriptionType;
use schemars::JsonSchema;

/// A kind of message that a contact has opted in to or out of.
#[derive(JsonSchema)]
pub struct ContactSubscription {
    /// Identifier of the contact; added by the tap.
    pub contact_id: Id,
    /// The kind of message.
    #[schemars(flatten)]
    pub subscription: SubscriptionType,
}

/// Something that a contact did, as the company's own systems reported it.
#[derive(JsonSchema)]
pub struct ContactEvent {
    /// Identifier of the contact; added by the tap.
    pub contact_id: Id,
    /// Name of the event.
    pub event_name: String,
    /// When it happened, in epoch seconds.
    pub created_at: Timestamp,
    /// Kind of object: `event`.
    pub r#type: Option<String>,
    /// Identifier that the company's own systems gave the contact.
    pub user_id: Option<Id>,
    /// The same; of the contact, not of the event.
    pub id: Option<Id>,
    /// Identifier that Intercom gave the contact.
    pub intercom_user_id: Option<Id>,
    /// Email address of the contact.
    pub email: Option<String>,
    /// What else was reported of the event.
    pub metadata: Option<OpenObject>,
}

/// How often a contact did something.
#[derive(JsonSchema)]
pub struct ContactEventSummary {
    /// Identifier of the contact; added by the tap.
    pub contact_id: Id,
    /// Name of the event.
    pub name: String,
    /// When it first happened.
    pub first: Option<Timestamp>,
    /// When it last happened.
    pub last: Option<Timestamp>,
    /// How often it happened.
    pub count: Option<f64>,
    /// What the event is.
    pub description: Option<String>,
}

/// A contact that was merged into another.
#[derive(JsonSchema)]
pub struct ContactMerge {
    /// Identifier of the contact that remains; added by the tap.
    pub contact_id: Id,
    /// Identifier of the contact that was merged into it.
    pub source_contact_id: Id,
    /// Kind of object: `merge_history`.
    pub r#type: Option<String>,
    /// What the merged contact was: `lead` or `user`.
    pub source_contact_role: Option<String>,
    /// When they were merged, in epoch seconds.
    pub merged_at: Option<Timestamp>,
}

/// Something that became of a contact: it was made, merged, deleted or became a user.
#[derive(JsonSchema)]
pub struct ContactActivity {
    /// Identifier of the activity.
    pub id: Id,
    /// Kind of object: `contact_activity`.
    pub r#type: Option<String>,
    /// What became of it, such as `contact.created`, `contact.merged` or `contact.deleted`.
    pub event_type: Option<String>,
    /// Identifier of the contact; of a merge the one that remains.
    pub contact_id: Option<Id>,
    /// Identifier that the company's own systems gave the contact.
    pub external_id: Option<Id>,
    /// What the contact was then: `lead` or `user`.
    pub role: Option<String>,
    /// Identifier of the contact that was to be merged into another.
    pub merge_source_id: Option<Id>,
    /// Identifier of the contact that it was to be merged into.
    pub merge_target_id: Option<Id>,
    /// Why a merge failed.
    pub failure_reason: Option<String>,
    /// When it happened, in epoch seconds.
    pub created_at: Option<NumericTimestamp>,
}
