//! What the records of each stream look like: one Rust type a stream, from which its JSON Schema
//! derives. The types are never filled: records pass through the tap as the bytes that Intercom
//! sent. Knows nothing of requests, paging or replication.
//!
//! A schema is a promise to whoever validates against it, and Intercom keeps few promises, so the
//! types follow these rules:
//! - only the primary key is required; every other property may be null or missing, at any depth,
//!   and so may the items of arrays be null;
//! - unknown properties are allowed, and nothing is an `enum`, a minimum, a pattern or a format;
//! - an identifier is a string or an integer, since both occur for the same field;
//! - a point in time is a [`shared::Timestamp`], whose forms are decided there once;
//! - a value of several types is a list of types, not `anyOf`: loaders that make columns of
//!   properties read the one and not the other;
//! - every property has a description, which is its doc comment.
//!
//! The fields are those of Intercom's public API description, versions 2.16 and preview, of its
//! example answers for version 2.7 and later, and of recorded answers. Where a type allows more than
//! the description says, a comment says why.

#![expect(
    clippy::struct_field_names,
    reason = "fields bear the names that Intercom gave them"
)]

mod admins;
mod articles;
mod attributes;
mod calls;
mod collections;
mod companies;
mod connectors;
mod contact_history;
mod contacts;
mod content;
mod conversation_ai;
mod conversation_parts;
mod conversation_reviews;
mod conversations;
mod custom_objects;
mod deletions;
pub mod exports;
mod notes;
pub mod reports;
mod segments;
mod shared;
mod side_conversations;
mod tags;
mod teams;
mod ticket_types;
mod tickets;
mod workspace;

pub use admins::Admin;
pub use articles::{Article, ArticleStatistics};
pub use attributes::{ConversationAttribute, DataAttribute};
pub use calls::{Call, CallTranscription};
pub use collections::Collection;
pub use companies::{Company, ContactCompany};
pub use connectors::{
    ActivityLogEventType, Audience, DataConnector, DataConnectorExecution, IpAllowlist,
    OfficeHoursException,
};
pub use contact_history::{
    ContactActivity, ContactEvent, ContactEventSummary, ContactMerge, ContactSubscription,
};
pub use contacts::Contact;
pub use content::{
    ArticleVersion, ContentImportSource, ContentSnippet, ExternalPage, Folder, HelpCenter,
    HelpCenterRedirect, InternalArticle, Macro, NewsItem, Newsfeed, NewsfeedItem,
};
pub use conversation_parts::ConversationPart;
pub use conversations::{Conversation, DeletedConversation};
pub use custom_objects::CustomObjectInstance;
pub use deletions::Deletion;
pub use notes::{CompanyNote, ContactNote};
pub use segments::{CompanySegment, ContactSegment, Segment};
pub use side_conversations::{FinVoiceCall, HandlingEvent, SideConversation, SideConversationPart};
pub use tags::{ContactTag, Tag};
pub use teams::Team;
pub use ticket_types::{TicketStateDetailed, TicketType};
pub use tickets::{Ticket, TicketPart};
pub use workspace::{
    ActivityLog, AwayStatusReason, Brand, Email, OfficeHoursSchedule, SubscriptionType,
};

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The JSON Schema (draft 7) of a record type, in the form that Singer consumers expect: no
/// `$ref`, no `title`, and `"null"` first among the types of whatever may be null.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    tidy(&mut schema);
    let mut nested = RecursiveTransform(|schema: &mut Schema| {
        require_nothing(schema);
        if let Some(items) = schema.get_mut("items") {
            allow_null(items);
        }
        tidy(schema);
    });
    transform_subschemas(&mut nested, &mut schema);
    schema.to_value()
}

/// Drops what says nothing to a consumer; puts the description first, and `"null"` first among
/// the types.
fn tidy(schema: &mut Schema) {
    let keywords = schema.ensure_object();
    keywords.shift_remove("title");
    // The widths of Rust's numbers, not a fact of the API.
    keywords.shift_remove("format");
    if let Some(description) = keywords.shift_remove("description") {
        keywords.shift_insert(0, "description".to_owned(), description);
    }
    if let Some(Value::Array(types)) = keywords.get_mut("type") {
        types.sort_by_key(|name| name != "null");
    }
}

/// A record's own key is always there; the same type nested in another record may lack it.
fn require_nothing(schema: &mut Schema) {
    let Some(Value::Array(required)) = schema.remove("required") else {
        return;
    };
    for name in required.iter().filter_map(Value::as_str) {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{name}")) {
            allow_null(property);
        }
    }
}

fn allow_null(property: &mut Value) {
    let Some(types) = property.get_mut("type") else {
        return;
    };
    match types {
        Value::Array(names) => names.insert(0, "null".into()),
        name => *name = Value::Array(vec!["null".into(), name.take()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wire_types_become_these_types() {
        let conversation = schema_of::<Conversation>();
        let part = schema_of::<ConversationPart>();
        let call = schema_of::<Call>();
        let turn = &schema_of::<CallTranscription>()["properties"]["transcript"]["items"];
        for (property, types) in [
            (
                &conversation["properties"]["admin_assignee_id"],
                json!(["null", "string", "integer"]),
            ),
            (
                &conversation["properties"]["updated_at"],
                json!(["null", "number"]),
            ),
            (
                &conversation["properties"]["open"],
                json!(["null", "boolean"]),
            ),
            (
                &conversation["properties"]["custom_attributes"],
                json!(["null", "object"]),
            ),
            (
                &conversation["properties"]["scorecards"],
                json!(["null", "array"]),
            ),
            (
                &conversation["properties"]["company"]["properties"]["id"],
                json!(["null", "string", "integer"]),
            ),
            (
                &part["properties"]["event_details"]["properties"]["value"]["properties"]["name"],
                json!(["null", "string", "number", "boolean", "object", "array"]),
            ),
            (
                &call["properties"]["updated_at"],
                json!(["null", "number", "string"]),
            ),
            (
                &schema_of::<Macro>()["properties"]["updated_at"],
                json!(["null", "string"]),
            ),
            (
                &schema_of::<Contact>()["properties"]["avatar"],
                json!(["null", "string", "object"]),
            ),
            (
                &schema_of::<Ticket>()["properties"]["ticket_state"],
                json!(["null", "object", "string"]),
            ),
            (
                &turn["properties"]["start_time"],
                json!(["null", "number", "string"]),
            ),
        ] {
            assert_eq!(property["type"], types, "{property}");
        }
    }
}
