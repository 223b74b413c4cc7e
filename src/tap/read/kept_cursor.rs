//! Pages with opaque cursors of a list that grows at its end, oldest first, whose cursors can be kept: a
//! run goes on with the page that the one before read last, and leaves out what that had of it.

use std::collections::HashSet;

use super::amount::Amount;
use super::bookmark::Bookmark;
use super::counted::Counted;
use super::ends::{Cursors, Promise};
use super::envelope::Continuation;
use super::guard::Guard;
use super::last_page::LastPage;
use super::page::{Page, Row};
use super::places::{Outputs, Place};
use super::reading::{Batch, BatchSink, Reading, unexpectedly_gone};
use crate::tap::api::client::{ApiRequest, Once};
use crate::tap::api::path::with_parameter;
use crate::tap::fault::Fault;
use crate::tap::time::EpochSeconds;

/// Reads the stream from the page on that was read last.
pub fn read(reading: &Reading<'_>, per_page: u32, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    let place = reading.places.first();
    let before = place
        .map(|place| place.bookmark.clone())
        .unwrap_or_default();
    let list = List { reading, per_page };
    let Beginning {
        mut page,
        mut cursor,
        is_first,
    } = list.beginning(&before)?;
    let sifting = Sifting {
        known: before.last_page.keys.iter().cloned().collect(),
        lower: list.lower_bound(&before, is_first),
        end: reading.client.config().end_date,
        newest: reading.newest_bookmark(),
    };
    let mut bookmark = Bookmark {
        replication_key_value: place.and_then(|place| reading.known(place)),
        ..before.clone()
    };
    let mut cursors = Cursors::default();
    let mut promise = Promise::default();
    let mut guard = Guard::default();
    loop {
        promise.read(&page);
        guard.read(&page.rows);
        guard.check()?;
        let mut next = None;
        if !is_end(&page, cursor.as_deref()) {
            next = cursors.after(&page)?;
        }
        bookmark.last_page = LastPage {
            cursor: cursor.take(),
            keys: Vec::new(),
        };
        let (rows, is_at_end) = sifting.take(page.rows, &mut bookmark);
        next = next.filter(|_| !is_at_end);
        bookmark.in_progress = next.is_some();
        if next.is_some() {
            bookmark.last_page = LastPage {
                cursor: next.clone(),
                keys: Vec::new(),
            };
        }
        let mark = Place {
            outputs: place.map_or(Outputs::ALL, |place| place.outputs),
            bookmark: bookmark.clone(),
        };
        sink(Batch {
            rows,
            marks: Vec::from_iter((bookmark != before).then_some(mark)),
            total_count: page.total_count.filter(|_| is_first),
            ..Batch::default()
        })?;
        if next.is_none() {
            return Ok(());
        }
        page = reading.get_if(list.path(next.as_deref()), |page| {
            // The totals are those of all of the list.
            if is_first {
                promise.check(page, per_page)?;
            }
            Ok(())
        })?;
        cursor = next;
    }
}

/// How much that would give.
pub fn count(reading: &Reading<'_>, per_page: u32) -> Result<Counted, Fault> {
    let place = reading.places.first();
    let before = place
        .map(|place| place.bookmark.clone())
        .unwrap_or_default();
    let beginning = List { reading, per_page }.beginning(&before)?;
    let mut page = beginning.page;
    let is_end = is_end(&page, beginning.cursor.as_deref());
    page.rows
        .retain(|row| !before.last_page.keys.contains(&row.id));
    if beginning.is_first {
        return Ok(Counted::of_first_page(reading, page, per_page));
    }
    let new = page.rows.len() as u64;
    let (records, requests) = if is_end {
        (Amount::exactly(new), Amount::exactly(1))
    } else {
        (Amount::at_least(new), Amount::at_least(2))
    };
    Ok(Counted::of(records, requests, page.rows))
}

/// Whether nothing follows a page yet. At the end a page without rows may name itself as the next.
fn is_end(page: &Page, cursor: Option<&str>) -> bool {
    match &page.next {
        Continuation::End => true,
        Continuation::Cursor(next) | Continuation::Bare(next) => {
            page.rows.is_empty() && cursor == Some(next)
        }
        Continuation::Unnamed => false,
    }
}

/// What is asked for.
struct List<'a> {
    reading: &'a Reading<'a>,
    per_page: u32,
}

/// The page that reading begins with.
struct Beginning {
    page: Page,
    /// What it was asked for with.
    cursor: Option<String>,
    /// Whether it is the list's first one.
    is_first: bool,
}

impl List<'_> {
    fn path(&self, cursor: Option<&str>) -> String {
        let first = self.reading.path(&format!("per_page={}", self.per_page));
        match cursor {
            None => first,
            Some(cursor) => with_parameter(&first, "starting_after", cursor),
        }
    }

    fn beginning(&self, before: &Bookmark) -> Result<Beginning, Fault> {
        if let Some(cursor) = &before.last_page.cursor
            && let Some(page) = self.kept(cursor)?
        {
            return Ok(Beginning {
                page,
                cursor: Some(cursor.clone()),
                is_first: false,
            });
        }
        let check = |page: &Page| Promise::default().check(page, self.per_page);
        Ok(Beginning {
            page: self.reading.get_if(self.path(None), check)?,
            cursor: None,
            is_first: true,
        })
    }

    /// The page at a cursor that was kept; none where the API doesn't know it any more.
    fn kept(&self, cursor: &str) -> Result<Option<Page>, Fault> {
        let client = self.reading.client;
        let request = ApiRequest::Get(self.path(Some(cursor)));
        let names = self.reading.names();
        let mut losses = 0;
        loop {
            match client.send_once(&request, losses, |body| Page::parse(body, names))? {
                Once::Done(page) => {
                    self.reading.tell_odd(&page);
                    return Ok(Some(page));
                }
                Once::Error {
                    fault: Fault::Stream(why) | Fault::Gone { message: why, .. },
                    ..
                } => {
                    tracing::warn!(
                        "{}: the list is read from its start again, since the cursor in the bookmark \
                         isn't taken any more: {why}",
                        self.reading.stream.name
                    );
                    return Ok(None);
                }
                Once::Error { fault, .. } => return Err(unexpectedly_gone(fault)),
                Once::Lost(why) => {
                    losses += 1;
                    if losses >= client.config().max_attempts {
                        return Err(Fault::Stream(format!("{why} ({losses} times)")));
                    }
                    tracing::warn!("{why}");
                }
            }
        }
    }

    /// From when on rows are wanted. What follows on a kept page is new, whatever its age.
    fn lower_bound(&self, before: &Bookmark, is_first: bool) -> Option<EpochSeconds> {
        if is_first {
            return self.reading.lower_bound();
        }
        let start = self.reading.client.config().start_date;
        start.filter(|_| before.replication_key_value.is_none())
    }
}

/// Which rows are emitted.
struct Sifting {
    /// Keys of those that runs before had.
    known: HashSet<String>,
    /// The oldest that are wanted.
    lower: Option<EpochSeconds>,
    /// Where this run is told to end.
    end: Option<EpochSeconds>,
    /// The newest that the bookmark may become.
    newest: EpochSeconds,
}

impl Sifting {
    /// Those of a page, and whether the run ends there. The bookmark is what it becomes by that.
    fn take(&self, mut rows: Vec<Row>, bookmark: &mut Bookmark) -> (Vec<Row>, bool) {
        let mut is_at_end = false;
        rows.retain(|row| {
            let at = row.replication_key_value;
            if self.end.is_some_and(|end| at >= Some(end)) {
                is_at_end = true;
                return false;
            }
            bookmark.last_page.keys.push(row.id.clone());
            if self.known.contains(&row.id) || at.is_some_and(|at| self.lower > Some(at)) {
                return false;
            }
            let newest = at.map(|at| at.min(self.newest));
            bookmark.replication_key_value = bookmark.replication_key_value.max(newest);
            true
        });
        (rows, is_at_end)
    }
}
