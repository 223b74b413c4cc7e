//! Progress or an end: what watches over every loop that asks for page after page, and ends it when
//! nothing new comes of it, whatever the answers say of a next page.

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;

use super::page::Row;
use crate::tap::fault::Fault;

/// So many pages in a row without a row that is new mean that no more are to come.
const MOST_FRUITLESS: u32 = 30;
/// How many rows are remembered, the last ones read.
const MOST_MET: usize = 100_000;

/// The rows that were emitted, as hashes of key and version: eight bytes each, whatever they hold. Two
/// of a million rows share one in fewer than one of ten million runs.
#[derive(Debug, Default)]
pub struct Fingerprints {
    met: HashSet<u64>,
    hasher: RandomState,
}

/// The rows read last, and how long there was none among them that is new.
#[derive(Debug, Default)]
pub struct Guard {
    met: HashSet<u64>,
    hasher: RandomState,
    order: VecDeque<u64>,
    fruitless: u32,
}

impl Fingerprints {
    /// Whether this version of a row comes for the first time.
    pub fn is_first(&mut self, row: &Row) -> bool {
        let fingerprint = self.hasher.hash_one((&row.id, row.version()));
        self.met.insert(fingerprint)
    }
}

impl Guard {
    /// A page was read. Returns whether a row of it is new. Its bytes don't count: they may differ from
    /// answer to answer though nothing changed.
    pub fn read(&mut self, rows: &[Row]) -> bool {
        let fingerprints = self.fingerprints(rows);
        self.meet(fingerprints)
    }

    /// What rows are known by, each in its version.
    #[must_use]
    pub fn fingerprints(&self, rows: &[Row]) -> Vec<u64> {
        rows.iter().map(|row| self.fingerprint(row)).collect()
    }

    /// The same of a page whose rows are known by these.
    pub fn meet(&mut self, fingerprints: Vec<u64>) -> bool {
        let mut is_fruitful = false;
        for fingerprint in fingerprints {
            if !self.met.insert(fingerprint) {
                continue;
            }
            is_fruitful = true;
            self.order.push_back(fingerprint);
            if self.order.len() > MOST_MET
                && let Some(oldest) = self.order.pop_front()
            {
                self.met.remove(&oldest);
            }
        }
        self.fruitless = if is_fruitful { 0 } else { self.fruitless + 1 };
        is_fruitful
    }

    /// Whether so many pages in a row held nothing new that it can't go on like that.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.fruitless >= MOST_FRUITLESS
    }

    /// Begins to count anew, since something was changed about the way of reading.
    pub fn try_another_way(&mut self) {
        self.fruitless = 0;
    }

    /// The fault of a list that has no end.
    pub fn check(&self) -> Result<(), Fault> {
        if !self.is_stuck() {
            return Ok(());
        }
        Err(Fault::Stream(format!(
            "the API names page after page, and the last {MOST_FRUITLESS} held nothing new"
        )))
    }

    /// Whether this row was among those read last.
    #[must_use]
    pub fn has_met(&self, row: &Row) -> bool {
        self.met.contains(&self.fingerprint(row))
    }

    fn fingerprint(&self, row: &Row) -> u64 {
        self.hasher.hash_one((&row.id, row.replication_key_value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::read::page::{Names, RecordJson};

    fn rows(ids: std::ops::Range<u32>) -> Vec<Row> {
        ids.map(|id| {
            Row::parse(RecordJson::owned(format!(r#"{{"id":{id}}}"#)), Names::USUAL).unwrap()
        })
        .collect()
    }

    #[test]
    fn pages_without_anything_new_have_an_end() {
        let mut guard = Guard::default();
        for page in 0..100 {
            assert!(guard.read(&rows(page * 10..page * 10 + 10)));
            assert!(!guard.read(&[]));
        }
        assert!(guard.check().is_ok());
        for _ in 0..MOST_FRUITLESS {
            assert!(!guard.read(&rows(0..10)));
        }
        assert!(guard.check().is_err());
    }

    #[test]
    fn only_so_many_rows_are_remembered() {
        let mut guard = Guard::default();
        let most = u32::try_from(MOST_MET).unwrap();
        guard.read(&rows(0..most + 10));
        assert_eq!(guard.met.len(), MOST_MET);
        assert!(!guard.has_met(&rows(0..1)[0]));
        assert!(guard.has_met(&rows(10..11)[0]));
    }
}
