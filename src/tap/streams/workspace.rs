//! Streams of the workspace itself and of the people who work in it.

use super::{Paging, Stream};
use crate::tap::records::{self, schema_of};

/// Their rows, in the order of reading.
pub static STREAMS: &[Stream] = &[
    Stream {
        name: "admins",
        key: &["id"],
        replication_key: None,
        selected_by_default: true,
        schema: schema_of::<records::Admin>,
        path: "/admins",
        query: |_| None,
        for_each: None,
        records_at: "admins",
        paging: Paging::Single,
        has_nested_lists: false,
        children: &[],
    },
    Stream {
        name: "teams",
        key: &["id"],
        replication_key: None,
        selected_by_default: true,
        schema: schema_of::<records::Team>,
        path: "/teams",
        query: |_| None,
        for_each: None,
        records_at: "teams",
        paging: Paging::Single,
        has_nested_lists: false,
        children: &[],
    },
    Stream {
        name: "tags",
        key: &["id"],
        replication_key: None,
        selected_by_default: true,
        schema: schema_of::<records::Tag>,
        path: "/tags",
        query: |_| None,
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        has_nested_lists: false,
        children: &[],
    },
];
