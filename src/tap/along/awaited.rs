//! What couldn't be had along with records: remembered in the state, newest first to stay, and asked
//! for again by later runs.

use std::collections::HashSet;

use crate::tap::read::bookmark::Awaited;
use crate::tap::read::page::Row;
use crate::tap::time::{self, EpochSeconds, Seconds};

/// How long something that couldn't be had is asked for again.
const LONGEST_AWAITED: Seconds = 7 * time::DAY;
/// How many such are remembered.
pub const MOST_AWAITED: usize = 1000;

/// What the records of one stream lack.
#[derive(Debug)]
pub struct AwaitedList {
    entries: Vec<Awaited>,
    /// When the record of each last changed, and since when it lacks that.
    ages: Vec<(EpochSeconds, EpochSeconds)>,
    /// What this run itself asked for, by what it is and of which record.
    fresh: HashSet<(String, String)>,
    started: EpochSeconds,
    /// How many were forgotten since there were too many.
    forgotten: u64,
}

impl AwaitedList {
    /// What earlier runs remembered, for a run that started at `started`.
    #[must_use]
    pub fn new(entries: Vec<Awaited>, started: EpochSeconds) -> Self {
        let mut list = Self {
            entries: Vec::new(),
            ages: Vec::new(),
            fresh: HashSet::new(),
            started,
            forgotten: 0,
        };
        for entry in entries {
            list.push(entry);
        }
        list
    }

    /// As it stands in the state.
    #[must_use]
    pub fn entries(&self) -> &[Awaited] {
        &self.entries
    }

    /// How many were forgotten since there were too many.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Remembers that a record lacks this. What was known to be lacking keeps its age, lest a record
    /// that changes again and again be asked for without end.
    pub fn remember(&mut self, what: &str, row: &Row, why: Option<&str>) {
        let since = self.settle(what, &row.id).unwrap_or(self.started);
        self.fresh.insert((what.to_owned(), row.id.clone()));
        self.push(Awaited {
            what: Some(what.to_owned()),
            parent: row.id.clone(),
            parent_replication_key_value: serde_json::from_str(row.replication_key_value_json())
                .unwrap_or_default(),
            since,
            why: why.map(str::to_owned),
        });
    }

    /// Forgets this of a record, since it was had or is gone. Returns since when it was lacking.
    pub fn settle(&mut self, what: &str, parent: &str) -> Option<EpochSeconds> {
        let is_it = |entry: &Awaited| entry.parent == parent && entry.what.as_deref() == Some(what);
        let at = self.entries.iter().position(is_it)?;
        self.ages.remove(at);
        Some(self.entries.remove(at).since)
    }

    /// Puts back what was asked for again in vain; false where that went on long enough, and it is
    /// forgotten.
    #[must_use]
    pub fn keep(&mut self, entry: Awaited) -> bool {
        let is_kept = entry.since + LONGEST_AWAITED >= self.started;
        if is_kept {
            self.push(entry);
        }
        is_kept
    }

    /// Takes out what only earlier runs asked for, to be asked for again.
    #[must_use]
    pub fn take_older(&mut self) -> Vec<Awaited> {
        let fresh = std::mem::take(&mut self.fresh);
        self.ages.clear();
        let mut older = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            let name = (entry.what.clone().unwrap_or_default(), entry.parent.clone());
            if fresh.contains(&name) {
                self.push(entry);
            } else {
                older.push(entry);
            }
        }
        older
    }

    /// Puts back what wasn't asked for.
    pub fn put_back(&mut self, entry: Awaited) {
        self.push(entry);
    }

    /// Where there are too many, the oldest goes: that of the record that changed longest ago.
    fn push(&mut self, entry: Awaited) {
        self.ages.push(age_of(&entry));
        self.entries.push(entry);
        if self.entries.len() <= MOST_AWAITED {
            return;
        }
        if let Some((at, _)) = self.ages.iter().enumerate().min_by_key(|(_, age)| **age) {
            self.ages.remove(at);
            self.entries.remove(at);
            self.forgotten += 1;
        }
    }
}

fn age_of(entry: &Awaited) -> (EpochSeconds, EpochSeconds) {
    let changed_at = time::parse_json(&entry.parent_replication_key_value.to_string());
    (changed_at.unwrap_or(entry.since), entry.since)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tap::read::page::{Names, RecordJson};

    fn row(id: u32, updated_at: u32) -> Row {
        let json = format!(r#"{{"id":"{id}","updated_at":{updated_at}}}"#);
        Row::parse(RecordJson::owned(json), Names::USUAL).unwrap()
    }

    #[test]
    fn the_oldest_go_in_whatever_order_they_come() {
        let ascending: Vec<u32> = (0..1500).collect();
        let descending: Vec<u32> = (0..1500).rev().collect();
        for order in [ascending, descending] {
            let mut list = AwaitedList::new(Vec::new(), EpochSeconds::nearest(10_000));
            for id in order {
                list.remember("parts", &row(id, id), None);
            }
            let mut kept: Vec<u32> = list
                .entries()
                .iter()
                .map(|entry| entry.parent.parse().unwrap())
                .collect();
            kept.sort_unstable();
            assert_eq!(kept, (500..1500).collect::<Vec<_>>());
            assert_eq!(list.forgotten(), 500);
        }
    }

    #[test]
    fn what_lacks_again_keeps_its_age_and_goes_after_seven_days() {
        let since = EpochSeconds::nearest(100);
        let entry = Awaited {
            what: Some("parts".into()),
            parent: "1".into(),
            parent_replication_key_value: json!(5),
            since,
            why: None,
        };
        let mut list = AwaitedList::new(vec![entry.clone()], since + LONGEST_AWAITED);
        list.remember("parts", &row(1, 9), Some("status 500"));
        assert_eq!(list.entries().len(), 1);
        assert_eq!(list.entries()[0].since, since);
        assert_eq!(list.settle("parts", "1"), Some(since));
        assert!(list.keep(entry.clone()));
        let mut later = AwaitedList::new(Vec::new(), since + LONGEST_AWAITED + 1);
        assert!(!later.keep(entry));
        assert!(later.entries().is_empty());
    }
}
