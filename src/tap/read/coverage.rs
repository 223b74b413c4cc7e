//! How far a numbered list was read without a gap, although rows are deleted meanwhile: a deleted
//! row pulls those behind it forward, past the page that is asked for next.
//!
//! The sign of it is that `total_count` falls. Rows can't have moved forward by more than it fell by:
//! what comes in or moves to the head only pushes them back. So a page joins what was read before
//! when it begins within it even then, or else when it holds a row of it. A page that doesn't is an
//! island: reading steps back, until a page shows rows of both shores.
//!
//! Where rows are deleted with nearly every request, pages that follow each other would never join. So as
//! long as some are, a page begins some rows before the end of what was read: pages of another size do, as
//! their bounds lie elsewhere. As many rows may then be deleted on the way as it begins before.
//!
//! Where a row may come twice, rows prove nothing. Such lists have no head that rows move to either:
//! their rows are taken to move forward only, and places alone tell what was read.

use std::collections::HashSet;
use std::hash::Hash;

use super::guard::Guard;
use crate::tap::fault::Fault;

/// By how many rows a page begins before the end of what was read, for each that was last deleted between
/// two answers.
const MARGIN: u64 = 2;

/// A page to ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NumberedPage {
    /// Its number, from 1, among pages of that size.
    pub number: u32,
    /// How many rows are asked for.
    pub per_page: u32,
}

/// How far a list has been read. Places are counted from 0 at its head; `Row` identifies a row as
/// long as it keeps its place among the others.
#[derive(Debug)]
pub struct Coverage<Row> {
    per_page: u64,
    /// By how many rows the next page is to begin before the end of what was read.
    margin: u64,
    /// Whether pages have the size that was asked for, whichever that is.
    gives_any_size: bool,
    total_count: Option<u64>,
    /// All places before this one were read.
    read_to: u64,
    /// The rows read last, as far as they prove something.
    shore: HashSet<Row>,
    island: Option<Island<Row>>,
    /// Whether a total fell.
    has_fallen: bool,
    /// Whether a total that falls is no sign of anything any more.
    ignores_totals: bool,
}

/// A page read behind a gap.
#[derive(Debug)]
struct Island<Row> {
    start: u64,
    /// The place behind it.
    end: u64,
    rows: HashSet<Row>,
}

impl<Row: Eq + Hash> Coverage<Row> {
    /// The list was read up to page `number`, exclusive, when it had `total_count` rows.
    #[must_use]
    pub fn up_to_page(number: u32, per_page: u32, total_count: Option<u64>) -> Self {
        let per_page = u64::from(per_page.max(1));
        let read_to = u64::from(number.saturating_sub(1)) * per_page;
        Self {
            per_page,
            margin: 0,
            gives_any_size: true,
            total_count,
            read_to,
            shore: HashSet::new(),
            island: None,
            has_fallen: false,
            ignores_totals: false,
        }
    }

    /// Gets on where page after page holds nothing new: totals that rise and fall as servers take
    /// turns to answer would have it step back for ever. Where that was tried, the list has no end.
    pub fn go_on_when_stuck(&mut self, guard: &mut Guard, stream: &str) -> Result<(), Fault> {
        if !guard.is_stuck() {
            return Ok(());
        }
        if self.ignores_totals || !self.has_fallen {
            return guard.check();
        }
        tracing::warn!(
            "{stream}: `total_count` falls again and again though nothing moves; it is no longer \
             taken for a sign that records were deleted"
        );
        self.ignores_totals = true;
        self.island = None;
        guard.try_another_way();
        Ok(())
    }

    /// The page to ask for.
    #[must_use]
    pub fn next_page(&self) -> NumberedPage {
        let usual = (self.read_to / self.per_page, self.per_page);
        let begins_by = self.read_to.saturating_sub(self.margin);
        let (before, per_page) = if self.margin == 0 || !self.gives_any_size {
            usual
        } else {
            // Of the sizes, that whose page leads furthest.
            let sizes = self.per_page / 2 + 1..=self.per_page;
            let pages = sizes.map(|size| (begins_by / size, size));
            let end = |(before, size): &(u64, u64)| (before + 1) * size;
            pages.max_by_key(end).unwrap_or(usual)
        };
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        NumberedPage {
            number: small(before).saturating_add(1),
            per_page: small(per_page),
        }
    }

    /// `total_count`, where nothing speaks against it that the list stands still.
    #[must_use]
    pub fn total_at_rest(&self, per_page: u32) -> Option<u64> {
        let is_at_rest = self.margin == 0 && self.island.is_none() && !self.ignores_totals;
        let is_usual = self.per_page == u64::from(per_page);
        self.total_count.filter(|_| is_at_rest && is_usual)
    }

    /// The list stood still while it was read up to page `number`, inclusive, with these rows on that.
    pub fn stood_still(&mut self, number: u32, rows: HashSet<Row>) {
        self.read_to = self.read_to.max(u64::from(number) * self.per_page);
        self.shore = rows;
    }

    /// It didn't, by answers that came in no known order and tell of no place: in whichever they were
    /// made, no more rows went than their totals differ by.
    pub fn moved(&mut self, totals: &[Option<u64>]) {
        let Some(before) = self.total_count else {
            return;
        };
        let totals = totals.iter().flatten();
        let differences = totals.clone().map(|total| total.abs_diff(before));
        self.read_to = self.read_to.saturating_sub(differences.sum());
        self.total_count = totals.copied().max().max(Some(before));
    }

    /// How many pages from the first on were read.
    #[must_use]
    pub fn whole_pages(&self) -> u32 {
        u32::try_from(self.read_to / self.per_page).unwrap_or(u32::MAX)
    }

    /// `total_count` of the newest answer.
    #[must_use]
    pub fn total_count(&self) -> Option<u64> {
        self.total_count
    }

    /// A page was read, which holds so many rows unless it is the last. `rows` are those of its rows that
    /// prove where they are; `None` where none can. Returns whether everything before it was read too;
    /// where not, the next page to ask for is an earlier one.
    pub fn read(
        &mut self,
        page: NumberedPage,
        per_page_given: u32,
        total_count: Option<u64>,
        rows: Option<HashSet<Row>>,
    ) -> bool {
        let per_page = u64::from(per_page_given.max(1));
        if per_page_given != page.per_page {
            self.gives_any_size &= u64::from(page.per_page) == self.per_page;
            self.rescale(per_page);
        }
        let deleted = match (self.total_count, total_count) {
            (Some(before), Some(now)) if !self.ignores_totals => before.saturating_sub(now),
            _ => 0,
        };
        self.has_fallen |= deleted > 0;
        let most = self.per_page * 3 / 4;
        self.margin = (self.margin / 2).max(deleted * MARGIN).min(most);
        self.total_count = total_count.or(self.total_count);
        // All of them may have been before these places.
        self.read_to = self.read_to.saturating_sub(deleted);
        if let Some(island) = &mut self.island {
            island.end = island.end.saturating_sub(deleted);
        }
        let start = u64::from(page.number.saturating_sub(1)) * per_page;
        let end = start + per_page;
        let are_places_enough = rows.is_none();
        let rows = rows.unwrap_or_default();
        if start > self.read_to && !self.ignores_totals && self.shore.is_disjoint(&rows) {
            self.island = Some(Island { start, end, rows });
            return false;
        }
        self.read_to = self.read_to.max(end);
        let joined = self.island.take_if(|island| {
            if are_places_enough {
                island.start <= self.read_to
            } else {
                !island.rows.is_disjoint(&rows)
            }
        });
        self.shore = rows;
        if let Some(island) = joined {
            self.read_to = self.read_to.max(island.end);
            self.shore.extend(island.rows);
        }
        true
    }

    /// The server may give smaller pages than it was asked for, or those of its own size always.
    fn rescale(&mut self, per_page: u64) {
        if per_page != self.per_page {
            self.read_to = self.read_to / self.per_page * per_page;
            self.per_page = per_page;
            self.island = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_PAGE: u32 = 25;

    fn numbered(number: u32, per_page: u32) -> NumberedPage {
        NumberedPage { number, per_page }
    }

    fn usual(number: u32) -> NumberedPage {
        numbered(number, PER_PAGE)
    }

    /// The rows of a page of a list at rest.
    fn page(number: u32) -> HashSet<u32> {
        ((number - 1) * PER_PAGE..number * PER_PAGE).collect()
    }

    #[test]
    fn pages_follow_each_other() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        for number in 1..5 {
            assert_eq!(coverage.next_page(), usual(number));
            let total_count = Some(100 + u64::from(number));
            assert!(coverage.read(usual(number), PER_PAGE, total_count, Some(page(number))));
        }
        assert_eq!(coverage.whole_pages(), 4);
    }

    #[test]
    fn a_deletion_makes_an_earlier_page_be_read_again() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(usual(1), PER_PAGE, Some(100), Some((0..25).collect()));
        coverage.read(usual(2), PER_PAGE, Some(100), Some((25..50).collect()));
        // One of the first 50 is gone: row 50 has moved to page 2.
        assert!(!coverage.read(usual(3), PER_PAGE, Some(99), Some((51..76).collect())));
        // It lies across the end of what was read.
        assert_eq!(coverage.next_page(), numbered(3, 23));
        assert!(coverage.read(numbered(3, 23), 23, Some(99), Some((47..70).collect())));
        // What was found behind the gap needs no second look.
        assert_eq!(coverage.read_to, 75);
        assert_eq!(coverage.next_page(), numbered(4, 24));
        coverage.read(numbered(4, 24), 24, Some(99), Some((73..97).collect()));
        assert_eq!(coverage.next_page(), usual(4));
    }

    #[test]
    fn a_page_that_shows_both_shores_fills_the_gap() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(usual(1), PER_PAGE, Some(100), Some((0..25).collect()));
        assert!(!coverage.read(usual(2), PER_PAGE, Some(98), Some((27..52).collect())));
        assert!(coverage.read(usual(1), PER_PAGE, Some(97), Some((3..28).collect())));
        assert_eq!(coverage.read_to, 49);
    }

    #[test]
    fn where_rows_come_twice_places_tell_what_was_read() {
        let mut coverage: Coverage<u32> = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(usual(1), PER_PAGE, Some(100), None);
        assert!(!coverage.read(usual(2), PER_PAGE, Some(99), None));
        assert_eq!(coverage.next_page(), numbered(2, 22));
        assert!(coverage.read(numbered(2, 22), 22, Some(98), None));
        assert_eq!(coverage.read_to, 49);
    }

    #[test]
    fn many_deletions_step_back_by_more_than_a_page() {
        let mut coverage = Coverage::up_to_page(5, PER_PAGE, Some(200));
        assert!(!coverage.read(usual(5), PER_PAGE, Some(170), Some(page(5))));
        assert_eq!(coverage.read_to, 70);
        let next = coverage.next_page();
        assert!((next.number - 1) * next.per_page <= 70, "{next:?}");
    }

    #[test]
    fn smaller_pages_than_asked_for_are_counted_as_they_are() {
        let mut coverage = Coverage::up_to_page(3, 50, Some(100));
        assert!(coverage.read(numbered(3, 50), 20, Some(100), Some(page(3))));
        assert_eq!(coverage.next_page(), numbered(4, 20));
    }

    /// A list that changes before each of its pages is read; gives how many requests that took.
    fn read_while_it_changes(seed: u64, length: u32, changes: [u32; 3]) -> usize {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut list: Vec<u32> = (0..length).collect();
        let mut next_row = length;
        let mut found: HashSet<u32> = HashSet::new();
        let mut moved: HashSet<u32> = HashSet::new();
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        let mut requests = 0;
        loop {
            let [touches, inserts, deletes] = changes.map(|most| random.u32(0..=most));
            for _ in 0..touches {
                let row = list.remove(random.usize(..list.len()));
                moved.insert(row);
                // It is another row from here on: its version differs.
                list.insert(0, next_row);
                next_row += 1;
            }
            for _ in 0..inserts {
                list.insert(0, next_row);
                next_row += 1;
            }
            for _ in 0..deletes.min(u32::try_from(list.len()).unwrap() - 1) {
                moved.insert(list.remove(random.usize(..list.len())));
            }
            let page = coverage.next_page();
            let rows: HashSet<u32> = list
                .chunks(page.per_page as usize)
                .nth(page.number as usize - 1)
                .unwrap_or_default()
                .iter()
                .copied()
                .collect();
            requests += 1;
            found.extend(&rows);
            let is_full = rows.len() == page.per_page as usize;
            let total_count = Some(list.len() as u64);
            if coverage.read(page, page.per_page, total_count, Some(rows)) && !is_full {
                break;
            }
        }
        let missing: Vec<u32> = (0..length)
            .filter(|row| !found.contains(row) && !moved.contains(row))
            .collect();
        assert!(missing.is_empty(), "seed {seed}, {changes:?}: {missing:?}");
        requests
    }

    #[test]
    fn no_row_hides_in_a_list_that_changes() {
        for seed in 0..500 {
            for changes in [[1, 0, 1], [0, 0, 2], [3, 2, 1], [0, 2, 2], [2, 2, 4]] {
                read_while_it_changes(seed, 300, changes);
            }
        }
    }

    #[test]
    fn it_gets_on_though_nearly_every_request_finds_deletions() {
        let requests = (0..20).map(|seed| read_while_it_changes(seed, 1000, [0, 0, 3]));
        let most = requests.max().unwrap();
        assert!(most <= 100, "{most} requests for 40 pages");
    }

    #[test]
    fn a_server_that_knows_one_size_is_asked_for_that() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(usual(1), PER_PAGE, Some(100), Some((0..25).collect()));
        assert!(!coverage.read(usual(2), PER_PAGE, Some(99), Some((26..51).collect())));
        let next = coverage.next_page();
        assert_ne!(next.per_page, PER_PAGE);
        coverage.read(next, PER_PAGE, Some(99), Some(page(next.number)));
        assert_eq!(coverage.next_page(), usual(1));
    }
}
