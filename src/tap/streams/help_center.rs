//! Streams of written content: the help center, news, macros.

use super::{Paging, Stream};
use crate::tap::records::{self, schema_of};

/// Their rows, in the order of reading.
pub static STREAMS: &[Stream] = &[
    Stream {
        name: "articles",
        key: &["id"],
        replication_key: Some("updated_at"),
        selected_by_default: true,
        schema: schema_of::<records::Article>,
        path: "/articles",
        query: |_| None,
        for_each: None,
        records_at: "data",
        paging: Paging::NewestFirst {
            per_page: 25,
            overlap_pages: |config| config.articles_overlap_pages,
        },
        has_nested_lists: false,
        children: &[],
    },
    Stream {
        name: "collections",
        key: &["id"],
        replication_key: None,
        selected_by_default: true,
        schema: schema_of::<records::Collection>,
        path: "/help_center/collections",
        query: |_| None,
        for_each: None,
        records_at: "data",
        paging: Paging::Unsorted { per_page: 25 },
        has_nested_lists: false,
        children: &[],
    },
];
