//! Numbered pages, newest first: read from page 1 until enough pages in a row hold nothing new.
//!
//! A record that is updated while the list is read jumps to page 1 and pushes others back, which
//! only makes them come twice; the next run meets it, since the bookmark stays below this run's
//! start. A deleted record pulls others forward, past the page being asked for: then `total_count`
//! falls, and reading steps back ([`Coverage`]).
//!
//! Where all of a list is wanted, pages are asked for several at once ([`ahead`]), and count as read if the
//! list stood still meanwhile. Where it didn't, they are read again, one after the other. A later page that
//! was answered sooner may hold a row's older version: the sieve lets none pass behind a newer one.

use std::collections::HashSet;

use super::ahead::{self, Stretch};
use super::amount::{Amount, pages};
use super::bookmark::Resume;
use super::counted::{Counted, less_known, newly_met, requests_of_pages, rows_in_all};
use super::coverage::Coverage;
use super::ends::is_last;
use super::guard::{Fingerprints, Guard};
use super::page::{Page, Row};
use super::places::Place;
use super::reading::{Batch, BatchSink, Reading};
use super::sieve::Sieve;
use crate::tap::fault::Fault;
use crate::tap::time::EpochSeconds;

/// Pages beyond the overlap that a run without anything new may cost time and again.
const MOST_PAGES_FOR_NOTHING: u32 = 2;

/// So many pages are asked for at once, at most.
const MOST_AHEAD: u32 = 128;
/// So many where a list may end before, or didn't stand still.
const FEWEST_AHEAD: u32 = 8;
/// What didn't stand still is read page by page for so many pages.
const PAGES_BETWEEN: u32 = 16;

/// Reads the stream from page 1, or from where an unfinished run left off.
pub fn read(
    reading: &Reading<'_>,
    per_page: u32,
    overlap_pages: u32,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let mut list = List::new(reading, per_page, overlap_pages);
    loop {
        match list.stretch() {
            Some(stretch) => list.read_ahead(stretch, sink)?,
            None => list.read_page(sink)?,
        }
        if list.is_end || list.quiet_pages >= overlap_pages {
            return sink(list.sieve.end());
        }
    }
}

/// A list that is being read.
struct List<'a> {
    reading: &'a Reading<'a>,
    per_page: u32,
    overlap_pages: u32,
    lower: Option<EpochSeconds>,
    known: Option<EpochSeconds>,
    coverage: Coverage<(String, Option<EpochSeconds>)>,
    sieve: Sieve<'a>,
    guard: Guard,
    met: Fingerprints,
    has_emitted: bool,
    is_end: bool,
    /// How many pages in a row hold nothing new.
    quiet_pages: u32,
    /// What the list began with when that was last asked for.
    head: Option<Vec<u64>>,
    /// How many pages may be asked for at once, once so many were read one after the other.
    pages_ahead: u32,
    pages_before: u32,
    /// Of the largest page read one after the other.
    page_bytes: u64,
}

impl<'a> List<'a> {
    fn new(reading: &'a Reading<'a>, per_page: u32, overlap_pages: u32) -> Self {
        let resume = resume_of_all(reading);
        let lower = reading.lower_bound();
        let first = first_page(resume, overlap_pages);
        let total_count = resume.and_then(|resume| resume.total_count);
        let mut sieve = Sieve::new(reading);
        sieve.most_pages_for_nothing = overlap_pages.saturating_add(MOST_PAGES_FOR_NOTHING);
        // What a resumed run finds at the top belongs to the run after it, which starts there.
        sieve.decide(resume.map(|resume| resume.replication_key_value));
        Self {
            reading,
            per_page,
            overlap_pages,
            lower,
            known: oldest_known(reading).or(lower),
            coverage: Coverage::up_to_page(first, per_page, total_count),
            sieve,
            guard: Guard::default(),
            met: Fingerprints::default(),
            has_emitted: false,
            is_end: false,
            quiet_pages: 0,
            head: None,
            // Without a bound, all of them are wanted.
            pages_ahead: lower.map_or(MOST_AHEAD, |_| FEWEST_AHEAD),
            pages_before: 1,
            page_bytes: 0,
        }
    }

    /// Reads the page that comes next.
    fn read_page(&mut self, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let asked = self.coverage.next_page();
        let page = self.reading.numbered_page(asked.number, asked.per_page)?;
        self.sieve.pages += 1;
        self.pages_before = self.pages_before.saturating_sub(1);
        self.page_bytes = self.page_bytes.max(page.bytes());
        let total_count = page.total_count;
        let per_page_given = page.size(asked.per_page);
        let fingerprints = self.guard.fingerprints(&page.rows);
        if asked.number == 1 && per_page_given == self.per_page {
            self.head = Some(fingerprints.clone());
        }
        self.guard.meet(fingerprints);
        let name = self.reading.stream.name;
        self.coverage.go_on_when_stuck(&mut self.guard, name)?;
        let lasting = Some(lasting_rows(self.reading, &page));
        let is_all_before_read = self
            .coverage
            .read(asked, per_page_given, total_count, lasting);
        self.is_end = is_all_before_read && is_last(&page, asked.number, asked.per_page);
        let is_quiet = is_all_before_read && self.is_quiet(&page);
        let rows = self.take(page);
        let marks = self.marks();
        sink(Batch {
            rows,
            marks,
            total_count,
            ..Batch::default()
        })?;
        self.quiet_pages = if is_quiet { self.quiet_pages + 1 } else { 0 };
        Ok(())
    }

    /// The pages that may be asked for at once. A run that meets a bookmark soon asks for none that it
    /// might not need.
    fn stretch(&self) -> Option<Stretch> {
        let has_bookmark = oldest_known(self.reading).is_some();
        if has_bookmark || self.pages_before > 0 || self.reading.client.config().concurrency == 1 {
            return None;
        }
        let total_count = self.coverage.total_at_rest(self.per_page)?;
        let full_pages = total_count / u64::from(self.per_page.max(1));
        let full_pages = u32::try_from(full_pages).unwrap_or(u32::MAX);
        let read = self.coverage.whole_pages();
        let count = full_pages.saturating_sub(read).min(self.pages_ahead);
        (count >= FEWEST_AHEAD).then(|| Stretch {
            first: read.saturating_add(1),
            count,
            per_page: self.per_page,
            page_bytes: self.page_bytes,
        })
    }

    /// Reads pages that are asked for at once. They count as read if the list stood still meanwhile: if
    /// all answers tell the same total, no row comes twice, and the list's first page is what it was. What
    /// came is emitted anyway.
    fn read_ahead(&mut self, stretch: Stretch, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let total_count = self.coverage.total_count();
        let head = if let Some(head) = self.head.take() {
            head
        } else {
            let page = self.reading.numbered_page(1, stretch.per_page)?;
            if page.total_count != total_count {
                self.go_page_by_page(&[page.total_count]);
                return Ok(());
            }
            self.guard.fingerprints(&page.rows)
        };
        let mut pages: Vec<Vec<u64>> = Vec::new();
        let mut rows_of_all = HashSet::new();
        let mut shore = HashSet::new();
        let mut quiet_pages = self.quiet_pages;
        let mut has_moved = false;
        let told = ahead::read(self.reading, stretch, &mut |page| {
            let fingerprints = self.guard.fingerprints(&page.rows);
            let is_first = |fingerprint: &u64| rows_of_all.insert(*fingerprint);
            has_moved = page.total_count != total_count
                || page.size(stretch.per_page) != stretch.per_page
                || page.rows.is_empty()
                || !fingerprints.iter().all(is_first);
            if has_moved {
                return Ok(false);
            }
            pages.push(fingerprints);
            shore = lasting_rows(self.reading, &page);
            quiet_pages = if self.is_quiet(&page) {
                quiet_pages + 1
            } else {
                0
            };
            sink(Batch {
                rows: self.take(page),
                total_count,
                ..Batch::default()
            })?;
            Ok(quiet_pages < self.overlap_pages)
        })?;
        let mut totals = told.totals;
        if !has_moved {
            let page = match told.head {
                Some(page) => page,
                None => self.reading.numbered_page(1, stretch.per_page)?,
            };
            has_moved = self.guard.fingerprints(&page.rows) != head;
            totals.push(page.total_count);
        }
        if has_moved || totals.iter().any(|total| *total != total_count) {
            self.go_page_by_page(&totals);
            return Ok(());
        }
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        self.sieve.pages += count;
        for fingerprints in pages {
            self.guard.meet(fingerprints);
        }
        self.coverage.stood_still(stretch.first - 1 + count, shore);
        self.quiet_pages = quiet_pages;
        self.head = Some(head);
        self.pages_ahead = (2 * self.pages_ahead).min(MOST_AHEAD);
        sink(Batch {
            marks: self.marks(),
            total_count,
            ..Batch::default()
        })
    }

    /// The list moves, as these totals tell or something else does.
    fn go_page_by_page(&mut self, totals: &[Option<u64>]) {
        self.coverage.moved(totals);
        self.head = None;
        self.pages_ahead = FEWEST_AHEAD;
        self.pages_before = PAGES_BETWEEN;
    }

    /// What of a page is to be emitted. A row that was pushed to a later page isn't emitted again.
    fn take(&mut self, page: Page) -> Vec<Row> {
        let mut rows = page.rows;
        rows.retain(|row| self.met.is_first(row));
        let rows = self.sieve.take(rows, self.lower, None);
        self.has_emitted |= !rows.is_empty();
        rows
    }

    fn marks(&self) -> Vec<Place> {
        if !self.has_emitted {
            return Vec::new();
        }
        let coverage = &self.coverage;
        self.sieve
            .marks_of_pages(coverage.whole_pages(), coverage.total_count())
    }

    /// Above the bookmark, records that were emitted say nothing of those between them, which may be
    /// indexed only now.
    fn is_quiet(&self, page: &Page) -> bool {
        self.known
            .is_some_and(|known| page.newest().is_none_or(|newest| newest <= known))
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
    let is_wanted = |row: &&Row| row.replication_key_value >= Some(lower);
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
    rows.filter(|row| row.replication_key_value < Some(reading.started()))
        .map(|row| (row.id.clone(), row.replication_key_value))
        .collect()
}
