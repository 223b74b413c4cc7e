//! Pages of what happened between two instants in the query: read span by span, oldest first, and
//! the bookmark follows. A span that is too much for the server is halved.

use super::sieve::Sieve;
use super::{Batch, Cursors, Fault, Reading, Sink, is_last, unexpectedly_gone};
use crate::tap::api::client::ApiRequest;
use crate::tap::api::path::{path_segment, with_parameter, with_query};
use crate::tap::read::page::{Next, Page};
use crate::tap::time::EpochSeconds;

/// What is asked for at once, at most: 30 days.
const LONGEST_SPAN: EpochSeconds = 30 * 24 * 3600;
/// Intercom began in 2011: nothing happened before. The lower bound must be given.
const BEGINNING: EpochSeconds = 1_293_840_000;

/// Reads the stream; `bounds` are the query's parameters for the two instants.
pub fn read(
    reading: &Reading<'_>,
    per_page: u32,
    bounds: (&str, &str),
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let lower = reading.lower_bound();
    // What happens from now on is the next run's.
    let now = reading.started + 1;
    let end = reading.client.config().end_date.unwrap_or(now).min(now);
    let mut sieve = Sieve::new(reading);
    let mut start = lower.unwrap_or(BEGINNING);
    let mut longest = LONGEST_SPAN;
    while start < end {
        let path = |until: EpochSeconds| {
            // Whether what happened right at a bound counts isn't known: one second more is asked
            // for below, and what is beyond is left out.
            let first = reading.path(&format!("per_page={per_page}"));
            let from = with_parameter(&first, bounds.0, &(start - 1).to_string());
            with_parameter(&from, bounds.1, &until.to_string())
        };
        let until = |halvings| end.min(start + shrunk(longest, halvings));
        let names = reading.names();
        let (mut page, halvings) = reading
            .client
            .send_shrinking(
                &reading.client.full_effort(),
                |halvings| ApiRequest::Get(path(until(halvings))),
                |body| Page::parse(body, names),
            )
            .map_err(unexpectedly_gone)?;
        let until = until(halvings);
        longest = shrunk(longest, halvings);

        let mut cursors = Cursors::default();
        let mut number = 1;
        loop {
            sieve.pages += 1;
            let next = query_of_next(&page, number, per_page, &mut cursors)?;
            sink(Batch {
                total_count: None,
                rows: sieve.take(page, Some(start), Some(until)),
                bookmark: None,
            })?;
            let Some(query) = next else {
                break;
            };
            number += 1;
            page = reading.get(with_query(&path(until), &query))?;
        }
        sink(Batch {
            bookmark: sieve.bookmark_in_progress(),
            ..Batch::default()
        })?;
        start = until;
    }
    sink(sieve.end())
}

fn shrunk(span: EpochSeconds, halvings: u32) -> EpochSeconds {
    span.checked_shr(halvings).unwrap_or(0).max(1)
}

/// What asks for the page after this one: a cursor where the answer has one, else its number.
fn query_of_next(
    page: &Page,
    number: u32,
    per_page: u32,
    cursors: &mut Cursors,
) -> Result<Option<String>, Fault> {
    if let Next::Cursor(_) = page.next {
        let cursor = cursors.after(page)?;
        return Ok(cursor.map(|cursor| format!("starting_after={}", path_segment(&cursor))));
    }
    let is_behind_last = page.total_pages.is_some_and(|total| number > total);
    if is_behind_last || is_last(page, number, per_page) {
        return Ok(None);
    }
    Ok(Some(format!("page={}", number + 1)))
}
