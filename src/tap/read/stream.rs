//! A stream from its first page to its last: the way of paging that its row names, once or for each of
//! its lists.

use super::places::Place;
use super::reading::{BatchSink, Reading};
use super::spool::Spool;
use super::{between, cursor, export, kept_cursor, numbered, scroll_or_search, search, unsorted};
use crate::tap::api::client::Client;
use crate::tap::fault::Fault;
use crate::tap::plan::Output;
use crate::tap::streams::{Child, Paging, Stream};
use crate::tap::time::EpochSeconds;

/// How much of a stream must be read before any of it is given on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wholeness {
    /// A page: what wasn't read yet comes in later runs.
    Pages,
    /// The list to its end: half of it would pass for the whole.
    Lists,
}

/// What is read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The row of the table.
    pub stream: &'static Stream,
    /// How its own records are emitted, if they are.
    pub output: Option<&'a Output>,
    /// What is emitted along with them.
    pub children: &'a [&'static Child],
}

/// Reads a stream to its end: the one list there is of it, or one after the other. One that can't
/// be read doesn't keep the others from being read.
pub fn read_stream(
    wanted: Wanted<'_>,
    client: &Client,
    places: &[Place],
    started_here: EpochSeconds,
    wholeness: Wholeness,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let stream = wanted.stream;
    let client = &client.in_version(stream.api_version);
    let mut read_one = |one| {
        let reading = Reading {
            stream,
            path: stream.path,
            output: wanted.output,
            client,
            places,
            remembered_from: None,
            started_here,
            one,
            children: wanted.children,
            is_whole_list: wholeness == Wholeness::Lists,
        };
        match wholeness {
            Wholeness::Pages => run(&reading, sink),
            Wholeness::Lists => {
                let mut spool = Spool::new(client.memory());
                run(&reading, &mut |batch| spool.add(batch))?;
                spool.drain(sink)
            }
        }
    };
    let Some(values) = stream.for_each else {
        return read_one(None);
    };
    let values = values(client.config());
    if values.is_empty() {
        tracing::warn!("{}: no setting says what to read", stream.name);
    }
    let mut result = Ok(());
    for value in values {
        match read_one(Some(value.as_str())) {
            Err(Fault::Stream(message)) if result.is_ok() => result = Err(Fault::Stream(message)),
            Ok(()) | Err(Fault::Stream(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    result
}

fn run(reading: &Reading<'_>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    reading.learn_the_time()?;
    match reading.stream.paging {
        Paging::Single => unsorted::read_single(reading, sink),
        Paging::Unsorted { per_page } => unsorted::read_pages(reading, per_page, sink),
        Paging::Cursors { per_page } => unsorted::read_cursors(reading, per_page, sink),
        Paging::Object => unsorted::read_object(reading, sink),
        Paging::ExportJobs(jobs) => export::read(reading, &jobs, sink),
        Paging::FoundByAudits => Ok(()),
        Paging::Texts => unsorted::read_texts(reading, sink),
        Paging::Search(matching) => search::read(reading, matching, sink),
        Paging::CursorSince { per_page, since } => cursor::read(reading, per_page, since, sink),
        Paging::KeptCursor { per_page } => kept_cursor::read(reading, per_page, sink),
        Paging::Between { per_page, bounds } => between::read(reading, per_page, bounds, sink),
        Paging::Scroll { search, most_days } => {
            let days = most_days(reading.client.config());
            scroll_or_search::read(reading, search, days, sink)
        }
        Paging::NewestFirst {
            per_page,
            overlap_pages,
        } => {
            let overlap_pages = overlap_pages(reading.client.config());
            numbered::read(reading, per_page, overlap_pages, sink)
        }
    }
}
