//! Streams of what is said: conversations, calls and tickets.

use super::{
    Asked, Child, ChildAnswer, ChildList, ChildRequest, ChildSource, DateMatching, Elements,
    NextPage, Paging, Stream,
};
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
        api_version: None,
        for_each: None,
        records_at: "conversations",
        paging: Paging::Search(DateMatching::Seconds),
        record_path: Some("/conversations/{id}"),
        nested_lists: None,
        children: &[
            PARTS,
            SIDE_CONVERSATIONS,
            SIDE_CONVERSATION_PARTS,
            HANDLING_EVENTS,
            FIN_VOICE_CALLS,
        ],
    },
    Stream {
        name: "calls",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: true,
        schema: schema_of::<records::Call>,
        path: "/calls",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::NewestFirst {
            per_page: 25,
            overlap_pages: |config| config.calls_overlap_pages,
        },
        record_path: Some("/calls/{id}"),
        nested_lists: None,
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
    Stream {
        name: "conversation_attributes",
        key: &["id"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::ConversationAttribute>,
        path: "/conversations/attributes?include_archived=true",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        record_path: None,
        nested_lists: None,
        children: &[],
    },
    Stream {
        name: "deleted_conversations",
        key: &["id"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::DeletedConversation>,
        path: "/conversations/deleted",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "conversations",
        paging: Paging::Unsorted { per_page: 60 },
        record_path: None,
        nested_lists: None,
        children: &[],
    },
    Stream {
        name: "ticket_types",
        key: &["id"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::TicketType>,
        path: "/ticket_types",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        record_path: None,
        nested_lists: None,
        children: &[],
    },
    Stream {
        name: "ticket_states",
        key: &["id"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::TicketStateDetailed>,
        path: "/ticket_states",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        record_path: None,
        nested_lists: None,
        children: &[],
    },
    Stream {
        name: "tickets",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: false,
        schema: schema_of::<records::Ticket>,
        path: "/tickets/search",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "tickets",
        paging: Paging::Search(DateMatching::Seconds),
        record_path: Some("/tickets/{id}"),
        nested_lists: None,
        children: &[Child {
            name: "ticket_parts",
            key: &["id"],
            selected_by_default: false,
            schema: schema_of::<records::TicketPart>,
            parent_key: Some("ticket_id"),
            parent_updated_at: Some("ticket_updated_at"),
            source: ChildSource::Request(ChildRequest {
                path: "/tickets/{id}",
                query: |_| None,
                asked: Asked::Always,
                answer: ChildAnswer::Listed {
                    at: ("ticket_parts", "ticket_parts"),
                    most: 500,
                    counted_at: None,
                },
            }),
        }],
    },
];

const PARTS: Child = Child {
    name: "conversation_parts",
    key: &["id"],
    selected_by_default: true,
    schema: schema_of::<records::ConversationPart>,
    parent_key: Some("conversation_id"),
    parent_updated_at: Some("conversation_updated_at"),
    source: ChildSource::Request(ChildRequest {
        path: "/conversations/{id}",
        query: |config| {
            config
                .is_plaintext
                .then(|| "display_as=plaintext".to_owned())
        },
        asked: Asked::Always,
        answer: ChildAnswer::Listed {
            at: ("conversation_parts", "conversation_parts"),
            most: 500,
            counted_at: Some(("statistics", "count_conversation_parts")),
        },
    }),
};

const SIDE_CONVERSATIONS: Child = Child {
    name: "side_conversations",
    key: &["side_conversation_id"],
    selected_by_default: false,
    schema: schema_of::<records::SideConversation>,
    parent_key: Some("conversation_id"),
    parent_updated_at: Some("conversation_updated_at"),
    source: side_conversations(Elements::Records),
};

const SIDE_CONVERSATION_PARTS: Child = Child {
    name: "side_conversation_parts",
    key: &["id"],
    selected_by_default: false,
    schema: schema_of::<records::SideConversationPart>,
    parent_key: Some("conversation_id"),
    parent_updated_at: Some("conversation_updated_at"),
    source: side_conversations(Elements::Holding {
        list: "conversation_parts",
        key: "side_conversation_id",
    }),
};

/// Side conversations come with all their parts.
const fn side_conversations(elements: Elements) -> ChildSource {
    ChildSource::Request(ChildRequest {
        path: "/conversations/{id}/side_conversations",
        query: |_| None,
        asked: Asked::Always,
        answer: ChildAnswer::List(ChildList {
            at: "side_conversations",
            per_page: Some(50),
            next: NextPage::NumberOrCursor,
            elements,
        }),
    })
}

const HANDLING_EVENTS: Child = Child {
    name: "handling_events",
    key: &["conversation_id", "timestamp", "teammate_id"],
    selected_by_default: false,
    schema: schema_of::<records::HandlingEvent>,
    parent_key: Some("conversation_id"),
    parent_updated_at: None,
    source: ChildSource::Request(ChildRequest {
        path: "/conversations/{id}/handling_events",
        query: |_| None,
        asked: Asked::Always,
        answer: ChildAnswer::List(ChildList {
            at: "handling_events",
            per_page: None,
            next: NextPage::NumberOrCursor,
            elements: Elements::Lifting {
                from: ("teammate", "id"),
                to: "teammate_id",
            },
        }),
    }),
};

const FIN_VOICE_CALLS: Child = Child {
    name: "fin_voice_calls",
    key: &["id"],
    selected_by_default: false,
    schema: schema_of::<records::FinVoiceCall>,
    parent_key: Some("conversation_id"),
    parent_updated_at: None,
    source: ChildSource::Request(ChildRequest {
        path: "/fin_voice/conversation/{id}",
        query: |_| None,
        asked: Asked::Always,
        answer: ChildAnswer::Array,
    }),
};
