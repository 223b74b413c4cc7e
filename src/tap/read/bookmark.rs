//! What the state remembers of an incremental stream, so that the next run asks for all that is
//! new and repeats as little as it can.

use std::fmt;

use serde_json::{Map, Value, json};

use super::ending::Ending;
use super::exported::Exported;
use super::last_page::LastPage;
use super::seen::Seen;
use crate::tap::time::{self, EpochSeconds};

/// The bookmark of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bookmark {
    /// Every record up to here was emitted, but for those indexed late. Absent until then. In the
    /// state it bears the name of the stream's replication key, `updated_at` or another.
    pub replication_key_value: Option<EpochSeconds>,
    /// Whether the run that wrote this was still reading oldest first: what lies below is settled,
    /// and reading goes on right here, without looking back.
    pub in_progress: bool,
    /// Where some of the records come by a whole scroll alone: up to when those were read, at the start of
    /// the last one.
    pub scrolled_at: Option<EpochSeconds>,
    /// Records at or above the next run's lower bound that were emitted already.
    pub seen: Seen,
    /// Where an unfinished reading of pages, newest first, goes on.
    pub resume: Option<Resume>,
    /// What couldn't be had when the records that it goes with were read.
    pub awaited: Vec<Awaited>,
    /// What was passed over, since no answer that holds it could be had.
    pub holes: Vec<Hole>,
    /// The children that were read along and so stand here too; absent in older states and in those of
    /// other taps.
    pub covers: Option<Vec<String>>,
    /// Of exports: the job that is waited for, and what was emitted.
    pub exported: Exported,
    /// Of a list whose cursors can be kept: where reading goes on.
    pub last_page: LastPage,
    /// Keys of other programs, kept as they came.
    pub others: Map<String, Value>,
}

/// The place where a reading of numbered pages was interrupted.
#[derive(Clone, Debug, PartialEq)]
pub struct Resume {
    /// The last page whose records were all emitted, from 1.
    pub page: u32,
    /// What the bookmark becomes when the last page is read.
    pub replication_key_value: EpochSeconds,
    /// `total_count` of that page's answer: if it has fallen since, records have moved forward.
    pub total_count: Option<u64>,
}

/// Records that no answer which holds them could be had of.
#[derive(Clone, Debug, PartialEq)]
pub struct Hole {
    /// They were updated from here on.
    pub from: EpochSeconds,
    /// Up to here, inclusive.
    pub to: EpochSeconds,
    /// When they were first asked for.
    pub since: EpochSeconds,
    /// Why they couldn't be had.
    pub why: String,
    /// How their ids end; other records of those instants were had.
    pub ending: Ending,
}

/// Something that goes with a record and couldn't be had yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    /// The child stream, or `stream.list` for a list inside the record. Absent in older states, which
    /// knew one kind of child that may appear later.
    pub what: Option<String>,
    /// The parent's key.
    pub parent: String,
    /// The value of the parent's replication key, as JSON.
    pub parent_replication_key_value: Value,
    /// When it was first asked for.
    pub since: EpochSeconds,
    /// Why it couldn't be had; absent where it merely wasn't there yet.
    pub why: Option<String>,
}

impl Bookmark {
    /// Reads what a state holds for a stream with that replication key: this tap's own form, or
    /// another tap's, which may be
    /// a bare instant, or have RFC 3339 text, or name it `replication_key_value`.
    ///
    /// Nothing can have been emitted up to a later instant than `latest`.
    ///
    /// The error says what is wrong, to follow the stream's name.
    pub fn parse(
        value: Option<&Value>,
        replication_key: &str,
        latest: EpochSeconds,
    ) -> Result<Self, String> {
        let instant = |value: &Value| instant_until(value, latest);
        let mut others = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(object)) => object.clone(),
            Some(bare) => Map::from_iter([(replication_key.to_owned(), bare.clone())]),
        };
        let replication_key_value = match others.shift_remove(replication_key) {
            Some(value) => Some(value),
            None => others.shift_remove("replication_key_value"),
        };
        let replication_key_value = match replication_key_value {
            None | Some(Value::Null) => None,
            Some(value) => Some(instant(&value)?),
        };
        let in_progress = others.shift_remove("in_progress") == Some(Value::Bool(true));
        let scrolled_at = match others.shift_remove("scrolled_at") {
            None | Some(Value::Null) => None,
            Some(value) => Some(instant(&value)?),
        };
        let seen = Seen::parse(
            others.shift_remove("seen").as_ref(),
            others.shift_remove("undated").as_ref(),
        )?;
        let covers = match others.shift_remove("covers") {
            None | Some(Value::Null) => None,
            Some(names) => Some(
                serde_json::from_value(names)
                    .map_err(|error| format!("`covers` isn't a list of streams ({error})"))?,
            ),
        };
        let resume = match others.shift_remove("resume") {
            None | Some(Value::Null) => None,
            Some(resume) => Some(Resume {
                page: resume["page"]
                    .as_u64()
                    .and_then(|page| u32::try_from(page).ok())
                    .ok_or("`resume.page` isn't a page number")?,
                replication_key_value: instant(&resume["updated_at"])?,
                total_count: resume["total_count"].as_u64(),
            }),
        };
        let mut awaited = Vec::new();
        if let Some(Value::Array(entries)) = others.shift_remove("awaited") {
            for entry in entries {
                awaited.push(Awaited::parse(&entry)?);
            }
        }
        let exported = Exported::parse(&mut others)?;
        let last_page = LastPage::parse(&mut others)?;
        let mut holes = Vec::new();
        if let Some(Value::Array(entries)) = others.shift_remove("holes") {
            for entry in entries {
                holes.push(Hole::parse(&entry)?);
            }
        }
        Ok(Self {
            replication_key_value,
            in_progress,
            scrolled_at,
            seen,
            resume,
            awaited,
            holes,
            covers,
            exported,
            last_page,
            others,
        })
    }

    /// Whether a state's value for a stream says nothing that this tap understands: another tap's, most
    /// likely, under another key.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        !self.others.is_empty()
            && *self
                == Self {
                    others: self.others.clone(),
                    ..Self::default()
                }
    }

    /// The form in which it stands in the state.
    #[must_use]
    pub fn to_value(&self, replication_key: &str) -> Value {
        let mut value = Map::new();
        if let Some(replication_key_value) = self.replication_key_value {
            value.insert(replication_key.into(), json!(replication_key_value));
        }
        if self.in_progress {
            value.insert("in_progress".into(), json!(true));
        }
        if let Some(scrolled_at) = self.scrolled_at {
            value.insert("scrolled_at".into(), json!(scrolled_at));
        }
        if let Some(covers) = &self.covers {
            value.insert("covers".into(), json!(covers));
        }
        value.extend(self.seen.to_members());
        if let Some(resume) = &self.resume {
            value.insert(
                "resume".into(),
                json!({
                    "page": resume.page,
                    "updated_at": resume.replication_key_value,
                    "total_count": resume.total_count,
                }),
            );
        }
        if !self.awaited.is_empty() {
            let entries = self.awaited.iter().map(Awaited::to_value);
            value.insert("awaited".into(), entries.collect());
        }
        self.exported.put(&mut value);
        self.last_page.put(&mut value);
        if !self.holes.is_empty() {
            let entries = self.holes.iter().map(Hole::to_value);
            value.insert("holes".into(), entries.collect());
        }
        value.extend(self.others.clone());
        Value::Object(value)
    }
}

impl Hole {
    fn parse(entry: &Value) -> Result<Self, String> {
        Ok(Self {
            from: instant(&entry["from"])?,
            to: instant(&entry["to"])?,
            since: instant(&entry["since"])?,
            why: entry["why"].as_str().unwrap_or_default().to_owned(),
            ending: match &entry["ids_end_in"] {
                Value::Null => Ending::default(),
                digits => digits
                    .as_str()
                    .and_then(Ending::parse)
                    .ok_or("`ids_end_in` of an entry of `holes` isn't the end of an id")?,
            },
        })
    }

    fn to_value(&self) -> Value {
        let mut entry =
            json!({"from": self.from, "to": self.to, "since": self.since, "why": self.why});
        if !self.ending.is_empty() {
            entry["ids_end_in"] = json!(self.ending.text());
        }
        entry
    }

    /// Whether they may have a record in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let shared = self.ending.shared(other.ending);
        let is_one_within_the_other = shared == self.ending || shared == other.ending;
        is_one_within_the_other && self.from <= other.to && other.from <= self.to
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (time::to_rfc3339(self.from), time::to_rfc3339(self.to));
        write!(formatter, "what was updated from {from} to {to}")?;
        if self.ending.is_empty() {
            return Ok(());
        }
        write!(formatter, " and has an id that ends in {}", self.ending)
    }
}

impl Awaited {
    fn parse(entry: &Value) -> Result<Self, String> {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        Ok(Self {
            what: text("stream"),
            parent: text("id").ok_or("an entry of `awaited` has no `id`")?,
            parent_replication_key_value: entry["updated_at"].clone(),
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
        entry.insert(
            "updated_at".into(),
            self.parent_replication_key_value.clone(),
        );
        entry.insert("since".into(), json!(self.since));
        if let Some(why) = &self.why {
            entry.insert("why".into(), json!(why));
        }
        Value::Object(entry)
    }
}

/// An instant that something can have been emitted up to.
fn instant_until(value: &Value, latest: EpochSeconds) -> Result<EpochSeconds, String> {
    let seconds = instant(value)?;
    if time::is_in_milliseconds(&value.to_string()) {
        return Err(format!(
            "{value} looks like milliseconds, and must be seconds since 1970 ({seconds})"
        ));
    }
    if seconds < EpochSeconds::EPOCH {
        return Err(format!("{value} lies before 1970"));
    }
    if seconds > latest {
        return Err(format!(
            "{value} ({}) lies in the future, where nothing can have been read yet",
            time::to_rfc3339(seconds)
        ));
    }
    Ok(seconds)
}

fn instant(value: &Value) -> Result<EpochSeconds, String> {
    time::parse_json(&value.to_string()).ok_or_else(|| {
        format!("{value} is neither epoch seconds nor a date nor an RFC 3339 instant")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATEST: EpochSeconds = EpochSeconds::nearest(1_800_000_000);

    fn parse(value: &Value) -> Result<Bookmark, String> {
        Bookmark::parse(Some(value), "updated_at", LATEST)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "updated_at": 1_763_800_000,
            "in_progress": true,
            "scrolled_at": 1_763_700_000,
            "covers": ["contact_notes"],
            "undated": {"c": 7},
            "seen": {"a": 1_763_800_000, "b": [1_763_800_001, 4_294_967_295_u32]},
            "resume": {"page": 7, "updated_at": 1_763_800_100, "total_count": 900},
            "awaited": [{"id": "1", "updated_at": "2025-11-22T08:26:40Z", "since": 1_763_800_200},
                {"stream": "notes", "id": "2", "updated_at": 1, "since": 1_763_800_200, "why": "status 500"}],
            "holes": [{"from": 5, "to": 9, "since": 1_763_800_200, "why": "status 500"},
                {"from": 5, "to": 9, "since": 1_763_800_200, "why": "status 500", "ids_end_in": "a0"}],
            "last_page": {"starting_after": "1763800000000.0000a1", "keys": ["1763800000001.0000b2"]},
            "of_another_program": [1, 2],
        });
        assert_eq!(parse(&value).unwrap().to_value("updated_at"), value);
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
            let bookmark = parse(&value).unwrap();
            assert_eq!(
                bookmark.replication_key_value,
                EpochSeconds::new(1_763_800_000),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for value in [json!("soon"), json!(true), json!({"updated_at": {}})] {
            assert!(parse(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn an_instant_that_cannot_be_is_refused_by_what_is_wrong_with_it() {
        for (value, why) in [
            (json!(1_763_800_000_000_i64), "milliseconds"),
            (json!("1763800000000"), "milliseconds"),
            (json!(-1), "before 1970"),
            (json!("1969-12-31T23:59:59Z"), "before 1970"),
            (json!(LATEST + 1), "future"),
            (
                json!({"resume": {"page": 1, "updated_at": -5}}),
                "before 1970",
            ),
        ] {
            let error = parse(&value).unwrap_err();
            assert!(error.contains(why), "{value}: {error}");
        }
        assert!(parse(&json!(LATEST)).is_ok());
        assert!(parse(&json!(0)).is_ok());
    }

    #[test]
    fn what_says_nothing_is_foreign() {
        assert!(parse(&json!({"last_change": 5})).unwrap().is_foreign());
        assert!(!parse(&json!({})).unwrap().is_foreign());
        assert!(
            !parse(&json!({"updated_at": 5, "x": 1}))
                .unwrap()
                .is_foreign()
        );
    }
}
