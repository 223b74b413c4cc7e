//! Pages of what happened between two instants in the query: read span by span, oldest first, and
//! the bookmark follows. A span that is too much for the server is halved, and spans grow again after.

use super::ends::{Cursors, Promise, is_last};
use super::envelope::Continuation;
use super::guard::Guard;
use super::reading::{Batch, BatchSink, Reading, unexpectedly_gone};
use super::sieve::Sieve;
use crate::json::members::member;
use crate::tap::api::client::{ApiRequest, BadAnswer};
use crate::tap::api::path::{path_segment, with_parameter, with_query};
use crate::tap::fault::Fault;
use crate::tap::read::page::{Page, text};
use crate::tap::time::{self, EpochSeconds, Seconds};

/// What is asked for at once, at most: 30 days.
const LONGEST_SPAN: Seconds = 30 * time::DAY;
/// No span is halved further: a request an hour is what a server must bear.
const SHORTEST_SPAN: Seconds = time::HOUR;
/// Intercom began in 2011: nothing happened before. The lower bound must be given.
const BEGINNING: EpochSeconds = EpochSeconds::nearest(1_293_840_000);

/// Reads the stream; `bounds` are the query's parameters for the two instants.
pub fn read(
    reading: &Reading<'_>,
    per_page: u32,
    bounds: (&str, &str),
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let mut start = match reading.lower_bound() {
        Some(lower) => lower,
        None => beginning(reading)?,
    };
    let end = end_of(reading);
    let mut spans = Spans {
        reading,
        per_page,
        bounds,
        longest: LONGEST_SPAN,
    };
    let mut sieve = Sieve::new(reading);
    while start < end {
        sieve.settle(Some(start));
        let until = spans.read(start, end, &mut sieve, sink)?;
        let reached = sieve.reached();
        sink(Batch {
            marks: reached.map_or_else(Vec::new, |reached| sieve.marks_in_progress(reached)),
            ..Batch::default()
        })?;
        start = until;
    }
    sink(sieve.end())
}

/// The first page of the newest span, and whether that is all there is; none where nothing is asked for.
pub fn newest_span(
    reading: &Reading<'_>,
    per_page: u32,
    bounds: (&str, &str),
) -> Result<Option<(Page, bool)>, Fault> {
    let end = end_of(reading);
    let lower = reading.lower_bound();
    let start = lower.max(Some(end - LONGEST_SPAN)).unwrap_or(end);
    if start >= end {
        return Ok(None);
    }
    let spans = Spans {
        reading,
        per_page,
        bounds,
        longest: LONGEST_SPAN,
    };
    let page = reading.get(spans.path(start, end))?;
    Ok(Some((page, lower == Some(start))))
}

/// Where reading ends: what happens from now on is the next run's.
fn end_of(reading: &Reading<'_>) -> EpochSeconds {
    let now = reading.started() + 1;
    reading.client.config().end_date.unwrap_or(now).min(now)
}

/// When the workspace was made, where that is told: nothing happened in it before.
pub(super) fn beginning(reading: &Reading<'_>) -> Result<EpochSeconds, Fault> {
    let created_at = |body: &str| {
        let app = member(body, "app").ok().flatten()?;
        let created_at = member(app, "created_at").ok().flatten()?;
        time::parse_json(created_at)
    };
    let told = reading
        .client
        .send(&ApiRequest::Get("/me".into()), |body| {
            Ok(created_at(&text(body)?))
        })
        .map_err(unexpectedly_gone)?;
    let is_possible = |told: &EpochSeconds| (BEGINNING..reading.started()).contains(told);
    Ok(told.filter(is_possible).unwrap_or(BEGINNING))
}

struct Spans<'a> {
    reading: &'a Reading<'a>,
    per_page: u32,
    bounds: (&'a str, &'a str),
    longest: Seconds,
}

impl Spans<'_> {
    /// Reads a span from `start` on, before `end`; returns where it ends.
    fn read(
        &mut self,
        start: EpochSeconds,
        end: EpochSeconds,
        sieve: &mut Sieve<'_>,
        sink: &mut BatchSink<'_>,
    ) -> Result<EpochSeconds, Fault> {
        let until = |halvings| end.min(start + shrunk(self.longest, halvings));
        let names = self.reading.names();
        let client = self.reading.client;
        let promise = Promise::default();
        let (mut page, halvings) = client
            .send_shrinking(
                &client.full_effort(),
                |halvings| ApiRequest::Get(self.path(start, until(halvings))),
                |body| {
                    let page = Page::parse(body, names)?;
                    self.check(promise, &page)?;
                    Ok(page)
                },
            )
            .map_err(unexpectedly_gone)?;
        self.reading.tell_odd(&page);
        let until = until(halvings);
        let path = self.path(start, until);
        self.longest = if halvings == 0 {
            LONGEST_SPAN.min(2 * self.longest)
        } else {
            shrunk(self.longest, halvings)
        };
        let mut cursors = Cursors::default();
        let mut guard = Guard::default();
        let mut promise = Promise::default();
        let mut number = 1;
        loop {
            sieve.pages += 1;
            guard.read(&page.rows);
            guard.check()?;
            promise.read(&page);
            let next = query_of_next(&page, number, self.per_page, &mut cursors)?;
            sink(Batch {
                rows: sieve.take(page.rows, Some(start), Some(until)),
                ..Batch::default()
            })?;
            let Some(query) = next else {
                return Ok(until);
            };
            number += 1;
            let request = with_query(&path, &query);
            page = self
                .reading
                .get_if(request, |page| self.check(promise, page))?;
        }
    }

    fn path(&self, start: EpochSeconds, until: EpochSeconds) -> String {
        // Whether what happened right at a bound counts isn't known: one second more is asked for
        // below, and what is beyond is left out.
        let first = self.reading.path(&format!("per_page={}", self.per_page));
        let from = with_parameter(&first, self.bounds.0, &(start - 1).to_string());
        with_parameter(&from, self.bounds.1, &until.to_string())
    }

    /// Numbered pages are counted, and need no `next`.
    fn check(&self, promise: Promise, page: &Page) -> Result<(), BadAnswer> {
        if page.total_pages.is_some() {
            return Ok(());
        }
        promise.check(page, self.per_page)
    }
}

fn shrunk(span: Seconds, halvings: u32) -> Seconds {
    span.checked_shr(halvings)
        .unwrap_or(0)
        .max(SHORTEST_SPAN.min(span))
}

/// What asks for the page after this one: a cursor where the answer has one, else its number.
fn query_of_next(
    page: &Page,
    number: u32,
    per_page: u32,
    cursors: &mut Cursors,
) -> Result<Option<String>, Fault> {
    if let Continuation::Cursor(_) = page.next {
        let cursor = cursors.after(page)?;
        return Ok(cursor.map(|cursor| format!("starting_after={}", path_segment(&cursor))));
    }
    let is_behind_last = page.total_pages.is_some_and(|total| number > total);
    if is_behind_last || is_last(page, number, per_page) {
        return Ok(None);
    }
    Ok(Some(format!("page={}", number + 1)))
}
