//! Stream of the instances of a custom object type.

use super::shared::{Id, OpenObject, Timestamp};
use schemars::JsonSchema;

/// An instance of an object type that the workspace defined.
#[derive(JsonSchema)]
pub struct CustomObjectInstance {
    /// Identifier of the custom object type.
    pub r#type: String,
    /// Identifier that Intercom gave the instance.
    pub id: Id,
    /// Identifier that the company's own systems gave the instance.
    pub external_id: Option<Id>,
    /// When the company's own systems created it, in epoch seconds.
    pub external_created_at: Option<Timestamp>,
    /// When the company's own systems last changed it, in epoch seconds.
    pub external_updated_at: Option<Timestamp>,
    /// When the instance was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the instance last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Values of the attributes that the type defines.
    pub custom_attributes: Option<OpenObject>,
}
