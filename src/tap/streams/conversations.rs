//! Streams of what is said: conversations, calls and tickets.

use super::{Asked, Child, ChildAnswer, ChildRequest, ChildSource, DateMatching, Paging, Stream};
use crate::tap::config::DisplayAs;
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
        query: |_| None,
        for_each: None,
        records_at: "conversations",
        paging: Paging::Search(DateMatching::Seconds),
        has_nested_lists: false,
        children: &[Child {
            name: "conversation_parts",
            key: &["id"],
            selected_by_default: true,
            schema: schema_of::<records::ConversationPart>,
            parent_key: Some("conversation_id"),
            parent_updated_at: Some("conversation_updated_at"),
            source: ChildSource::Request(ChildRequest {
                path: "/conversations/{id}",
                query: |config| match config.display_as {
                    DisplayAs::Html => None,
                    DisplayAs::Plaintext => Some("display_as=plaintext"),
                },
                asked: Asked::Always,
                answer: ChildAnswer::Listed {
                    at: ("conversation_parts", "conversation_parts"),
                },
            }),
        }],
    },
    Stream {
        name: "calls",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: true,
        schema: schema_of::<records::Call>,
        path: "/calls",
        query: |_| None,
        for_each: None,
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
            parent_key: Some("call_id"),
            parent_updated_at: Some("call_updated_at"),
            source: ChildSource::Request(ChildRequest {
                path: "/calls/{id}/transcript",
                query: |_| None,
                asked: Asked::IfSet("transcription_url"),
                answer: ChildAnswer::Transcript {
                    turns: "transcript",
                },
            }),
        }],
    },
];
