//! Stream `admins`: the teammates of the workspace.

use super::shared::{Avatar, Id};
use schemars::JsonSchema;

/// A teammate: someone who works in the Intercom workspace.
#[derive(JsonSchema)]
pub struct Admin {
    /// Kind of object: `admin`.
    pub r#type: Option<String>,
    /// Identifier of the admin.
    pub id: Id,
    /// Full name.
    pub name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Job title.
    pub job_title: Option<String>,
    /// Whether the admin is set as away.
    pub away_mode_enabled: Option<bool>,
    /// Whether new conversations go back to the default inbox while the admin is away.
    pub away_mode_reassign: Option<bool>,
    /// Identifier of the reason given for being away.
    pub away_status_reason_id: Option<Id>,
    /// Whether the admin holds a paid inbox seat.
    pub has_inbox_seat: Option<bool>,
    /// Identifiers of the teams the admin belongs to.
    pub team_ids: Option<Vec<Id>>,
    /// Picture of the admin: its address, or an object that holds it.
    pub avatar: Option<Avatar>,
    /// How the admin's teams rank for assigning work.
    pub team_priority_level: Option<TeamPriorityLevel>,
    /// Role that sets the admin's permissions.
    pub role: Option<Role>,
}

/// How an admin's teams rank for assigning work.
#[derive(JsonSchema)]
pub struct TeamPriorityLevel {
    /// Identifiers of the teams served first.
    pub primary_team_ids: Option<Vec<Id>>,
    /// Identifiers of the teams served after those.
    pub secondary_team_ids: Option<Vec<Id>>,
}

/// A role that sets an admin's permissions.
#[derive(JsonSchema)]
pub struct Role {
    /// Kind of object: `role`.
    pub r#type: Option<String>,
    /// Identifier of the role.
    pub id: Option<Id>,
    /// Name of the role.
    pub name: Option<String>,
}
