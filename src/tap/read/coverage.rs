//! How far a numbered list was read without a gap, although rows are deleted meanwhile: a deleted
//! row pulls those behind it forward, past the page that is asked for next.
//!
//! The sign of it is that `total_count` falls. Rows can't have moved forward by more than it fell by:
//! what comes in or moves to the head only pushes them back. So a page joins what was read before
//! when it begins within it even then, or else when it holds a row of it. A page that doesn't is an
//! island: reading steps back, until a page shows rows of both shores.
//!
//! Where a row may come twice, rows prove nothing. Such lists have no head that rows move to either:
//! their rows are taken to move forward only, and places alone tell what was read.

use std::collections::HashSet;
use std::hash::Hash;

use super::guard::Guard;
use crate::tap::fault::Fault;

/// How far a list has been read. Places are counted from 0 at its head; `Row` identifies a row as
/// long as it keeps its place among the others.
#[derive(Debug)]
pub struct Coverage<Row> {
    per_page: u64,
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

    /// The page to ask for, from 1.
    #[must_use]
    pub fn next_page(&self) -> u32 {
        self.whole_pages().saturating_add(1)
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

    /// Page `number` was read. `rows` are those of its rows that prove where they are; `None` where
    /// none can. Returns whether everything before it was read too; where not, the next page to ask
    /// for is an earlier one.
    pub fn read(
        &mut self,
        number: u32,
        per_page: u32,
        total_count: Option<u64>,
        rows: Option<HashSet<Row>>,
    ) -> bool {
        self.rescale(u64::from(per_page.max(1)));
        let deleted = match (self.total_count, total_count) {
            (Some(before), Some(now)) if !self.ignores_totals => before.saturating_sub(now),
            _ => 0,
        };
        self.has_fallen |= deleted > 0;
        self.total_count = total_count.or(self.total_count);
        // All of them may have been before these places.
        self.read_to = self.read_to.saturating_sub(deleted);
        if let Some(island) = &mut self.island {
            island.end = island.end.saturating_sub(deleted);
        }
        let start = u64::from(number.saturating_sub(1)) * self.per_page;
        let end = start + self.per_page;
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

    /// The server may give smaller pages than it was asked for.
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

    /// The rows of a page of a list at rest.
    fn page(number: u32) -> HashSet<u32> {
        ((number - 1) * PER_PAGE..number * PER_PAGE).collect()
    }

    #[test]
    fn pages_follow_each_other() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        for number in 1..5 {
            assert_eq!(coverage.next_page(), number);
            let total_count = Some(100 + u64::from(number));
            assert!(coverage.read(number, PER_PAGE, total_count, Some(page(number))));
        }
        assert_eq!(coverage.whole_pages(), 4);
    }

    #[test]
    fn a_deletion_makes_an_earlier_page_be_read_again() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(1, PER_PAGE, Some(100), Some((0..25).collect()));
        coverage.read(2, PER_PAGE, Some(100), Some((25..50).collect()));
        // One of the first 50 is gone: row 50 has moved to page 2.
        assert!(!coverage.read(3, PER_PAGE, Some(99), Some((51..76).collect())));
        assert_eq!(coverage.next_page(), 2);
        // A row came to the head meanwhile: the page does not show whether more of them have.
        assert!(coverage.read(2, PER_PAGE, Some(100), Some((25..50).collect())));
        assert_eq!(coverage.next_page(), 3);
        assert!(coverage.read(3, PER_PAGE, Some(100), Some((50..75).collect())));
        // Page 4 needs no second look at what was found behind the gap.
        assert_eq!(coverage.next_page(), 4);
    }

    #[test]
    fn a_page_that_shows_both_shores_fills_the_gap() {
        let mut coverage = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(1, PER_PAGE, Some(100), Some((0..25).collect()));
        assert!(!coverage.read(2, PER_PAGE, Some(98), Some((27..52).collect())));
        assert!(coverage.read(1, PER_PAGE, Some(97), Some((3..28).collect())));
        assert_eq!(coverage.read_to, 49);
    }

    #[test]
    fn where_rows_come_twice_places_tell_what_was_read() {
        let mut coverage: Coverage<u32> = Coverage::up_to_page(1, PER_PAGE, None);
        coverage.read(1, PER_PAGE, Some(100), None);
        assert!(!coverage.read(2, PER_PAGE, Some(99), None));
        assert_eq!(coverage.next_page(), 1);
        assert!(coverage.read(1, PER_PAGE, Some(98), None));
        assert_eq!(coverage.read_to, 49);
    }

    #[test]
    fn many_deletions_step_back_by_more_than_a_page() {
        let mut coverage = Coverage::up_to_page(5, PER_PAGE, Some(200));
        assert!(!coverage.read(5, PER_PAGE, Some(170), Some(page(5))));
        assert_eq!(coverage.next_page(), 3);
    }

    #[test]
    fn smaller_pages_than_asked_for_are_counted_as_they_are() {
        let mut coverage = Coverage::up_to_page(3, 50, Some(100));
        assert!(coverage.read(3, 20, Some(100), Some(page(3))));
        assert_eq!(coverage.next_page(), 4);
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
            let number = coverage.next_page();
            let rows: HashSet<u32> = list
                .chunks(PER_PAGE as usize)
                .nth(number as usize - 1)
                .unwrap_or_default()
                .iter()
                .copied()
                .collect();
            requests += 1;
            found.extend(&rows);
            let is_full = rows.len() == PER_PAGE as usize;
            let total_count = Some(list.len() as u64);
            if coverage.read(number, PER_PAGE, total_count, Some(rows)) && !is_full {
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
        assert!(most <= 400, "{most} requests for 40 pages");
    }
}
