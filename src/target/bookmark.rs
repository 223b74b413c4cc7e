//! What a bookmark says to people, whatever tap it is of: how far its stream has come, and what its tap
//! still waits for. Pure.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// Where taps have the instant, in the order in which it is looked for.
const PLACES: [&str; 3] = ["updated_at", "replication_key_value", "last_updated"];
/// Where this project's tap has what it asks for again.
const AWAITED: [&str; 2] = ["awaited", "holes"];
/// What says that a reading isn't over yet.
const UNFINISHED: [&str; 2] = ["in_progress", "resume"];
/// What says whom a bookmark covers, which it does wherever it stands.
const COVERS: &str = "covers";

/// How far a stream has come, if its bookmark says so in a way that is known.
#[must_use]
pub fn instant_of(bookmark: &Value) -> Option<DateTime<Utc>> {
    match bookmark {
        Value::Object(members) => {
            let named = PLACES.iter().filter_map(|place| members.get(*place));
            named.chain(members.values()).find_map(plain_instant)
        }
        plain => plain_instant(plain),
    }
}

/// What a number of seconds or a text says by itself.
#[must_use]
pub fn plain_instant(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        // Anything else is no time of our days: a number of something.
        Value::Number(number) => number
            .as_i64()
            .filter(|seconds| (100_000_000..10_000_000_000).contains(seconds))
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        Value::String(text) => instant_in(text),
        _ => None,
    }
}

/// An instant in RFC 3339, or a date, in UTC.
#[must_use]
pub fn instant_in(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

/// Whether a reading of the stream was broken off.
#[must_use]
pub fn is_unfinished(bookmark: &Value) -> bool {
    UNFINISHED
        .iter()
        .any(|key| !matches!(bookmark[*key], Value::Null | Value::Bool(false)))
}

/// How many details or rows are still asked for, and the oldest instant since when.
#[must_use]
pub fn awaited(bookmark: &Value) -> (usize, Option<DateTime<Utc>>) {
    let lists = AWAITED.iter().filter_map(|key| bookmark[*key].as_array());
    let all: Vec<&Value> = lists.flatten().collect();
    let since = all.iter().filter_map(|one| plain_instant(&one["since"]));
    (all.len(), since.min())
}

/// The bookmark of a stream that is to be read from `instant` on, in the form of `before`.
#[must_use]
pub fn set_to(before: Option<&Value>, instant: DateTime<Utc>) -> Value {
    let text = || json!(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let like = |value: &Value| match value {
        Value::String(_) => text(),
        _ => json!(instant.timestamp()),
    };
    match before {
        Some(Value::Object(members)) => {
            let named = PLACES.iter().find(|place| members.contains_key(**place));
            // A tap reads it from where it has it, by whatever name.
            let mut others = members
                .iter()
                .filter(|(_, value)| plain_instant(value).is_some())
                .map(|(name, _)| name.as_str());
            let place = named.copied().or_else(|| others.next());
            let place = place.unwrap_or(PLACES[0]);
            let mut set = Map::new();
            set.insert(
                place.to_owned(),
                like(members.get(place).unwrap_or(&Value::Null)),
            );
            for (key, value) in members {
                if key == COVERS || key == "replication_key" {
                    set.insert(key.clone(), value.clone());
                }
            }
            Value::Object(set)
        }
        Some(plain @ (Value::String(_) | Value::Number(_))) => like(plain),
        _ => json!({ PLACES[0]: instant.timestamp() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bookmark: &Value) -> Option<String> {
        Some(instant_of(bookmark)?.to_rfc3339())
    }

    #[test]
    fn instants_are_found_in_all_forms() {
        let expected = Some("2025-11-22T08:26:40+00:00".to_owned());
        for bookmark in [
            json!({"updated_at": 1_763_800_000, "seen": {"a": 1}}),
            json!({"updated_at": "2025-11-22T08:26:40Z"}),
            json!({"replication_key": "id", "replication_key_value": "2025-11-22T08:26:40Z"}),
            json!({"other": 1_763_800_000}),
            json!("2025-11-22T09:26:40+01:00"),
            json!(1_763_800_000),
        ] {
            assert_eq!(text(&bookmark), expected, "{bookmark}");
        }
        for bookmark in [json!({}), json!({"page": 7}), json!("cursor"), json!(null)] {
            assert_eq!(text(&bookmark), None, "{bookmark}");
        }
    }

    #[test]
    fn what_is_awaited_is_counted() {
        let bookmark = json!({
            "in_progress": true, "awaited": [{"since": 1_763_900_000}, {"since": 1_763_800_000}],
            "holes": [{"from": 1, "since": 1_763_850_000}],
        });
        let (count, since) = awaited(&bookmark);
        assert_eq!(
            (count, since.unwrap().timestamp(), is_unfinished(&bookmark)),
            (3, 1_763_800_000, true)
        );
        assert_eq!(awaited(&json!(7)), (0, None));
        assert!(!is_unfinished(&json!({"in_progress": false})));
    }

    #[test]
    fn a_bookmark_is_set_in_its_own_form() {
        let instant = instant_in("2026-01-01").unwrap();
        for (before, after) in [
            (
                json!({"updated_at": 5, "covers": ["a"], "seen": {"x": 1}, "in_progress": true}),
                json!({"updated_at": 1_767_225_600, "covers": ["a"]}),
            ),
            (
                json!({"replication_key": "at", "replication_key_value": "2020-01-01"}),
                json!({"replication_key_value": "2026-01-01T00:00:00Z", "replication_key": "at"}),
            ),
            (
                json!({"created_at": 1_763_800_000, "in_progress": true, "emitted": "00"}),
                json!({"created_at": 1_767_225_600}),
            ),
            (json!("2020-01-01"), json!("2026-01-01T00:00:00Z")),
            (json!(7), json!(1_767_225_600)),
        ] {
            assert_eq!(set_to(Some(&before), instant), after);
        }
        assert_eq!(set_to(None, instant), json!({"updated_at": 1_767_225_600}));
    }
}
