//! The example answers that Intercom publishes with its API description, against the schemas of
//! the streams: every record must be valid and every field of it described.
//!
//! The examples are not part of this repository. `INTERCOM_EXAMPLES_DIR` names the directory that
//! holds them, one file an answer.

use intercom_singer::tap::records::{
    ActivityLog, Admin, Article, Brand, Call, Collection, Company, Contact, ContactNote,
    ContentImportSource, ContentSnippet, Conversation, ConversationAttribute, ConversationPart,
    DataAttribute, DeletedConversation, Email, ExternalPage, HelpCenter, InternalArticle, Macro,
    NewsItem, Newsfeed, Segment, SubscriptionType, Tag, Team, Ticket, TicketPart,
    TicketStateDetailed, TicketType, schema_of,
};
use serde_json::Value;
use std::path::Path;

/// The example answers that hold records of one stream.
struct Examples {
    stream: &'static str,
    schema: Value,
    /// File and JSON pointer to the records in it: an array of them, or a single one.
    answers: &'static [(&'static str, &'static str)],
    /// Fewest records the answers hold.
    at_least: usize,
    /// Fields that other requests answer and the stream's does not.
    undescribed: &'static [&'static str],
}

#[expect(clippy::too_many_lines, reason = "a table with an entry a stream")]
fn examples() -> Vec<Examples> {
    vec![
        Examples {
            stream: "admins",
            schema: schema_of::<Admin>(),
            answers: &[("admins.200.Successful_response.json", "/admins")],
            at_least: 1,
            undescribed: &[],
        },
        // The published list of teams is empty.
        Examples {
            stream: "teams",
            schema: schema_of::<Team>(),
            answers: &[("teams.200.successful.json", "/teams")],
            at_least: 0,
            undescribed: &[],
        },
        Examples {
            stream: "tags",
            schema: schema_of::<Tag>(),
            answers: &[("tags.200.successful.json", "/data")],
            at_least: 1,
            undescribed: &[],
        },
        Examples {
            stream: "contacts",
            schema: schema_of::<Contact>(),
            answers: &[
                ("contact.200.successful.json", ""),
                ("contacts.200.successful.json", "/data"),
                ("contacts_list.200.successful.json", "/data"),
            ],
            at_least: 1,
            undescribed: &[],
        },
        Examples {
            stream: "conversations",
            schema: schema_of::<Conversation>(),
            answers: &[
                ("conversation.200.conversation_found.json", ""),
                ("conversations.200.successful.json", "/conversations"),
            ],
            at_least: 2,
            undescribed: &["conversation_parts"],
        },
        Examples {
            stream: "conversation_parts",
            schema: schema_of::<ConversationPart>(),
            answers: &[(
                "conversation.200.conversation_found.json",
                "/conversation_parts/conversation_parts",
            )],
            at_least: 4,
            undescribed: &[],
        },
        Examples {
            stream: "calls",
            schema: schema_of::<Call>(),
            answers: &[
                ("call.200.successful.json", ""),
                ("calls.200.successful.json", "/data"),
                ("calls_search.200.successful.json", "/data"),
            ],
            at_least: 2,
            undescribed: &["transcript", "transcript_status"],
        },
        Examples {
            stream: "articles",
            schema: schema_of::<Article>(),
            answers: &[
                ("article.200.Article_found.json", ""),
                ("articles.200.successful.json", "/data"),
            ],
            at_least: 2,
            undescribed: &["statistics"],
        },
        Examples {
            stream: "collections",
            schema: schema_of::<Collection>(),
            answers: &[
                ("collection.200.Collection_found.json", ""),
                ("collections.200.Successful.json", "/data"),
            ],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "companies",
            schema: schema_of::<Company>(),
            answers: &[
                ("company.200.Successful.json", ""),
                ("companies_list.200.Successful.json", "/data"),
                ("companies_scroll.200.Successful.json", "/data"),
            ],
            at_least: 3,
            undescribed: &[],
        },
        // The published list of a company's segments is empty.
        Examples {
            stream: "company_segments",
            schema: schema_of::<Segment>(),
            answers: &[("company_segments.200.Successful.json", "/data")],
            at_least: 0,
            undescribed: &[],
        },
        Examples {
            stream: "segments",
            schema: schema_of::<Segment>(),
            answers: &[("segments.200.Successful_response.json", "/segments")],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "company_attributes",
            schema: schema_of::<DataAttribute>(),
            answers: &[("data_attributes.200.Successful_response.json", "/data")],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "conversation_attributes",
            schema: schema_of::<ConversationAttribute>(),
            answers: &[(
                "conversation_attributes.200.Successful_response.json",
                "/data",
            )],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "tickets",
            schema: schema_of::<Ticket>(),
            answers: &[
                ("ticket.200.Ticket_found.json", ""),
                ("tickets.200.successful.json", "/tickets"),
            ],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "ticket_parts",
            schema: schema_of::<TicketPart>(),
            answers: &[
                ("ticket.200.Ticket_found.json", "/ticket_parts/ticket_parts"),
                (
                    "tickets.200.successful.json",
                    "/tickets/0/ticket_parts/ticket_parts",
                ),
            ],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "ticket_types",
            schema: schema_of::<TicketType>(),
            answers: &[("ticket_types.200.successful.json", "/data")],
            at_least: 1,
            undescribed: &[],
        },
        Examples {
            stream: "ticket_states",
            schema: schema_of::<TicketStateDetailed>(),
            answers: &[("ticket_states.200.successful.json", "/data")],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "activity_logs",
            schema: schema_of::<ActivityLog>(),
            answers: &[(
                "activity_logs.200.Successful_response.json",
                "/activity_logs",
            )],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "deleted_conversations",
            schema: schema_of::<DeletedConversation>(),
            answers: &[(
                "deleted_conversations.200.successful.json",
                "/conversations",
            )],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "subscription_types",
            schema: schema_of::<SubscriptionType>(),
            answers: &[("subscription_types.200.Successful.json", "/data")],
            at_least: 1,
            undescribed: &[],
        },
        // The published list of help centers is empty.
        Examples {
            stream: "help_centers",
            schema: schema_of::<HelpCenter>(),
            answers: &[("help_centers.200.Help_Centers_found.json", "/data")],
            at_least: 0,
            undescribed: &[],
        },
        Examples {
            stream: "internal_articles",
            schema: schema_of::<InternalArticle>(),
            answers: &[("internal_articles.200.successful.json", "/data")],
            at_least: 1,
            undescribed: &[],
        },
        Examples {
            stream: "news_items",
            schema: schema_of::<NewsItem>(),
            answers: &[("news_items.200.successful.json", "/data")],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "newsfeeds",
            schema: schema_of::<Newsfeed>(),
            answers: &[("newsfeeds.200.successful.json", "/data")],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "macros",
            schema: schema_of::<Macro>(),
            answers: &[
                ("macros.200.basic_list.json", "/data"),
                ("macros.200.complex_placeholders.json", "/data"),
                ("macros.200.empty_result.json", "/data"),
                ("macros.200.filtered_by_timestamp.json", "/data"),
                ("macros.200.large_list_preview.json", "/data"),
                ("macros.200.pagination_with_cursor.json", "/data"),
            ],
            at_least: 7,
            undescribed: &[],
        },
        Examples {
            stream: "content_snippets",
            schema: schema_of::<ContentSnippet>(),
            answers: &[("content_snippets.200.Successful_response.json", "/data")],
            at_least: 1,
            undescribed: &[],
        },
        Examples {
            stream: "ai_external_pages",
            schema: schema_of::<ExternalPage>(),
            answers: &[("external_pages.200.successful.json", "/data")],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "ai_content_import_sources",
            schema: schema_of::<ContentImportSource>(),
            answers: &[("content_import_sources.200.successful.json", "/data")],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "contact_notes",
            schema: schema_of::<ContactNote>(),
            answers: &[("contact_notes.200.Successful_response.json", "/data")],
            at_least: 3,
            undescribed: &[],
        },
        Examples {
            stream: "brands",
            schema: schema_of::<Brand>(),
            answers: &[("brands.200.Successful_response.json", "/data")],
            at_least: 2,
            undescribed: &[],
        },
        Examples {
            stream: "emails",
            schema: schema_of::<Email>(),
            answers: &[("emails.200.Successful_response.json", "/data")],
            at_least: 2,
            undescribed: &[],
        },
    ]
}

#[test]
fn published_examples_match_the_schemas() {
    let Some(directory) = std::env::var_os("INTERCOM_EXAMPLES_DIR") else {
        println!("SKIPPED: INTERCOM_EXAMPLES_DIR is not set, so no published example was checked");
        return;
    };
    let mut faults = Vec::new();
    for examples in examples() {
        let validator = jsonschema::draft7::new(&examples.schema).unwrap();
        let mut validated = 0;
        for (file, pointer) in examples.answers {
            for record in records(Path::new(&directory), file, pointer) {
                for error in validator.iter_errors(&record) {
                    let at = error.instance_path();
                    faults.push(format!("{}: {file}: {at}: {error}", examples.stream));
                }
                for field in undescribed_fields(&record, &examples.schema, "") {
                    if !examples.undescribed.contains(&field.as_str()) {
                        faults.push(format!(
                            "{}: {file}: {field} is not in the schema",
                            examples.stream
                        ));
                    }
                }
                validated += 1;
            }
        }
        println!("{}: {validated} published records checked", examples.stream);
        assert!(
            validated >= examples.at_least,
            "{}: {validated} records checked, expected at least {}",
            examples.stream,
            examples.at_least
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The records that `pointer` leads to in an example answer: an array of them, or a single one.
fn records(directory: &Path, file: &str, pointer: &str) -> Vec<Value> {
    let path = directory.join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let answer: Value =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match answer.pointer(pointer) {
        Some(Value::Array(records)) => records.clone(),
        Some(record @ Value::Object(_)) => vec![record.clone()],
        other => panic!("{file}: expected records at {pointer:?}, found {other:?}"),
    }
}

/// Paths of the fields of `value` that `schema` has no property for. What is below an object with
/// no properties at all (custom attributes) is anyone's.
fn undescribed_fields(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema["properties"].as_object() else {
                return Vec::new();
            };
            let mut undescribed = Vec::new();
            for (name, value) in fields {
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                match properties.get(name) {
                    Some(schema) => undescribed.extend(undescribed_fields(value, schema, &path)),
                    None => undescribed.push(path),
                }
            }
            undescribed
        }
        Value::Array(items) => {
            let of_item = |item| undescribed_fields(item, &schema["items"], path);
            items.iter().flat_map(of_item).collect()
        }
        _ => Vec::new(),
    }
}
