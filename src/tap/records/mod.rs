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
//! - every property has a description, which is its doc comment.
//!
//! The fields are those of Intercom's public API description, version 2.16, and of its example
//! answers. A field that a newer version adds passes through undescribed.

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
mod contacts;
mod content;
mod conversation_parts;
mod conversation_reviews;
mod conversations;
mod custom_objects;
mod notes;
mod segments;
mod shared;
mod tags;
mod teams;
mod ticket_types;
mod tickets;
mod workspace;

pub use admins::Admin;
pub use articles::Article;
pub use attributes::{ConversationAttribute, DataAttribute};
pub use calls::{Call, CallTranscription};
pub use collections::Collection;
pub use companies::{Company, ContactCompany};
pub use contacts::Contact;
pub use content::{
    ArticleVersion, ContentImportSource, ContentSnippet, ExternalPage, HelpCenter, InternalArticle,
    Macro, NewsItem, Newsfeed,
};
pub use conversation_parts::ConversationPart;
pub use conversations::{Conversation, DeletedConversation};
pub use custom_objects::CustomObjectInstance;
pub use notes::ContactNote;
pub use segments::{CompanySegment, ContactSegment, Segment};
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

    /// Every stream's record type: stream, primary key, schema.
    fn schemas() -> Vec<(&'static str, &'static [&'static str], Value)> {
        vec![
            ("activity_logs", &["id"], schema_of::<ActivityLog>()),
            ("admins", &["id"], schema_of::<Admin>()),
            ("article_versions", &["id"], schema_of::<ArticleVersion>()),
            ("articles", &["id"], schema_of::<Article>()),
            (
                "away_status_reasons",
                &["id"],
                schema_of::<AwayStatusReason>(),
            ),
            ("brands", &["id"], schema_of::<Brand>()),
            (
                "call_transcriptions",
                &["call_id"],
                schema_of::<CallTranscription>(),
            ),
            ("calls", &["id"], schema_of::<Call>()),
            ("collections", &["id"], schema_of::<Collection>()),
            ("companies", &["id"], schema_of::<Company>()),
            (
                "company_segments",
                &["company_id", "id"],
                schema_of::<CompanySegment>(),
            ),
            (
                "contact_companies",
                &["contact_id", "id"],
                schema_of::<ContactCompany>(),
            ),
            ("contact_notes", &["id"], schema_of::<ContactNote>()),
            (
                "contact_segments",
                &["contact_id", "id"],
                schema_of::<ContactSegment>(),
            ),
            (
                "contact_tags",
                &["contact_id", "id"],
                schema_of::<ContactTag>(),
            ),
            ("contacts", &["id"], schema_of::<Contact>()),
            (
                "ai_content_import_sources",
                &["id"],
                schema_of::<ContentImportSource>(),
            ),
            ("content_snippets", &["id"], schema_of::<ContentSnippet>()),
            (
                "conversation_attributes",
                &["id"],
                schema_of::<ConversationAttribute>(),
            ),
            (
                "conversation_parts",
                &["id"],
                schema_of::<ConversationPart>(),
            ),
            ("conversations", &["id"], schema_of::<Conversation>()),
            (
                "custom_object_instances",
                &["type", "id"],
                schema_of::<CustomObjectInstance>(),
            ),
            (
                "data_attributes",
                &["full_name"],
                schema_of::<DataAttribute>(),
            ),
            (
                "deleted_conversations",
                &["id"],
                schema_of::<DeletedConversation>(),
            ),
            ("emails", &["id"], schema_of::<Email>()),
            ("ai_external_pages", &["id"], schema_of::<ExternalPage>()),
            ("help_centers", &["id"], schema_of::<HelpCenter>()),
            ("internal_articles", &["id"], schema_of::<InternalArticle>()),
            ("macros", &["id"], schema_of::<Macro>()),
            ("news_items", &["id"], schema_of::<NewsItem>()),
            ("newsfeeds", &["id"], schema_of::<Newsfeed>()),
            (
                "office_hours_schedules",
                &["id"],
                schema_of::<OfficeHoursSchedule>(),
            ),
            ("segments", &["id"], schema_of::<Segment>()),
            (
                "subscription_types",
                &["id"],
                schema_of::<SubscriptionType>(),
            ),
            ("tags", &["id"], schema_of::<Tag>()),
            ("teams", &["id"], schema_of::<Team>()),
            ("ticket_parts", &["id"], schema_of::<TicketPart>()),
            ("ticket_states", &["id"], schema_of::<TicketStateDetailed>()),
            ("ticket_types", &["id"], schema_of::<TicketType>()),
            ("tickets", &["id"], schema_of::<Ticket>()),
        ]
    }

    /// Calls `visit` with every schema nested in `schema` and the path to it.
    fn visit_nested(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            visit(&path, property);
            visit_nested(property, &path, visit);
        }
        if let Some(items) = schema.get("items") {
            let path = format!("{path}[]");
            visit(&path, items);
            visit_nested(items, &path, visit);
        }
    }

    #[test]
    fn every_schema_is_valid_draft_7() {
        for (stream, _, schema) in schemas() {
            if let Err(error) = jsonschema::draft7::meta::validate(&schema) {
                panic!("{stream}: {error}");
            }
        }
    }

    #[test]
    fn a_schema_uses_only_keywords_that_refuse_no_record() {
        let allowed = ["description", "type", "properties", "items"];
        for (stream, _, schema) in schemas() {
            visit_nested(&schema, stream, &mut |path, nested| {
                for keyword in nested.as_object().expect("an object, not `true`").keys() {
                    assert!(allowed.contains(&keyword.as_str()), "{path}: {keyword}");
                }
            });
        }
    }

    #[test]
    fn a_record_is_an_object_that_must_have_its_key() {
        for (stream, keys, schema) in schemas() {
            assert_eq!(schema["type"], json!("object"), "{stream}");
            assert_eq!(schema["required"], json!(keys), "{stream}");
            let keywords: Vec<_> = schema.as_object().expect("an object").keys().collect();
            assert_eq!(keywords, ["description", "type", "properties", "required"]);
        }
    }

    #[test]
    fn everything_nested_but_the_key_may_be_null_and_says_so_first() {
        for (stream, keys, schema) in schemas() {
            let keys: Vec<_> = keys.iter().map(|key| format!("{stream}.{key}")).collect();
            visit_nested(&schema, stream, &mut |path, nested| {
                let types: Vec<_> = nested["type"].as_array().into_iter().flatten().collect();
                let nulls: Vec<_> = types.iter().map(|name| *name == "null").collect();
                let is_key = keys.iter().any(|key| key == path);
                assert_eq!(nulls.first() == Some(&true), !is_key, "{path}: {nested}");
                assert!(!nulls.iter().skip(1).any(|null| *null), "{path}: {nested}");
            });
        }
    }

    #[test]
    fn every_property_has_a_one_line_description() {
        for (stream, _, schema) in schemas() {
            visit_nested(&schema, stream, &mut |path, nested| {
                let description = nested["description"].as_str().unwrap_or_default();
                let described = description.ends_with('.') && !description.contains('\n');
                assert!(described || path.ends_with("[]"), "{path}: {description:?}");
            });
        }
    }

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
                json!(["null", "integer"]),
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
                json!(["null", "integer", "string"]),
            ),
            (
                &schema_of::<Macro>()["properties"]["updated_at"],
                json!(["null", "string"]),
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
