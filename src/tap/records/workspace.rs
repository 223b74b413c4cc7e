//! Streams about the workspace itself: `activity_logs`, `away_status_reasons`, `brands`, `emails`,
//! `office_hours_schedules` and `subscription_types`.

use super::shared::{Id, NumberOrText, NumericTimestamp, OpenObject, Timestamp};
use schemars::JsonSchema;

/// Something that an admin did in the workspace.
#[derive(JsonSchema)]
pub struct ActivityLog {
    /// Identifier of the entry.
    pub id: Id,
    /// Admin who did it.
    pub performed_by: Option<ActivityAdmin>,
    /// Details, which differ with the kind of activity.
    // Even one name differs: `before` and `after` are objects in some entries and text in others.
    pub metadata: Option<OpenObject>,
    /// When it was done, in epoch seconds.
    pub created_at: Option<NumericTimestamp>,
    /// Kind of activity, such as `admin_login_success`.
    pub activity_type: Option<String>,
    /// What was done, in a sentence.
    pub activity_description: Option<String>,
}

/// An admin who did something.
#[derive(JsonSchema)]
pub struct ActivityAdmin {
    /// Kind of object: `admin`.
    pub r#type: Option<String>,
    /// Identifier of the admin.
    pub id: Option<Id>,
    /// Email address of the admin.
    pub email: Option<String>,
    /// Network address of the admin.
    pub ip: Option<String>,
}

/// A reason that admins can give for being away.
#[derive(JsonSchema)]
pub struct AwayStatusReason {
    /// Kind of object: `away_status_reason`.
    pub r#type: Option<String>,
    /// Identifier of the reason.
    pub id: Id,
    /// Text of the reason.
    pub label: Option<String>,
    /// Emoji shown with the reason.
    pub emoji: Option<String>,
    /// Position among the other reasons.
    pub order: Option<f64>,
    /// Whether it was deleted.
    pub deleted: Option<bool>,
    /// When the reason was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the reason last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A brand that the company speaks under.
#[derive(JsonSchema)]
pub struct Brand {
    /// Kind of object: `brand`.
    pub r#type: Option<String>,
    /// Identifier of the brand; the workspace's own for the default brand.
    pub id: Id,
    /// Name of the brand.
    pub name: Option<String>,
    /// Whether this is the default brand.
    pub is_default: Option<bool>,
    /// When the brand was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the brand last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Identifier of the brand's help center.
    pub help_center_id: Option<Id>,
    /// Identifier of the email settings used by default.
    pub default_address_settings_id: Option<Id>,
}

/// An email address that the company sends from.
#[derive(JsonSchema)]
pub struct Email {
    /// Kind of object: `email_setting`.
    pub r#type: Option<String>,
    /// Identifier of the email settings.
    pub id: Id,
    /// Email address.
    pub email: Option<String>,
    /// Whether the address was verified.
    pub verified: Option<bool>,
    /// Domain of the address.
    pub domain: Option<String>,
    /// Identifier of the brand that the address belongs to.
    pub brand_id: Option<Id>,
    /// Whether emails to the address are forwarded to Intercom.
    pub forwarding_enabled: Option<bool>,
    /// When a forwarded email last came in, in epoch seconds.
    pub forwarded_email_last_received_at: Option<Timestamp>,
    /// When the settings were created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the settings last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// The weekly hours during which the company is there.
#[derive(JsonSchema)]
pub struct OfficeHoursSchedule {
    /// Kind of object: `office_hours_schedule`.
    pub r#type: Option<String>,
    /// Identifier of the schedule.
    pub id: Id,
    /// Name of the schedule.
    pub name: Option<String>,
    /// Time zone of the hours, by its IANA name.
    pub time_zone_name: Option<String>,
    /// Times of the week that are office hours.
    pub time_intervals: Option<Vec<OfficeHoursInterval>>,
    /// Whether it is always office hours.
    pub twenty_four_seven: Option<bool>,
    /// When the schedule was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the schedule last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A time of the week that is office hours.
#[derive(JsonSchema)]
pub struct OfficeHoursInterval {
    /// Start, in minutes since Monday 00:00.
    pub start_minute: Option<NumberOrText>,
    /// End, in minutes since Monday 00:00.
    pub end_minute: Option<NumberOrText>,
    /// Day of the week, from 0 for Monday.
    pub day_of_week: Option<NumberOrText>,
}

/// A kind of message that contacts can opt in to or out of.
#[derive(JsonSchema)]
pub struct SubscriptionType {
    /// Kind of object: `subscription`.
    pub r#type: Option<String>,
    /// Identifier of the subscription type.
    pub id: Id,
    /// State, such as `live`, `draft` or `archived`.
    pub state: Option<String>,
    /// Name and description in the default language.
    pub default_translation: Option<SubscriptionTranslation>,
    /// Name and description in each language.
    pub translations: Option<Vec<SubscriptionTranslation>>,
    /// How contacts agree: `opt_out` or `opt_in`.
    pub consent_type: Option<String>,
    /// Kinds of message it covers, such as `email`.
    pub content_types: Option<Vec<String>>,
}

/// A subscription type's name and description in one language.
#[derive(JsonSchema)]
pub struct SubscriptionTranslation {
    /// Name of the subscription type.
    pub name: Option<String>,
    /// What its messages are about.
    pub description: Option<String>,
    /// Language, by its two-letter code.
    pub locale: Option<String>,
}
