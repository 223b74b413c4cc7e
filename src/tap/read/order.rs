//! How far an answer has shown itself to be sorted. A search's index lags behind its records: a row
//! may stand where an older version of it belongs, and so be newer than its place, never older. A
//! search may ignore the order that it is asked for altogether.

use super::page::Row;
use crate::tap::time::EpochSeconds;

/// The order that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

impl Direction {
    /// The other way round.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// The pages of one query, held against the order that was asked for.
#[derive(Debug)]
pub struct Order {
    direction: Direction,
    is_kept: bool,
    /// The instant of the last row.
    last: Option<EpochSeconds>,
    /// The newest instant that rows with a newer one followed.
    surpassed: Option<EpochSeconds>,
    verified: Option<EpochSeconds>,
}

impl Order {
    /// No page was read yet.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            is_kept: true,
            last: None,
            surpassed: None,
            verified: None,
        }
    }

    /// A page was read. Returns whether it is the first that breaks the order.
    pub fn read(&mut self, rows: &[Row]) -> bool {
        if !self.is_kept {
            return false;
        }
        // The page before is only shown to be in order by this one, which begins where it ended.
        let surpassed_before = self.surpassed;
        for replication_key_value in rows.iter().filter_map(|row| row.replication_key_value) {
            let last = self.last.unwrap_or(replication_key_value);
            let is_in_order = match self.direction {
                Direction::Ascending => replication_key_value >= last,
                Direction::Descending => replication_key_value <= last,
            };
            if !is_in_order {
                self.is_kept = false;
                return true;
            }
            if replication_key_value != last {
                self.surpassed = Some(last);
            }
            self.last = Some(replication_key_value);
        }
        self.verified = surpassed_before;
        false
    }

    /// Whether all pages so far were in order.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The end of the verified prefix, the top of an ascending one: nothing up to here is still to come.
    #[must_use]
    pub fn verified(&self) -> Option<EpochSeconds> {
        self.verified
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::read::page::{Names, RecordJson};

    fn rows(instants: &[i64]) -> Vec<Row> {
        let row = |instant: &i64| {
            let json = format!(r#"{{"id":1,"updated_at":{instant}}}"#);
            Row::parse(RecordJson::owned(json), Names::USUAL).unwrap()
        };
        instants.iter().map(row).collect()
    }

    fn ascending(pages: &[&[i64]]) -> Order {
        let mut order = Order::new(Direction::Ascending);
        for page in pages {
            order.read(&rows(page));
        }
        order
    }

    #[test]
    fn a_page_is_verified_by_the_next() {
        assert_eq!(ascending(&[&[1, 2, 3]]).verified(), None);
        assert_eq!(
            ascending(&[&[1, 2, 3], &[3, 4]]).verified(),
            EpochSeconds::new(2)
        );
        assert_eq!(
            ascending(&[&[1, 2], &[3, 4], &[5]]).verified(),
            EpochSeconds::new(3)
        );
    }

    #[test]
    fn rows_newer_than_their_places_verify_nothing() {
        let order = ascending(&[&[1, 2], &[3, 90, 91], &[4, 5], &[92, 93], &[94, 95]]);
        assert!(!order.is_kept());
        assert_eq!(order.verified(), EpochSeconds::new(1));
    }

    #[test]
    fn one_second_proves_no_order() {
        assert_eq!(ascending(&[&[9, 9], &[9, 9], &[9, 8]]).verified(), None);
    }

    #[test]
    fn the_other_way_round_is_no_order() {
        let mut order = Order::new(Direction::Descending);
        assert!(!order.read(&rows(&[9, 9, 8])));
        assert!(order.read(&rows(&[8, 9])));
        assert!(!order.read(&rows(&[1, 9])));
        assert!(!order.is_kept());
    }
}
