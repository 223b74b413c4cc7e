//! Stream `teams`: the groups that admins belong to.

use super::shared::Id;
use schemars::JsonSchema;

/// A group of admins that conversations can be assigned to.
#[derive(JsonSchema)]
pub struct Team {
    /// Kind of object: `team`.
    pub r#type: Option<String>,
    /// Identifier of the team.
    pub id: Id,
    /// Name of the team.
    pub name: Option<String>,
    /// Identifiers of the admins in the team.
    pub admin_ids: Option<Vec<Id>>,
    /// How the team's admins rank for assigning work.
    pub admin_priority_level: Option<AdminPriorityLevel>,
    /// Most conversations an admin is given at once, where load is balanced.
    pub assignment_limit: Option<f64>,
    /// How work is shared out among the team, such as `round_robin`.
    pub distribution_method: Option<String>,
}

/// How a team's admins rank for assigning work.
#[derive(JsonSchema)]
pub struct AdminPriorityLevel {
    /// Identifiers of the admins given work first.
    pub primary_admin_ids: Option<Vec<Id>>,
    /// Identifiers of the admins given work after those.
    pub secondary_admin_ids: Option<Vec<Id>>,
}
