//! Streams of how the workspace is set up: `audiences`, `data_connectors`,
//! `data_connector_executions`, `office_hours_exceptions`, `ip_allowlist` and
//! `activity_log_event_types`.

use super::shared::{AnyValue, Id, Timestamp};
use super::workspace::OfficeHoursInterval;
use schemars::JsonSchema;

/// A group of contacts that content is shown to.
#[derive(JsonSchema)]
pub struct Audience {
    /// Kind of object: `audience`.
    pub r#type: Option<String>,
    /// Identifier of the audience.
    pub id: Id,
    /// Name of the audience.
    pub name: Option<String>,
    /// What must hold for a contact to belong to it.
    pub predicates: Option<Vec<Predicate>>,
    /// What must hold for the contact's role.
    pub role_predicates: Option<Vec<Predicate>>,
    /// When the audience was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the audience last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A condition on an attribute.
#[derive(JsonSchema)]
pub struct Predicate {
    /// Name of the attribute.
    pub attribute: Option<String>,
    /// Type of the attribute.
    pub r#type: Option<String>,
    /// How it is compared, such as `eq` or `contains`.
    pub comparison: Option<String>,
    /// What it is compared with.
    pub value: Option<AnyValue>,
}

/// A request to another system that Fin and workflows may make.
#[derive(JsonSchema)]
pub struct DataConnector {
    /// Kind of object: `data_connector`.
    pub r#type: Option<String>,
    /// Identifier of the connector.
    pub id: Id,
    /// Name of the connector.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// State: `draft` or `live`.
    pub state: Option<String>,
    /// Method of its request, such as `post`.
    pub http_method: Option<String>,
    /// Whether Fin may use it by itself.
    pub direct_fin_usage: Option<bool>,
    /// Identifier of the admin who created it.
    pub created_by_admin_id: Option<Id>,
    /// Identifier of the admin who last changed it.
    pub updated_by_admin_id: Option<Id>,
    /// When the connector was created, as ISO 8601 text.
    pub created_at: Option<Timestamp>,
    /// When the connector last changed, as ISO 8601 text.
    pub updated_at: Option<Timestamp>,
    /// Path of the API request that answers its executions.
    pub execution_results_url: Option<String>,
}

/// One use of a data connector.
#[derive(JsonSchema)]
pub struct DataConnectorExecution {
    /// Kind of object: `data_connector.execution`.
    pub r#type: Option<String>,
    /// Identifier of the execution.
    pub id: Id,
    /// Identifier of the connector.
    pub data_connector_id: Option<Id>,
    /// Whether it went well.
    pub success: Option<bool>,
    /// Status that the other system answered with.
    pub http_status: Option<f64>,
    /// Method of the request.
    pub http_method: Option<String>,
    /// Address of the request, without its query.
    pub request_url: Option<String>,
    /// Kind of error, such as `3rd_party_error`.
    pub error_type: Option<String>,
    /// The error in words.
    pub error_message: Option<String>,
    /// How long it took, in milliseconds.
    pub execution_time_ms: Option<f64>,
    /// What made use of it, such as `workflow` or `inbox`.
    pub source_type: Option<String>,
    /// Identifier of what made use of it.
    pub source_id: Option<Id>,
    /// Identifier of the conversation that it was used in.
    pub conversation_id: Option<Id>,
    /// When it was used, as ISO 8601 text.
    pub created_at: Option<Timestamp>,
    /// Body of the request; only sent on request.
    pub request_body: Option<String>,
    /// Body of the answer; only sent on request.
    pub response_body: Option<String>,
    /// Body of the answer as it came; only sent on request.
    pub raw_response_body: Option<String>,
}

/// A day with other office hours than usual.
#[derive(JsonSchema)]
pub struct OfficeHoursException {
    /// Kind of object: `office_hours_exception`.
    pub r#type: Option<String>,
    /// Identifier of the exception.
    pub id: Id,
    /// Identifier of the schedule.
    pub office_hours_schedule_id: Option<Id>,
    /// The day, as `YYYY-MM-DD`.
    pub exception_date: Option<String>,
    /// What applies: `closed` or `custom_hours`.
    pub exception_type: Option<String>,
    /// Name of the exception.
    pub name: Option<String>,
    /// Times of that day that are office hours, in minutes since midnight.
    pub time_intervals: Option<Vec<OfficeHoursInterval>>,
    /// Whether it applies on that date every year.
    pub recurring_annually: Option<bool>,
    /// When the exception was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the exception last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// From where teammates may use the workspace.
#[derive(JsonSchema)]
pub struct IpAllowlist {
    /// Kind of object: `ip_allowlist`; the only one there is.
    pub r#type: String,
    /// Whether others are kept out.
    pub enabled: Option<bool>,
    /// Network addresses and ranges of them.
    pub ip_allowlist: Option<Vec<String>>,
}

/// A kind of activity that the workspace's log has.
#[derive(JsonSchema)]
pub struct ActivityLogEventType {
    /// Its name, such as `admin_login_success`.
    pub event_type: String,
}
