//! The table of streams. A stream is a row: what it is called, how it is asked for, where its
//! records are, how its pages follow each other, and what is read along with it. Nothing else in
//! the tap knows a stream by name; adding one is a row in the table of its family and a type in
//! [`super::records`].

mod conversations;
mod exports;
mod help_center;
mod people;
mod reports;
mod row;
mod scopes;
mod workspace;

pub use reports::{DATASETS, add_datasets, stream_of_dataset};
pub use row::{
    Asked, Child, ChildAnswer, ChildList, ChildRequest, ChildSource, DateMatching, Elements,
    ExportJobs, ExportKind, ExportOf, NestedList, NestedLists, NextPage, Paging, Stream,
};
pub use scopes::scope_of;

/// Every stream, in the order of reading.
pub fn all() -> impl Iterator<Item = &'static Stream> {
    [
        workspace::STREAMS,
        people::STREAMS,
        conversations::STREAMS,
        help_center::STREAMS,
        // Last, since their jobs take the server's time.
        exports::STREAMS,
        reports::STREAMS,
        reports::added(),
    ]
    .into_iter()
    .flatten()
}

/// The names of every stream and of those that are read along with it.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().flat_map(|stream| {
        std::iter::once(stream.name).chain(stream.children.iter().map(|child| child.name))
    })
}

#[cfg(test)]
mod tests;
