//! The names by which the rows of an answer are understood.

use crate::json::strings::NameSieve;
use crate::tap::streams::{NestedList, Stream};

/// The names by which a stream's rows are understood.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Where the array of records is.
    pub records_at: &'static str,
    /// The record's key.
    pub key: &'static str,
    /// The property that bookmarks are made of.
    pub replication_key: &'static str,
    /// The properties that hold lists.
    pub lists: &'static [NestedList],
}

impl Names {
    /// As most answers have them, in records without lists.
    pub const USUAL: Self = Self {
        records_at: "data",
        key: "id",
        replication_key: "updated_at",
        lists: &[],
    };

    /// For those of a record's properties that its row is known by.
    #[must_use]
    pub fn sieve(&self) -> NameSieve {
        let lists = self.lists.iter().map(|list| list.name);
        NameSieve::of(lists.chain([self.key, self.replication_key]))
    }

    /// Those of a stream.
    #[must_use]
    pub fn of(stream: &Stream) -> Self {
        Self {
            records_at: stream.records_at,
            key: stream.key.last().copied().unwrap_or_default(),
            replication_key: stream.replication_key.unwrap_or("updated_at"),
            lists: stream.nested_lists.map_or(&[], |nested| nested.lists),
        }
    }
}
