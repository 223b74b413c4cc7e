//! Streams of what is said: conversations, calls and tickets.

use super::{Child, ChildAnswer, DateMatching, Paging, Stream};
use crate::tap::records::{self, schema_of};

/// Their rows, in the order of reading.
pub static STREAMS: &[Stream] = &[
    Stream {
        name: "conversations",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: true,
        schema: schema_of::<records::Conversation>,
        path: "/conversations/search",
        records_at: "conversations",
        paging: Paging::Search(DateMatching::Seconds),
        has_nested_lists: false,
        children: &[Child {
            name: "conversation_parts",
            key: &["id"],
            selected_by_default: true,
            schema: schema_of::<records::ConversationPart>,
            path: "/conversations/{id}",
            asked_if: None,
            answer: ChildAnswer::Listed {
                at: ("conversation_parts", "conversation_parts"),
                parent_key: "conversation_id",
                parent_updated_at: "conversation_updated_at",
            },
        }],
    },
    Stream {
        name: "calls",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: true,
        schema: schema_of::<records::Call>,
        path: "/calls",
        records_at: "data",
        paging: Paging::NewestFirst {
            per_page: 25,
            overlap_pages: |config| config.calls_overlap_pages,
        },
        has_nested_lists: false,
        children: &[Child {
            name: "call_transcriptions",
            key: &["call_id"],
            selected_by_default: true,
            schema: schema_of::<records::CallTranscription>,
            path: "/calls/{id}/transcript",
            asked_if: Some("transcription_url"),
            answer: ChildAnswer::Transcript {
                parent_key: "call_id",
                parent_updated_at: "call_updated_at",
                turns: "transcript",
            },
        }],
    },
];
