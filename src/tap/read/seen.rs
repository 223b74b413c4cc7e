//! Which records were emitted already, so that looking back doesn't repeat them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::tap::time::{EpochSeconds, Seconds};

/// How many records of the look-back are remembered; beyond that some may be repeated.
const MOST_SEEN: usize = 10_000;
/// However short the look-back, indexing may lag behind by so much.
const LEAST_FRESH: Seconds = 60;

/// Records already emitted: their keys with the version they had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    records: BTreeMap<String, Emitted>,
    /// The newest instant of those that were too many to be remembered.
    forgotten: Option<EpochSeconds>,
    /// Records without an instant, which only their bytes tell from other versions.
    undated: BTreeMap<String, u32>,
}

/// A version of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Version {
    /// The value of the record's replication key, where it has one.
    pub replication_key_value: Option<EpochSeconds>,
    /// CRC-32C of its bytes.
    pub checksum: u32,
}

/// When something was read, and how far back what was read then is still looked at.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When it was read.
    pub now: EpochSeconds,
    /// How long after the value of its replication key a record may still change within the same second
    /// of it, as far as an answer can tell: indexing lags behind by as much as is looked back.
    pub lookback: Seconds,
    /// What is older will not be met again.
    pub from: EpochSeconds,
}

/// A version that was emitted, as the state remembers it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Emitted {
    /// Read long after the value of its replication key, which is all that tells it from other versions:
    /// its bytes may differ from answer to answer though nothing changed (URLs that are signed anew).
    Settled(EpochSeconds),
    /// Read right after that value, perhaps between two changes of one second: those differ in
    /// their checksums.
    Fresh(EpochSeconds, u32),
}

impl Emitted {
    fn replication_key_value(self) -> EpochSeconds {
        match self {
            Self::Settled(replication_key_value) | Self::Fresh(replication_key_value, _) => {
                replication_key_value
            }
        }
    }

    /// What is known of a version that both may be; none where they are two.
    fn shared(self, other: Self) -> Option<Self> {
        if self.replication_key_value() != other.replication_key_value() {
            return None;
        }
        match (self, other) {
            (Self::Fresh(_, one), Self::Fresh(_, other)) if one != other => None,
            (Self::Fresh(..), _) => Some(self),
            _ => Some(other),
        }
    }
}

impl Seen {
    /// Reads what a state holds.
    pub fn parse(seen: Option<&Value>, undated: Option<&Value>) -> Result<Self, String> {
        Ok(Self {
            records: Option::deserialize(seen.unwrap_or(&Value::Null))
                .map_err(|error| format!("`seen` isn't an object of keys and times ({error})"))?
                .unwrap_or_default(),
            forgotten: None,
            undated: Option::deserialize(undated.unwrap_or(&Value::Null))
                .map_err(|error| format!("`undated` isn't an object of checksums ({error})"))?
                .unwrap_or_default(),
        })
    }

    /// The members of a bookmark that hold it.
    #[must_use]
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        if !self.records.is_empty() {
            members.insert("seen".into(), json!(self.records));
        }
        if !self.undated.is_empty() {
            members.insert("undated".into(), json!(self.undated));
        }
        members
    }

    /// How many are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.records.len() + self.undated.len()
    }

    /// Whether this version of the record was emitted.
    #[must_use]
    pub fn contains(&self, id: &str, version: Version) -> bool {
        let Some(replication_key_value) = version.replication_key_value else {
            return self.undated.get(id) == Some(&version.checksum);
        };
        match self.records.get(id) {
            None => false,
            Some(Emitted::Settled(emitted)) => *emitted == replication_key_value,
            Some(Emitted::Fresh(emitted, checksum)) => {
                (*emitted, *checksum) == (replication_key_value, version.checksum)
            }
        }
    }

    /// Remembers a version. Older ones than `moment.from` are forgotten once there are many.
    pub fn insert(&mut self, id: &str, version: Version, moment: Moment) {
        let Some(replication_key_value) = version.replication_key_value else {
            if self.undated.len() < MOST_SEEN || self.undated.contains_key(id) {
                self.undated.insert(id.to_owned(), version.checksum);
            }
            return;
        };
        if replication_key_value < moment.from {
            return;
        }
        let emitted = if replication_key_value < moment.now - moment.lookback.max(LEAST_FRESH) {
            Emitted::Settled(replication_key_value)
        } else {
            Emitted::Fresh(replication_key_value, version.checksum)
        };
        self.records.insert(id.to_owned(), emitted);
        if self.records.len() > 2 * MOST_SEEN {
            self.keep_from(moment.from);
        }
    }

    /// Forgets what is older than that, and will not be met again.
    pub fn forget_before(&mut self, from: EpochSeconds) {
        self.records
            .retain(|_, emitted| emitted.replication_key_value() >= from);
    }

    /// The newest 10,000 of what isn't older than `from`.
    #[must_use]
    pub fn since(&self, from: EpochSeconds) -> Self {
        let recent = self
            .records
            .iter()
            .filter(|(_, emitted)| emitted.replication_key_value() >= from)
            .map(|(id, emitted)| (id.clone(), *emitted));
        let mut seen = Self {
            records: recent.collect(),
            forgotten: self.forgotten.filter(|forgotten| *forgotten >= from),
            undated: self.undated.clone(),
        };
        seen.keep_from(from);
        seen
    }

    /// Whether there were more than can be remembered.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.forgotten.is_some()
    }

    /// Whether nothing but records without an instant was emitted.
    #[must_use]
    pub fn has_undated(&self) -> bool {
        !self.undated.is_empty()
    }

    /// Remembers what another remembers too; of each record the newer version.
    pub fn join(&mut self, other: &Self) {
        for (id, emitted) in &other.records {
            let known = self.records.get(id);
            if known
                .is_none_or(|known| known.replication_key_value() < emitted.replication_key_value())
            {
                self.records.insert(id.clone(), *emitted);
            }
        }
        self.forgotten = self.forgotten.max(other.forgotten);
        let undated = other.undated.iter();
        self.undated
            .extend(undated.map(|(id, checksum)| (id.clone(), *checksum)));
    }

    /// Forgets what another, who was given all below `from` before, doesn't remember too.
    pub fn keep_shared(&mut self, other: &Self, from: Option<EpochSeconds>) {
        self.records.retain(|id, emitted| {
            if Some(emitted.replication_key_value()) < from {
                return true;
            }
            let shared = other
                .records
                .get(id)
                .and_then(|other| emitted.shared(*other));
            if let Some(shared) = shared {
                *emitted = shared;
            }
            shared.is_some()
        });
        self.forgotten = self.forgotten.max(other.forgotten);
        self.undated
            .retain(|id, checksum| other.undated.get(id) == Some(checksum));
    }

    fn keep_from(&mut self, from: EpochSeconds) {
        self.forget_before(from);
        if self.records.len() > MOST_SEEN {
            let times = self
                .records
                .values()
                .map(|emitted| emitted.replication_key_value());
            let mut times: Vec<EpochSeconds> = times.collect();
            let surplus = times.len() - MOST_SEEN;
            let (_, &mut newest_forgotten, _) = times.select_nth_unstable(surplus - 1);
            self.forgotten = self.forgotten.max(Some(newest_forgotten));
            self.records
                .retain(|_, emitted| emitted.replication_key_value() > newest_forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(replication_key_value: i64, checksum: u32) -> Version {
        Version {
            replication_key_value: EpochSeconds::new(replication_key_value),
            checksum,
        }
    }

    fn moment(now: i64, from: i64) -> Moment {
        Moment {
            now: EpochSeconds::nearest(now),
            lookback: 600,
            from: EpochSeconds::nearest(from),
        }
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let mut seen = Seen::default();
        for number in 0..30_000 {
            seen.insert(&number.to_string(), version(number, 0), moment(0, 5));
        }
        seen.keep_from(EpochSeconds::nearest(5));
        assert!(seen.records.len() <= MOST_SEEN);
        assert!(seen.contains("29999", version(29_999, 0)));
        assert!(!seen.contains("19999", version(19_999, 0)));
        assert!(!seen.contains("29999", version(29_998, 0)));
    }

    #[test]
    fn bytes_tell_versions_apart_as_long_as_is_looked_back() {
        let mut seen = Seen::default();
        seen.insert("a", version(1_000, 7), moment(1_600, 0));
        assert!(seen.contains("a", version(1_000, 7)));
        assert!(!seen.contains("a", version(1_000, 8)));
        seen.insert("a", version(1_000, 7), moment(1_601, 0));
        assert!(seen.contains("a", version(1_000, 8)));
    }

    #[test]
    fn without_an_instant_bytes_alone_tell_versions_apart() {
        let undated = |checksum| Version {
            replication_key_value: None,
            checksum,
        };
        let mut seen = Seen::default();
        seen.insert("a", undated(7), moment(1_000, 900));
        let seen = seen.since(EpochSeconds::nearest(10_000));
        assert!(seen.contains("a", undated(7)));
        assert!(!seen.contains("a", undated(8)));
    }

    #[test]
    fn what_is_shared_is_what_both_remember() {
        let (mut one, mut other) = (Seen::default(), Seen::default());
        for (id, at, checksum) in [
            ("a", 1_000, 1),
            ("b", 1_001, 1),
            ("c", 900, 1),
            ("d", 1_002, 1),
        ] {
            one.insert(id, version(at, checksum), moment(1_100, 0));
        }
        for (id, at, checksum) in [("a", 1_000, 1), ("b", 1_001, 2), ("e", 1_003, 1)] {
            other.insert(id, version(at, checksum), moment(1_100, 0));
        }
        one.keep_shared(&other, EpochSeconds::new(950));
        let ids: Vec<&str> = one.records.keys().map(String::as_str).collect();
        assert_eq!(ids, ["a", "c"]);
    }
}
