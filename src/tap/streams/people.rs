//! Streams of the people and companies that the workspace talks to.

use super::{
    Asked, Child, ChildAnswer, ChildList, ChildRequest, ChildSource, DateMatching, Elements,
    NestedList, NestedLists, NextPage, Paging, Stream,
};
use crate::tap::records::{self, schema_of};

/// Their rows, in the order of reading.
pub static STREAMS: &[Stream] = &[
    Stream {
        name: "contacts",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: true,
        schema: schema_of::<records::Contact>,
        path: "/contacts/search",
        query: |config| {
            config
                .include_merge_history
                .then_some("include_merge_history=true")
        },
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::Search(DateMatching::PerhapsWholeDays),
        record_path: Some("/contacts/{id}"),
        nested_lists: Some(NestedLists {
            lists: &[
                nested("tags", "tags"),
                nested("notes", "notes"),
                nested("companies", "companies"),
                nested("opted_out_subscription_types", "subscriptions"),
                nested("opted_in_subscription_types", "subscriptions"),
            ],
            record_path: "/contacts/{id}",
        }),
        children: &[
            Child {
                name: "contact_tags",
                key: &["contact_id", "id"],
                selected_by_default: false,
                schema: schema_of::<records::ContactTag>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Inside("tags"),
            },
            Child {
                name: "contact_companies",
                key: &["contact_id", "id"],
                selected_by_default: false,
                schema: schema_of::<records::ContactCompany>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Inside("companies"),
            },
            Child {
                name: "contact_notes",
                key: &["id"],
                selected_by_default: false,
                schema: schema_of::<records::ContactNote>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                // What the contact holds of a note lacks its text.
                source: ChildSource::Request(ChildRequest {
                    path: "/contacts/{id}/notes",
                    query: |_| None,
                    asked: Asked::IfListed("notes"),
                    answer: ChildAnswer::Pages,
                }),
            },
            Child {
                name: "contact_segments",
                key: &["contact_id", "id"],
                selected_by_default: false,
                schema: schema_of::<records::ContactSegment>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/contacts/{id}/segments",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::Pages,
                }),
            },
            Child {
                name: "contact_subscriptions",
                key: &["contact_id", "id"],
                selected_by_default: false,
                schema: schema_of::<records::ContactSubscription>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/contacts/{id}/subscriptions",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::Pages,
                }),
            },
            Child {
                name: "contact_events",
                key: &["contact_id", "event_name", "created_at"],
                selected_by_default: false,
                schema: schema_of::<records::ContactEvent>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/events?type=user&intercom_user_id={id}",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::List(ChildList {
                        per_page: Some(50),
                        ..EVENTS
                    }),
                }),
            },
            Child {
                name: "contact_event_summaries",
                key: &["contact_id", "name"],
                selected_by_default: false,
                schema: schema_of::<records::ContactEventSummary>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/events?type=user&intercom_user_id={id}&summary=true",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::List(EVENTS),
                }),
            },
            Child {
                name: "contact_merges",
                key: &["contact_id", "source_contact_id"],
                selected_by_default: false,
                schema: schema_of::<records::ContactMerge>,
                parent_key: Some("contact_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/contacts/{id}/merge_history",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::List(ChildList {
                        at: "data",
                        per_page: Some(150),
                        next: NextPage::CursorBeside {
                            at: "next_cursor",
                            parameter: "cursor",
                        },
                        elements: Elements::Records,
                    }),
                }),
            },
        ],
    },
    Stream {
        name: "segments",
        key: &["id"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::Segment>,
        path: "/segments?include_count=true",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "segments",
        paging: Paging::Single,
        record_path: None,
        nested_lists: None,
        children: &[],
    },
    Stream {
        name: "contact_attributes",
        key: &["full_name"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::DataAttribute>,
        path: "/data_attributes?model=contact&include_archived=true",
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
        name: "company_attributes",
        key: &["full_name"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::DataAttribute>,
        path: "/data_attributes?model=company&include_archived=true",
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
        name: "contact_activities",
        key: &["id"],
        replication_key: Some("created_at"),
        selected_by_default: false,
        schema: schema_of::<records::ContactActivity>,
        path: "/contacts/activities",
        query: |_| None,
        // The API takes the name with a capital letter only.
        api_version: Some("Preview"),
        for_each: None,
        records_at: "data",
        paging: Paging::KeptCursor { per_page: 150 },
        record_path: None,
        nested_lists: None,
        children: &[],
    },
    Stream {
        name: "companies",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: false,
        schema: schema_of::<records::Company>,
        path: "/companies/scroll",
        query: |_| None,
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::Scroll {
            search: "/companies/search",
            most_days: |config| config.companies_scroll_days,
        },
        record_path: Some("/companies/{id}"),
        nested_lists: None,
        children: &[
            Child {
                name: "company_segments",
                key: &["company_id", "id"],
                selected_by_default: false,
                schema: schema_of::<records::CompanySegment>,
                parent_key: Some("company_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/companies/{id}/segments",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::Pages,
                }),
            },
            Child {
                name: "company_notes",
                key: &["id"],
                selected_by_default: false,
                schema: schema_of::<records::CompanyNote>,
                parent_key: Some("company_id"),
                parent_updated_at: None,
                source: ChildSource::Request(ChildRequest {
                    path: "/companies/{id}/notes",
                    query: |_| None,
                    asked: Asked::Always,
                    answer: ChildAnswer::Pages,
                }),
            },
        ],
    },
];

/// What a contact did comes in pages of which each names the next by its URL.
const EVENTS: ChildList = ChildList {
    at: "events",
    per_page: None,
    next: NextPage::Linked,
    elements: Elements::Records,
};

const fn nested(name: &'static str, place: &'static str) -> NestedList {
    NestedList { name, place }
}
