//! What the state remembers of an incremental stream, so that the next run asks for all that is
//! new and repeats as little as it can.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::tap::time::{self, EpochSeconds};

/// How many records of the look-back are remembered; beyond that some may be repeated.
const MOST_SEEN: usize = 10_000;
/// How long after its `updated_at` a record may still change within the same second of it, as far as
/// an answer can tell: indexing lags behind.
const LONGEST_FRESH: EpochSeconds = 60;

/// The bookmark of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bookmark {
    /// Every record up to here was emitted, but for those indexed late. Absent until then. In the
    /// state it bears the name of the stream's replication key, `updated_at` or another.
    pub updated_at: Option<EpochSeconds>,
    /// Whether the run that wrote this was still reading oldest first: what lies below is settled,
    /// and reading goes on right here, without looking back.
    pub in_progress: bool,
    /// Records at or above the next run's lower bound that were emitted already.
    pub seen: Seen,
    /// Where an unfinished reading of pages, newest first, goes on.
    pub resume: Option<Resume>,
    /// What couldn't be had when the records that it goes with were read.
    pub awaited: Vec<Awaited>,
    /// Keys of other programs, kept as they came.
    pub others: Map<String, Value>,
}

/// The place where a reading of numbered pages was interrupted.
#[derive(Clone, Debug, PartialEq)]
pub struct Resume {
    /// The last page whose records were all emitted, from 1.
    pub page: u32,
    /// What the bookmark becomes when the last page is read.
    pub updated_at: EpochSeconds,
    /// `total_count` of that page's answer: if it has fallen since, records have moved forward.
    pub total_count: Option<u64>,
}

/// Something that goes with a record and couldn't be had yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    /// The child stream, or `stream.list` for a list inside the record. Absent in older states, which
    /// knew one kind of child that may appear later.
    pub what: Option<String>,
    /// The parent's key.
    pub parent: String,
    /// The parent's `updated_at`, as JSON.
    pub parent_updated_at: Value,
    /// When it was first asked for.
    pub since: EpochSeconds,
    /// Why it couldn't be had; absent where it merely wasn't there yet.
    pub why: Option<String>,
}

/// Records already emitted: their keys with the version they had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    records: BTreeMap<String, Emitted>,
}

/// A version of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Version {
    /// The record's `updated_at`.
    pub updated_at: EpochSeconds,
    /// CRC-32C of its bytes.
    pub checksum: u32,
}

/// A version that was emitted, as the state remembers it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Emitted {
    /// Read long after its `updated_at`, which is all that tells it from other versions: its bytes
    /// may differ from answer to answer though nothing changed (URLs that are signed anew).
    Settled(EpochSeconds),
    /// Read right after its `updated_at`, perhaps between two changes of one second: those differ in
    /// their checksums.
    Fresh(EpochSeconds, u32),
}

impl Emitted {
    fn updated_at(self) -> EpochSeconds {
        match self {
            Self::Settled(updated_at) | Self::Fresh(updated_at, _) => updated_at,
        }
    }
}

impl Seen {
    /// Whether this version of the record was emitted.
    #[must_use]
    pub fn contains(&self, id: &str, version: Version) -> bool {
        match self.records.get(id) {
            None => false,
            Some(Emitted::Settled(updated_at)) => *updated_at == version.updated_at,
            Some(Emitted::Fresh(updated_at, checksum)) => {
                (*updated_at, *checksum) == (version.updated_at, version.checksum)
            }
        }
    }

    /// Remembers a version that was read at `now`. Older ones than `from` are forgotten once there
    /// are many.
    pub fn insert(&mut self, id: &str, version: Version, now: EpochSeconds, from: EpochSeconds) {
        let updated_at = version.updated_at;
        if updated_at < from {
            return;
        }
        let emitted = if updated_at < now - LONGEST_FRESH {
            Emitted::Settled(updated_at)
        } else {
            Emitted::Fresh(updated_at, version.checksum)
        };
        self.records.insert(id.to_owned(), emitted);
        if self.records.len() > 2 * MOST_SEEN {
            self.keep_from(from);
        }
    }

    /// The newest 10,000 of what isn't older than `from`.
    #[must_use]
    pub fn since(&self, from: EpochSeconds) -> Self {
        let recent = self
            .records
            .iter()
            .filter(|(_, emitted)| emitted.updated_at() >= from)
            .map(|(id, emitted)| (id.clone(), *emitted));
        let mut seen = Self {
            records: recent.collect(),
        };
        seen.keep_from(from);
        seen
    }

    fn keep_from(&mut self, from: EpochSeconds) {
        self.records
            .retain(|_, emitted| emitted.updated_at() >= from);
        if self.records.len() > MOST_SEEN {
            let times = self.records.values().map(|emitted| emitted.updated_at());
            let mut times: Vec<EpochSeconds> = times.collect();
            let surplus = times.len() - MOST_SEEN;
            let (_, &mut newest_forgotten, _) = times.select_nth_unstable(surplus - 1);
            self.records
                .retain(|_, emitted| emitted.updated_at() > newest_forgotten);
        }
    }
}

impl Bookmark {
    /// Reads what a state holds for a stream with that replication key: this tap's own form, or
    /// another tap's, which may be
    /// a bare instant, or have RFC 3339 text, or name it `replication_key_value`.
    ///
    /// The error says what is wrong, to follow the stream's name.
    pub fn parse(value: Option<&Value>, replication_key: &str) -> Result<Self, String> {
        let mut others = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(object)) => object.clone(),
            Some(bare) => Map::from_iter([(replication_key.to_owned(), bare.clone())]),
        };
        let updated_at = match others.shift_remove(replication_key) {
            Some(value) => Some(value),
            None => others.shift_remove("replication_key_value"),
        };
        let updated_at = match updated_at {
            None | Some(Value::Null) => None,
            Some(value) => Some(instant(&value)?),
        };
        let in_progress = others.shift_remove("in_progress") == Some(Value::Bool(true));
        let seen = match others.shift_remove("seen") {
            None | Some(Value::Null) => Seen::default(),
            Some(records) => Seen {
                records: serde_json::from_value(records).map_err(|error| {
                    format!("`seen` isn't an object of keys and times ({error})")
                })?,
            },
        };
        let resume = match others.shift_remove("resume") {
            None | Some(Value::Null) => None,
            Some(resume) => Some(Resume {
                page: resume["page"]
                    .as_u64()
                    .and_then(|page| u32::try_from(page).ok())
                    .ok_or("`resume.page` isn't a page number")?,
                updated_at: instant(&resume["updated_at"])?,
                total_count: resume["total_count"].as_u64(),
            }),
        };
        let mut awaited = Vec::new();
        if let Some(Value::Array(entries)) = others.shift_remove("awaited") {
            for entry in entries {
                awaited.push(Awaited::parse(&entry)?);
            }
        }
        Ok(Self {
            updated_at,
            in_progress,
            seen,
            resume,
            awaited,
            others,
        })
    }

    /// The form in which it stands in the state.
    #[must_use]
    pub fn to_value(&self, replication_key: &str) -> Value {
        let mut value = Map::new();
        if let Some(updated_at) = self.updated_at {
            value.insert(replication_key.into(), json!(updated_at));
        }
        if self.in_progress {
            value.insert("in_progress".into(), json!(true));
        }
        if !self.seen.records.is_empty() {
            value.insert("seen".into(), json!(self.seen.records));
        }
        if let Some(resume) = &self.resume {
            value.insert(
                "resume".into(),
                json!({
                    "page": resume.page,
                    "updated_at": resume.updated_at,
                    "total_count": resume.total_count,
                }),
            );
        }
        if !self.awaited.is_empty() {
            let entries = self.awaited.iter().map(Awaited::to_value);
            value.insert("awaited".into(), entries.collect());
        }
        value.extend(self.others.clone());
        Value::Object(value)
    }
}

impl Awaited {
    fn parse(entry: &Value) -> Result<Self, String> {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        Ok(Self {
            what: text("stream"),
            parent: text("id").ok_or("an entry of `awaited` has no `id`")?,
            parent_updated_at: entry["updated_at"].clone(),
            since: instant(&entry["since"])?,
            why: text("why"),
        })
    }

    fn to_value(&self) -> Value {
        let mut entry = Map::new();
        if let Some(what) = &self.what {
            entry.insert("stream".into(), json!(what));
        }
        entry.insert("id".into(), json!(self.parent));
        entry.insert("updated_at".into(), self.parent_updated_at.clone());
        entry.insert("since".into(), json!(self.since));
        if let Some(why) = &self.why {
            entry.insert("why".into(), json!(why));
        }
        Value::Object(entry)
    }
}

fn instant(value: &Value) -> Result<EpochSeconds, String> {
    time::parse_json(&value.to_string()).ok_or_else(|| {
        format!("{value} is neither epoch seconds nor a date nor an RFC 3339 instant")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "updated_at": 1_763_800_000,
            "in_progress": true,
            "seen": {"a": 1_763_800_000, "b": [1_763_800_001, 4_294_967_295_u32]},
            "resume": {"page": 7, "updated_at": 1_763_800_100, "total_count": 900},
            "awaited": [{"id": "1", "updated_at": "2025-11-22T08:26:40Z", "since": 1_763_800_200},
                {"stream": "notes", "id": "2", "updated_at": 1, "since": 1_763_800_200, "why": "status 500"}],
            "of_another_program": [1, 2],
        });
        assert_eq!(
            Bookmark::parse(Some(&value), "updated_at")
                .unwrap()
                .to_value("updated_at"),
            value
        );
    }

    #[test]
    fn bookmarks_of_other_taps_are_understood() {
        for value in [
            json!(1_763_800_000),
            json!("2025-11-22T08:26:40Z"),
            json!({"updated_at": "2025-11-22T08:26:40.000000Z"}),
            json!({"updated_at": 1_763_800_000}),
            json!({"replication_key": "updated_at", "replication_key_value": "2025-11-22T08:26:40+00:00"}),
        ] {
            let bookmark = Bookmark::parse(Some(&value), "updated_at").unwrap();
            assert_eq!(bookmark.updated_at, Some(1_763_800_000), "{value}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for value in [json!("soon"), json!(true), json!({"updated_at": {}})] {
            assert!(
                Bookmark::parse(Some(&value), "updated_at").is_err(),
                "{value}"
            );
        }
    }

    fn version(updated_at: EpochSeconds, checksum: u32) -> Version {
        Version {
            updated_at,
            checksum,
        }
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let mut seen = Seen::default();
        for number in 0..30_000 {
            seen.insert(&number.to_string(), version(number, 0), 0, 5);
        }
        seen.keep_from(5);
        assert!(seen.records.len() <= MOST_SEEN);
        assert!(seen.contains("29999", version(29_999, 0)));
        assert!(!seen.contains("19999", version(19_999, 0)));
        assert!(!seen.contains("29999", version(29_998, 0)));
    }

    #[test]
    fn bytes_tell_versions_apart_while_they_are_fresh() {
        let mut seen = Seen::default();
        seen.insert("a", version(1_000, 7), 1_002, 0);
        assert!(seen.contains("a", version(1_000, 7)));
        assert!(!seen.contains("a", version(1_000, 8)));
        seen.insert("a", version(1_000, 7), 1_061, 0);
        assert!(seen.contains("a", version(1_000, 8)));
    }
}
