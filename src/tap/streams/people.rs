//! Streams of the people and companies that the workspace talks to.

use super::{DateMatching, Paging, Stream};
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
        for_each: None,
        records_at: "data",
        paging: Paging::Search(DateMatching::PerhapsWholeDays),
        has_nested_lists: true,
        children: &[],
    },
    Stream {
        name: "segments",
        key: &["id"],
        replication_key: None,
        selected_by_default: false,
        schema: schema_of::<records::Segment>,
        path: "/segments?include_count=true",
        query: |_| None,
        for_each: None,
        records_at: "segments",
        paging: Paging::Single,
        has_nested_lists: false,
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
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        has_nested_lists: false,
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
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        has_nested_lists: false,
        children: &[],
    },
];
