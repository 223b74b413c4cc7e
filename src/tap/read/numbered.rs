//! Numbered pages, newest first: read from page 1 until enough pages in a row hold nothing new.
//!
//! A record that is updated while the list is read jumps to page 1 and pushes others back, which
//! only makes them come twice; the next run meets it, since the bookmark stays below this run's
//! start. A deleted record pulls others forward, past the page being asked for: then `total_count`
//! falls, and reading steps back ([`Coverage`]).

use std::collections::HashSet;

use super::amount::{Amount, pages};
use super::bookmark::Resume;
use super::counted::{Counted, less_known, newly_met, requests_of_pages, rows_in_all};
use super::coverage::Coverage;
use super::ends::is_last;
use super::guard::{Fingerprints, Guard};
use super::page::{Page, Row};
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
    let first = first_page(resume, overlap_pages);
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
        let asked = coverage.next_page();
        let page = reading.numbered_page(asked.number, asked.per_page)?;
        sieve.pages += 1;
        let total_count = page.total_count;
        let per_page_given = page.size(asked.per_page);
        guard.read(&page.rows);
        coverage.go_on_when_stuck(&mut guard, reading.stream.name)?;
        let lasting = Some(lasting_rows(reading, &page));
        let is_all_before_read = coverage.read(asked, per_page_given, total_count, lasting);
        let is_end = is_all_before_read && is_last(&page, asked.number, asked.per_page);
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

/// The page that a reading begins with.
fn first_page(resume: Option<&Resume>, overlap_pages: u32) -> u32 {
    resume.map_or(1, |resume| resume.page.saturating_sub(overlap_pages).max(1))
}

/// How much would be read: the first page tells if it reaches below the bound, or else one that should
/// lie below it if rows are half as dense as there.
pub fn count(reading: &Reading<'_>, per_page: u32, overlap_pages: u32) -> Result<Counted, Fault> {
    let first = first_page(resume_of_all(reading), overlap_pages);
    let page = reading.numbered_page(first, per_page)?;
    let rows_to = |number: u32| u64::from(number - first) * u64::from(per_page);
    let before = u64::from(first - 1) * u64::from(per_page);
    let left = rows_in_all(&page, first, per_page).map(|rows| rows.saturating_sub(before));
    let whole = requests_of_pages(left, per_page);
    let Some(lower) = reading.lower_bound() else {
        return Ok(Counted::of(left, whole, page.rows));
    };
    // Some rows are out of place, by no more than the overlap.
    let overlap = u64::from(overlap_pages);
    let out_of_place = overlap * u64::from(per_page);
    let most_left = left.most.unwrap_or(u64::MAX);
    let is_wanted = |row: &&Row| row.updated_at >= Some(lower);
    let wanted = page.rows.iter().filter(is_wanted).count() as u64;
    let below = below_the_bound(&page, lower, first, per_page);
    let below = below.filter(|number| rows_to(*number) < most_left);
    let is_reached = wanted < page.rows.len() as u64;
    let new = newly_met(reading, page.rows);
    let rows = if is_reached {
        Amount::between(wanted, most_left.min(wanted + out_of_place)).guessed(wanted)
    } else if let Some(number) = below {
        let further = reading.numbered_page(number, per_page)?;
        if further.newest() < Some(lower) {
            Amount::between(wanted, most_left.min(rows_to(number) + out_of_place))
        } else {
            Amount::between(rows_to(number).min(left.least), most_left)
        }
    } else {
        Amount::between(wanted.min(left.least), most_left)
    };
    let records = if is_reached {
        let new = new.len() as u64;
        Amount {
            least: new,
            about: Some(new),
            ..rows
        }
    } else {
        less_known(reading, rows)
    };
    let whole_most = whole.most.unwrap_or(u64::MAX);
    let requests_for = |rows: u64, beyond: u64| (pages(rows, per_page) + beyond).min(whole_most);
    let requests = Amount {
        least: requests_for(rows.least, 0).max(overlap).min(whole.least),
        about: rows.about.map(|rows| requests_for(rows, overlap)),
        most: rows.most.map(|rows| requests_for(rows, 2 * overlap + 1)),
    };
    Ok(Counted::of(records, requests, new))
}

/// A page that should lie below the bound, if rows are half as dense as on this one.
fn below_the_bound(page: &Page, lower: EpochSeconds, number: u32, per_page: u32) -> Option<u32> {
    let (oldest, newest) = (page.oldest()?, page.newest()?);
    let seconds = u64::try_from(newest - oldest).ok()?.max(1);
    let wanted = u64::try_from(newest - lower).ok()?;
    let rows = (page.rows.len() as u64).saturating_mul(wanted) / seconds;
    let pages = pages(rows.saturating_mul(2), per_page);
    u32::try_from(pages).ok()?.checked_add(number)
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
