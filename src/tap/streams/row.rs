//! What a row of the table says, and the ways of the API that it chooses from: each variant is named
//! for what the API does, never for a stream.

use serde_json::Value;

use crate::tap::config::Config;

/// A stream that is asked for on its own.
#[derive(Debug)]
pub struct Stream {
    /// Its name in messages, catalog and state.
    pub name: &'static str,
    /// The properties that identify a record. The last one tells the records of one list apart;
    /// those before it say which list that is.
    pub key: &'static [&'static str],
    /// The property that bookmarks are made of, of an incremental stream.
    pub replication_key: Option<&'static str>,
    /// Whether it is read when nobody chooses.
    pub selected_by_default: bool,
    /// JSON Schema of a record.
    pub schema: fn() -> Value,
    /// The endpoint's path, with its query where that is always the same.
    pub path: &'static str,
    /// What settings add to the query.
    pub query: fn(&Config) -> Option<&'static str>,
    /// The version of the API that has it, where that is one only; else the setting's is asked for.
    pub api_version: Option<&'static str>,
    /// The values of a setting for each of which the list is asked for, in the place of `{each}` in the
    /// path; none for a list that there is one of.
    pub for_each: Option<fn(&Config) -> &[String]>,
    /// The property of an answer that holds the array of records.
    pub records_at: &'static str,
    /// How pages follow each other.
    pub paging: Paging,
    /// The path of one record, with `{id}` where its key goes, where records may be asked for one by one.
    pub record_path: Option<&'static str>,
    /// The lists inside a record that the API truncates (`has_more`), to be completed from their `url`.
    pub nested_lists: Option<NestedLists>,
    /// What is read along with each record.
    pub children: &'static [Child],
}

impl Stream {
    /// Whether a bookmark says how far it was read. Exports have one without a replication key: their
    /// windows of time are what it is of, not their rows.
    #[must_use]
    pub fn is_incremental(&self) -> bool {
        self.replication_key.is_some() || matches!(self.paging, Paging::ExportJobs(_))
    }

    /// Whether a child's records are in the answer that is one of the stream's own records.
    #[must_use]
    pub fn has_in_its_detail(&self, child: &Child) -> bool {
        matches!(&child.source, ChildSource::Request(request)
            if self.record_path == Some(request.path))
    }
}

/// Lists inside a record that hold but the first elements, and a `url` for the whole.
#[derive(Clone, Copy, Debug)]
pub struct NestedLists {
    /// The properties that hold one. What looks like one elsewhere (a custom attribute, which any
    /// visitor may set) is none.
    pub lists: &'static [NestedList],
    /// The path of one record, with `{id}` where its key goes. The lists' own paths lie below it.
    pub record_path: &'static str,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct NestedList {
    /// The property.
    pub name: &'static str,
    /// Where the whole of it is, below the path of the record.
    pub place: &'static str,
}

/// How an endpoint hands out its records.
#[derive(Clone, Copy, Debug)]
pub enum Paging {
    /// GET: all of them in one answer.
    Single,
    /// POST of a query, with opaque cursors, sorted by `updated_at`.
    Search(DateMatching),
    /// GET of numbered pages, newest `updated_at` first, some records out of place.
    NewestFirst {
        /// Records a page.
        per_page: u32,
        /// How many pages in a row must hold nothing new before reading stops.
        overlap_pages: fn(&Config) -> u32,
    },
    /// GET of numbered pages in no order, the same record possibly on two of them.
    Unsorted {
        /// Records a page.
        per_page: u32,
    },
    /// GET with opaque cursors, newest first, of what changed since an instant in the query.
    CursorSince {
        /// Records a page.
        per_page: u32,
        /// The query's parameter for that instant.
        since: &'static str,
    },
    /// GET with opaque cursors, oldest first, of a list that grows at its end alone. A cursor may be kept
    /// between runs.
    KeptCursor {
        /// Records a page.
        per_page: u32,
    },
    /// GET of pages that hold what happened between two instants in the query. Long spans may be
    /// too much for the server.
    Between {
        /// Records a page.
        per_page: u32,
        /// The query's parameters for the two instants.
        bounds: (&'static str, &'static str),
    },
    /// GET whose answers carry a `scroll_param` to be sent with the next request, until an empty
    /// page. The server keeps the place, for one scroll a workspace. Some versions have a search, too,
    /// for most of the list.
    Scroll {
        /// The path of the search, a POST of a query sorted by `updated_at`.
        search: &'static str,
        /// After how many days the search isn't enough.
        most_days: fn(&Config) -> u32,
    },
    /// GET with opaque cursors of a list in no order.
    Cursors {
        /// Records a page.
        per_page: u32,
    },
    /// GET of one object, which is the only record.
    Object,
    /// Files that a job of the server makes of what happened between two instants: asked for, waited
    /// for, then downloaded.
    ExportJobs(ExportJobs),
    /// Nothing: no endpoint has its records. An audit finds them.
    FoundByAudits,
    /// GET: one answer with a list of texts, each of which becomes a record that holds it under the
    /// stream's key.
    Texts,
}

/// How a search compares dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateMatching {
    /// By the second.
    Seconds,
    /// By the whole day of the workspace's timezone, or by the second: it depends on the version.
    PerhapsWholeDays,
}

/// A stream that is read along with its parent.
#[derive(Debug)]
pub struct Child {
    /// Its name in messages and catalog.
    pub name: &'static str,
    /// The properties that identify a record, in the same order as a stream's.
    pub key: &'static [&'static str],
    /// Whether it is read when nobody chooses.
    pub selected_by_default: bool,
    /// JSON Schema of a record.
    pub schema: fn() -> Value,
    /// The property that is added to name the parent, where the API's own records don't.
    pub parent_key: Option<&'static str>,
    /// The property that is added to hold the parent's `updated_at`.
    pub parent_updated_at: Option<&'static str>,
    /// Where its records are.
    pub source: ChildSource,
}

/// Where child records are.
#[derive(Clone, Copy, Debug)]
pub enum ChildSource {
    /// In a list inside the parent, under this name, completed from the list's own URL where the
    /// API truncated it: no further request where it didn't.
    Inside(&'static str),
    /// In the answer to a request of their own.
    Request(ChildRequest),
    /// In the same download as the stream's own rows: files of this kind.
    SameExport(ExportKind),
}

/// Jobs that export files, and how they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ExportJobs {
    /// Path of the POST that begins a job.
    pub enqueue: &'static str,
    /// Path of the job's state, with `{job}` where its identifier goes.
    pub status: &'static str,
    /// Path of its files.
    pub download: &'static str,
    /// Names of the two instants in the body, in epoch seconds.
    pub bounds: (&'static str, &'static str),
    /// What is exported.
    pub of: ExportOf,
    /// Jobs that a workspace may have at once.
    pub most_jobs: usize,
    /// Days that one job may span, at most.
    pub most_days: u32,
    /// Which files of a download hold the stream's own rows.
    pub kind: ExportKind,
}

/// What a job exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportOf {
    /// All there is. Both instants are inclusive.
    Everything,
    /// The rows of one dataset, by the attributes that are asked for. Nothing is said of whether the
    /// instants are inclusive.
    Dataset {
        /// Its identifier, which may be written otherwise: the stream's name says which it is.
        id: &'static str,
        /// Path of the list of datasets and of their attributes.
        listed_at: &'static str,
    },
}

/// What a file of an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// What its name begins with, or what its columns are those of.
    Named(&'static str),
    /// What no row of the table names; its rows say which by this property.
    Others {
        /// The property that the tap adds.
        told_as: &'static str,
    },
    /// Rows of the stream, whatever the file is called.
    Rows,
}

/// A request for the child records of one parent.
#[derive(Clone, Copy, Debug)]
pub struct ChildRequest {
    /// Its path, with `{id}` where the parent's key goes.
    pub path: &'static str,
    /// What settings add to the query.
    pub query: fn(&Config) -> Option<String>,
    /// Which parents it is made for.
    pub asked: Asked,
    /// What an answer looks like.
    pub answer: ChildAnswer,
}

/// Which parents a request is made for.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// All of them.
    Always,
    /// Those in which this property is not null.
    IfSet(&'static str),
    /// Those in which the list under this name isn't empty.
    IfListed(&'static str),
}

/// How child records are found in the answer for one parent.
#[derive(Clone, Copy, Debug)]
pub enum ChildAnswer {
    /// A list inside the parent itself, which the API may truncate; each element is a record. A parent
    /// that is gone by now is skipped.
    Listed {
        /// The object that holds list and `total_count`, and the list's name in it.
        at: (&'static str, &'static str),
        /// More than so many are never given, whatever `total_count` says.
        most: usize,
        /// The object in the parent, and its property, that says how many there are.
        counted_at: Option<(&'static str, &'static str)>,
    },
    /// A list under `data`, whole or in numbered pages; each element is a record. A parent that is
    /// gone by now is skipped.
    Pages,
    /// A list under a name of its own, with its own way of paging. A parent that is gone by now is
    /// skipped.
    List(ChildList),
    /// A list under `data` as with [`Self::Pages`], whose elements are asked for one by one: each
    /// answer is a record.
    EachOf {
        /// The path of one of them, with `{id}` where the parent's key goes and `{each}` where its own
        /// does.
        path: &'static str,
    },
    /// An object inside the parent, under this name: one record a parent, none where it is null.
    Part(&'static str),
    /// An object: one record a parent. 404 where the parent has none.
    Object,
    /// An array, each element of which is a record. 404 where the parent has none.
    Array,
    /// A transcript as text or as JSON; one record a parent. One that isn't there yet is asked for
    /// again by later runs.
    Transcript {
        /// The property that holds the turns.
        turns: &'static str,
    },
}

/// A list that belongs to one parent.
#[derive(Clone, Copy, Debug)]
pub struct ChildList {
    /// The name of the list in the answer.
    pub at: &'static str,
    /// Records a page, where the list has pages.
    pub per_page: Option<u32>,
    /// How the next page is asked for.
    pub next: NextPage,
    /// What its elements are.
    pub elements: Elements,
}

/// How the next page of a child's list is asked for.
#[derive(Clone, Copy, Debug)]
pub enum NextPage {
    /// By its number or by the cursor in `pages`, whichever there is.
    NumberOrCursor,
    /// By the query of the URL that `pages.next` is.
    Linked,
    /// By this parameter of the query, with the text that stands beside the list under that name.
    CursorBeside {
        /// The name in the answer.
        at: &'static str,
        /// The name in the query.
        parameter: &'static str,
    },
}

/// What the elements of a child's list are.
#[derive(Clone, Copy, Debug)]
pub enum Elements {
    /// Records.
    Records,
    /// Records that have part of their key in an object; the tap adds it beside that.
    Lifting {
        /// The object, and the property in it.
        from: (&'static str, &'static str),
        /// The name that the value gets.
        to: &'static str,
    },
    /// Objects with a list of records each; the tap adds to these what identifies the object.
    Holding {
        /// The name of the list in the object.
        list: &'static str,
        /// The property of the object, and the name that its value gets.
        key: &'static str,
    },
}
