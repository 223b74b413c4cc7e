//! Reading a stream's pages: which to ask for, what of them is new, and what the bookmark is once
//! they are emitted. Knows nothing of messages and children.

pub mod bookmark;
pub mod page;

mod between;
mod coverage;
mod cursor;
mod numbered;
mod scroll;
mod search;
mod sieve;
mod unsorted;

use std::collections::HashSet;

use super::api::client::{ApiRequest, Client};
use super::api::path::{path_segment, with_query};
use super::fault::Fault;
use super::streams::{Paging, Stream};
use super::time::EpochSeconds;
use bookmark::Bookmark;
use page::{Names, Next, Page, Row};

/// Records to emit, and what the bookmark is when that is done.
#[derive(Debug, Default)]
pub struct Batch {
    /// New records, in the order of emission.
    pub rows: Vec<Row>,
    /// The stream's bookmark once `rows` and all batches before are emitted, where it changes.
    pub bookmark: Option<Bookmark>,
    /// How many records the API says there are in all, where it does.
    pub total_count: Option<u64>,
}

/// What one reading of a stream works with.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The row of the table.
    pub stream: &'static Stream,
    /// The client.
    pub client: &'a Client,
    /// What the state held; the default for a stream without bookmarks.
    pub bookmark: Bookmark,
    /// When this run started.
    pub started: EpochSeconds,
    /// What this one list is of, where the stream has several.
    pub one: Option<&'a str>,
}

/// Where batches go; it says so when nobody wants them any more.
pub type Sink<'a> = dyn FnMut(Batch) -> Result<(), Fault> + 'a;

/// Reads a stream to its end: the one list there is of it, or one after the other. One that can't
/// be read doesn't keep the others from being read.
pub fn read(
    stream: &'static Stream,
    client: &Client,
    bookmark: &Bookmark,
    started: EpochSeconds,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let reading = |one| Reading {
        stream,
        client,
        bookmark: bookmark.clone(),
        started,
        one,
    };
    let Some(values) = stream.for_each else {
        return reading(None).run(sink);
    };
    let values = values(client.config());
    if values.is_empty() {
        tracing::warn!("{}: no setting says what to read", stream.name);
    }
    let mut result = Ok(());
    for value in values {
        match reading(Some(value.as_str())).run(sink) {
            Err(Fault::Stream(message)) if result.is_ok() => result = Err(Fault::Stream(message)),
            Ok(()) | Err(Fault::Stream(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    result
}

impl Reading<'_> {
    fn run(self, sink: &mut Sink<'_>) -> Result<(), Fault> {
        match self.stream.paging {
            Paging::Single => unsorted::read_single(&self, sink),
            Paging::Unsorted { per_page } => unsorted::read_pages(&self, per_page, sink),
            Paging::Search(matching) => search::read(&self, matching, sink),
            Paging::CursorSince { per_page, since } => cursor::read(&self, per_page, since, sink),
            Paging::Between { per_page, bounds } => between::read(&self, per_page, bounds, sink),
            Paging::Scroll => scroll::read(&self, sink),
            Paging::NewestFirst {
                per_page,
                overlap_pages,
            } => {
                let overlap_pages = overlap_pages(self.client.config());
                numbered::read(&self, per_page, overlap_pages, sink)
            }
        }
    }

    fn names(&self) -> Names {
        Names {
            records_at: self.stream.records_at,
            key: self.stream.key.last().copied().unwrap_or_default(),
            replication_key: self.stream.replication_key.unwrap_or("updated_at"),
        }
    }

    /// The endpoint's path with this and what else belongs to its query.
    fn path(&self, query: &str) -> String {
        let path = match self.one {
            Some(one) => self.stream.path.replace("{each}", &path_segment(one)),
            None => self.stream.path.to_owned(),
        };
        let by_settings = (self.stream.query)(self.client.config());
        with_query(&with_query(&path, by_settings.unwrap_or_default()), query)
    }

    fn get(&self, path_and_query: String) -> Result<Page, Fault> {
        let names = self.names();
        self.client
            .send(&ApiRequest::Get(path_and_query), |body| {
                Page::parse(body, names)
            })
            .map_err(unexpectedly_gone)
    }

    fn numbered_page(&self, number: u32, per_page: u32) -> Result<Page, Fault> {
        self.get(self.path(&format!("page={number}&per_page={per_page}")))
    }

    /// The bookmark that the state held, unless it can't be true.
    fn known_bookmark(&self) -> Option<EpochSeconds> {
        self.bookmark
            .updated_at
            .filter(|bookmark| *bookmark <= self.started)
    }

    /// Whether the bookmark that the state held is in the future.
    fn is_ahead(&self) -> bool {
        self.bookmark.updated_at > Some(self.started)
    }

    /// The inclusive lower bound of `updated_at`.
    fn lower_bound(&self) -> Option<EpochSeconds> {
        let config = self.client.config();
        if self.is_ahead() {
            tracing::warn!(
                "the bookmark of {} is in the future; reading what was updated from the run's \
                 start less the look-back on",
                self.stream.name
            );
            return Some(self.started - config.lookback_seconds);
        }
        let Some(bookmark) = self.known_bookmark() else {
            return config.start_date;
        };
        if self.bookmark.in_progress {
            return Some(bookmark);
        }
        let lower = bookmark - config.lookback_seconds;
        // Looking back doesn't reach behind where the first run was told to begin.
        let start = config.start_date.filter(|start| *start <= bookmark);
        Some(start.map_or(lower, |start| lower.max(start)))
    }

    /// The bookmark of a stream read to its end, for the newest it holds. It never goes back, but
    /// for one that was in the future.
    fn final_bookmark(&self, newest: Option<EpochSeconds>) -> Option<EpochSeconds> {
        let ahead = self.is_ahead().then(|| self.newest_bookmark());
        newest.max(self.known_bookmark()).or(ahead)
    }

    /// The newest the bookmark may become: what was updated later may still be unindexed, or isn't
    /// wanted by this run.
    fn newest_bookmark(&self) -> EpochSeconds {
        let config = self.client.config();
        let indexed = self.started - config.lookback_seconds;
        config.end_date.map_or(indexed, |end| indexed.min(end))
    }

    /// Whether a run that looks back from this one's start meets nothing of what this one met, whose
    /// newest instant this is.
    fn is_look_back_over(&self, newest: Option<EpochSeconds>) -> bool {
        let next_lower = self.newest_bookmark() - self.client.config().lookback_seconds;
        newest.is_none_or(|newest| newest < next_lower)
    }

    /// Whether a record lies within the bounds. One without `updated_at` can't be told, so it does.
    fn is_wanted(&self, row: &Row, lower: Option<EpochSeconds>) -> bool {
        let Some(updated_at) = row.updated_at else {
            return true;
        };
        lower.is_none_or(|lower| updated_at >= lower)
            && self
                .client
                .config()
                .end_date
                .is_none_or(|end| updated_at < end)
    }
}

/// A list that isn't there is a fault of the stream; only details may be gone.
fn unexpectedly_gone(fault: Fault) -> Fault {
    match fault {
        Fault::Gone { message } => Fault::Stream(format!(
            "{message}; this version of the API or the workspace's plan may not have it"
        )),
        Fault::Refused { message } => Fault::Stream(message),
        other => other,
    }
}

/// Whether numbered pages end with this one. `total_pages` may be off by one, so a full last page is
/// no end, and an empty one is unless more than one page should follow it.
fn is_last(page: &Page, number: u32, per_page: u32) -> bool {
    let announced = match page.total_pages {
        Some(total) => total.saturating_sub(number),
        None => u32::from(page.next != Next::End),
    };
    if page.rows.is_empty() {
        return announced <= 1;
    }
    let full = page.per_page.unwrap_or(per_page).max(1) as usize;
    announced == 0 && page.rows.len() < full
}

/// The cursors met while reading, since one that comes again would be followed for ever.
#[derive(Debug, Default)]
struct Cursors {
    met: HashSet<String>,
}

impl Cursors {
    /// The cursor of the page after `page`, or `None` at the end.
    fn after(&mut self, page: &Page) -> Result<Option<String>, Fault> {
        match &page.next {
            Next::End => Ok(None),
            Next::Unnamed => Err(Fault::Stream(
                "the API says that there is a next page, but gives no cursor for it".into(),
            )),
            Next::Cursor(cursor) if self.met.insert(cursor.clone()) => Ok(Some(cursor.clone())),
            Next::Cursor(cursor) => Err(Fault::Stream(format!(
                "the API repeats the cursor {cursor:?}, so its pages have no end"
            ))),
        }
    }
}
