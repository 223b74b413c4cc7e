//! Numbered pages, newest first: read from page 1 until enough pages in a row hold nothing new.
//!
//! A record that is updated while the list is read jumps to page 1 and pushes others back, which
//! only makes them come twice; the next run meets it, since the bookmark stays below this run's
//! start. A deleted record pulls others forward, past the page being asked for: then `total_count`
//! falls, and reading steps back ([`Coverage`]).

use std::collections::HashSet;

use super::bookmark::Resume;
use super::coverage::Coverage;
use super::ends::is_last;
use super::guard::{Fingerprints, Guard};
use super::page::Page;
use super::reading::{Batch, Reading, Sink};
use super::sieve::Sieve;
use crate::tap::fault::Fault;
use crate::tap::time::EpochSeconds;

/// Pages beyond the overlap that a run without anything new may cost time and again.
const MOST_PAGES_FOR_NOTHING: u32 = 2;

/// Reads the stream from page 1, or from where an unfinished run left off.
pub fn read(
    reading: &Reading<'_>,
    per_page: u32,
    overlap_pages: u32,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let resume = resume_of_all(reading);
    let lower = reading.lower_bound();
    let known = oldest_known(reading).or(lower);
    let first = resume.map_or(1, |resume| resume.page.saturating_sub(overlap_pages).max(1));
    let total_count = resume.and_then(|resume| resume.total_count);
    let mut coverage = Coverage::up_to_page(first, per_page, total_count);
    let mut sieve = Sieve::new(reading);
    sieve.most_pages_for_nothing = overlap_pages.saturating_add(MOST_PAGES_FOR_NOTHING);
    // What a resumed run finds at the top belongs to the run after it, which starts there.
    sieve.decide(resume.map(|resume| resume.updated_at));
    let mut guard = Guard::default();
    let mut met = Fingerprints::default();
    let mut quiet_pages: u32 = 0;
    let mut has_emitted = false;
    loop {
        let number = coverage.next_page();
        let page = reading.numbered_page(number, per_page)?;
        sieve.pages += 1;
        let total_count = page.total_count;
        let per_page_given = page.per_page.unwrap_or(per_page);
        guard.read(&page.rows);
        coverage.go_on_when_stuck(&mut guard, reading.stream.name)?;
        let lasting = Some(lasting_rows(reading, &page));
        let is_all_before_read = coverage.read(number, per_page_given, total_count, lasting);
        let is_end = is_all_before_read && is_last(&page, number, per_page);
        let is_quiet = is_all_before_read && known.is_some_and(|known| is_quiet(&page, known));
        // One that was pushed to a later page isn't emitted again.
        let mut rows = page.rows;
        rows.retain(|row| met.is_first(row));
        let rows = sieve.take(rows, lower, None);
        has_emitted |= !rows.is_empty();
        let marks = if has_emitted {
            sieve.marks_of_pages(coverage.whole_pages(), coverage.total_count())
        } else {
            Vec::new()
        };
        sink(Batch {
            rows,
            marks,
            total_count,
            ..Batch::default()
        })?;
        quiet_pages = if is_quiet { quiet_pages + 1 } else { 0 };
        if is_end || quiet_pages >= overlap_pages {
            return sink(sieve.end());
        }
    }
}

/// Where an unfinished reading left off, if it did so for everyone.
fn resume_of_all<'a>(reading: &'a Reading<'_>) -> Option<&'a Resume> {
    let first = reading.places.first()?.bookmark.resume.as_ref()?;
    let is_same = |resume: Option<&Resume>| resume == Some(first);
    let mut places = reading.places.iter();
    places
        .all(|place| is_same(place.bookmark.resume.as_ref()))
        .then_some(first)
}

fn oldest_known(reading: &Reading<'_>) -> Option<EpochSeconds> {
    let known = reading.places.iter().map(|place| reading.known(place));
    known.min().flatten()
}

/// The rows that prove where they are: one that is updated from now on may move without a sign of
/// it, twice in one second.
fn lasting_rows(reading: &Reading<'_>, page: &Page) -> HashSet<(String, Option<EpochSeconds>)> {
    let rows = page.rows.iter();
    rows.filter(|row| row.updated_at < Some(reading.started()))
        .map(|row| (row.id.clone(), row.updated_at))
        .collect()
}

/// Above the bookmark, records that were emitted say nothing of those between them, which may be
/// indexed only now.
fn is_quiet(page: &Page, known: EpochSeconds) -> bool {
    page.newest().is_none_or(|newest| newest <= known)
}
