//! Which places of a numbered list were read, although rows are deleted meanwhile: a deleted row
//! pulls those behind it forward, past the page that is asked for next. The sign of it is that
//! `total_count` falls.

use std::ops::Range;

/// How far a list has been read. Places are counted from 0 at its head.
#[derive(Debug)]
pub struct Coverage {
    per_page: u64,
    total_count: Option<u64>,
    /// All places before this one were read.
    read_to: u64,
    /// Places that were read too, behind some that weren't.
    ahead: Range<u64>,
}

impl Coverage {
    /// The list was read up to page `number`, exclusive, when it had `total_count` rows.
    #[must_use]
    pub fn up_to_page(number: u32, per_page: u32, total_count: Option<u64>) -> Self {
        let per_page = u64::from(per_page.max(1));
        let read_to = u64::from(number.saturating_sub(1)) * per_page;
        Self {
            per_page,
            total_count,
            read_to,
            ahead: 0..0,
        }
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

    /// Page `number` was read. Returns whether everything before it was too; where not, the next
    /// page to ask for is an earlier one.
    pub fn read(&mut self, number: u32, per_page: u32, total_count: Option<u64>) -> bool {
        self.rescale(u64::from(per_page.max(1)));
        let deleted = match (self.total_count, total_count) {
            (Some(before), Some(now)) => before.saturating_sub(now),
            _ => 0,
        };
        self.total_count = total_count.or(self.total_count);
        // All of them may have been before these places.
        self.read_to = self.read_to.saturating_sub(deleted);
        self.ahead.end = self.ahead.end.saturating_sub(deleted);
        let start = u64::from(number.saturating_sub(1)) * self.per_page;
        let page = start..start + self.per_page;
        if page.start > self.read_to {
            self.ahead = page;
            return false;
        }
        self.read_to = self.read_to.max(page.end);
        if self.ahead.start <= self.read_to {
            self.read_to = self.read_to.max(self.ahead.end);
        }
        true
    }

    /// The server may give smaller pages than it was asked for.
    fn rescale(&mut self, per_page: u64) {
        if per_page != self.per_page {
            self.read_to = self.read_to / self.per_page * per_page;
            self.per_page = per_page;
            self.ahead = 0..0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let mut coverage = Coverage::up_to_page(1, 25, None);
        for number in 1..5 {
            assert_eq!(coverage.next_page(), number);
            assert!(coverage.read(number, 25, Some(100 + u64::from(number))));
        }
        assert_eq!(coverage.whole_pages(), 4);
    }

    #[test]
    fn a_deletion_makes_an_earlier_page_be_read_again() {
        let mut coverage = Coverage::up_to_page(1, 25, None);
        coverage.read(1, 25, Some(100));
        coverage.read(2, 25, Some(100));
        assert!(!coverage.read(3, 25, Some(99)));
        assert_eq!(coverage.next_page(), 2);
        assert!(coverage.read(2, 25, Some(99)));
        // Page 3 needs no third look.
        assert_eq!(coverage.next_page(), 4);
    }

    #[test]
    fn many_deletions_step_back_by_more_than_a_page() {
        let mut coverage = Coverage::up_to_page(5, 25, Some(200));
        assert!(!coverage.read(5, 25, Some(170)));
        assert_eq!(coverage.next_page(), 3);
    }

    #[test]
    fn it_gets_on_though_every_request_finds_deletions() {
        let mut coverage = Coverage::up_to_page(1, 25, None);
        let mut requests = 0;
        while coverage.whole_pages() < 20 {
            coverage.read(coverage.next_page(), 25, Some(10_000 - 2 * requests));
            requests += 1;
        }
        assert!(requests <= 60, "{requests}");
    }

    #[test]
    fn smaller_pages_than_asked_for_are_counted_as_they_are() {
        let mut coverage = Coverage::up_to_page(3, 50, Some(100));
        assert!(coverage.read(3, 20, Some(100)));
        assert_eq!(coverage.next_page(), 4);
    }
}
