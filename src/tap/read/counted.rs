//! What is known of how much a reading would give, and how answers tell it.

use super::amount::{Amount, pages};
use super::ends::is_last;
use super::envelope::Continuation;
use super::page::{Page, Row};
use super::reading::Reading;
use super::sieve::Sieve;

/// How much a reading would give, and what it takes.
#[derive(Debug)]
pub struct Counted {
    /// Records of its lists that weren't emitted before.
    pub records: Amount,
    /// Requests for the lists.
    pub requests: Amount,
    /// Some of those.
    pub sample: Vec<Row>,
    /// Why no more is known.
    pub unknown: Option<&'static str>,
}

impl Counted {
    pub(super) fn of(records: Amount, requests: Amount, sample: Vec<Row>) -> Self {
        let unknown =
            (!records.is_exact() && records.most.is_none()).then_some("the answer has no total");
        Self {
            records,
            requests,
            sample,
            unknown,
        }
    }

    /// A list that came in one answer.
    pub(super) fn whole(rows: Vec<Row>) -> Self {
        let records = Amount::exactly(rows.len() as u64);
        Self::of(records, Amount::exactly(1), rows)
    }

    pub(super) fn without_requests(self) -> Self {
        Self {
            requests: Amount::NONE,
            ..self
        }
    }

    /// A list of pages, by its first one.
    pub(super) fn of_first_page(reading: &Reading<'_>, page: Page, per_page: u32) -> Self {
        let rows = rows_in_all(&page, 1, per_page);
        let requests = requests_of_pages(rows, per_page);
        let is_whole = rows == Amount::exactly(page.rows.len() as u64);
        let new = newly_met(reading, page.rows);
        let records = if is_whole {
            Amount::exactly(new.len() as u64)
        } else {
            less_known(reading, rows)
        };
        Self::of(records, requests, new)
    }
}

/// The rows that weren't emitted before, within the bounds.
pub(super) fn newly_met(reading: &Reading<'_>, rows: Vec<Row>) -> Vec<Row> {
    if !reading.stream.is_incremental() {
        return rows;
    }
    Sieve::new(reading).take(rows, reading.lower_bound(), None)
}

/// Of so many rows, those that weren't emitted before: what is remembered may be among them.
pub(super) fn less_known(reading: &Reading<'_>, rows: Amount) -> Amount {
    let known = reading
        .places
        .iter()
        .map(|place| place.bookmark.seen.count());
    let known = known.min().unwrap_or_default() as u64;
    Amount {
        most: rows.most,
        ..rows.map(|rows| rows.saturating_sub(known))
    }
}

/// How many rows the whole list has, by its page `number`.
pub(super) fn rows_in_all(page: &Page, number: u32, per_page: u32) -> Amount {
    let before = u64::from(number.saturating_sub(1)) * u64::from(per_page);
    let rows = before + page.rows.len() as u64;
    let per_page = u64::from(page.per_page.unwrap_or(per_page));
    if let Some(total) = page.total_count {
        return Amount::exactly(total);
    }
    match page.total_pages.map(u64::from) {
        _ if is_last(page, number, u32::try_from(per_page).unwrap_or(u32::MAX)) => {
            Amount::exactly(rows)
        }
        Some(pages) if pages > u64::from(number) => {
            Amount::between((pages - 1) * per_page + 1, pages * per_page)
        }
        _ if page.next == Continuation::End => Amount::at_least(rows),
        _ => Amount::at_least(rows + 1),
    }
}

/// A full last page is asked behind.
pub(super) fn requests_of_pages(rows: Amount, per_page: u32) -> Amount {
    let requests = rows.map(|rows| pages(rows, per_page).max(1));
    Amount {
        most: requests.most.map(|most| most + 1),
        ..requests
    }
}
