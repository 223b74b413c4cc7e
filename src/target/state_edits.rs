//! State objects changed by hand: a state put in their place, a stream's bookmark taken back. What runs
//! have written meanwhile isn't overwritten.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::bookmark;
use super::claim::{BOOKMARKS, Claim};
use super::state::StateObjects;
use super::state_changes::{BookmarkChange, Changes, Merge, Other};
use super::state_name::StateOwner;
use crate::cli::Failure;
use crate::cli::foreign::told;

/// A state object before and after, for people.
pub type Edit = (String, Option<Value>, Value);

/// What `--reset` makes of a stream's bookmark: none, or one at that instant.
pub fn reset(
    objects: &StateObjects,
    stream: &str,
    to: Option<DateTime<Utc>>,
) -> Result<(Changes, Vec<Edit>), Failure> {
    objects.look_for(&[stream.to_owned()])?;
    let before = objects.bookmark_of(stream)?;
    let after = match to {
        Some(instant) => bookmark::set_to(before.as_ref(), instant),
        None => Value::Null,
    };
    edits(objects, vec![(stream.to_owned(), after)], Map::new())
}

/// What `--write-state` makes of the objects: those of the streams that the state names.
pub fn write(
    objects: &StateObjects,
    state: &Map<String, Value>,
) -> Result<(Changes, Vec<Edit>), Failure> {
    let mut others = state.clone();
    let bookmarks = match others.remove(BOOKMARKS) {
        Some(Value::Object(bookmarks)) => bookmarks,
        _ => Map::new(),
    };
    edits(objects, bookmarks.into_iter().collect(), others)
}

fn edits(
    objects: &StateObjects,
    bookmarks: Vec<(String, Value)>,
    others: Map<String, Value>,
) -> Result<(Changes, Vec<Edit>), Failure> {
    let mut changes = Vec::new();
    let mut edits = Vec::new();
    for (stream, bookmark) in bookmarks {
        let before = objects.bookmark_of(&stream)?;
        let is_none = |value: Option<&Value>| value.is_none_or(Value::is_null);
        if before.as_ref() == Some(&bookmark) || (is_none(before.as_ref()) && bookmark.is_null()) {
            continue;
        }
        edits.push((stream.clone(), before.clone(), bookmark.clone()));
        changes.push(BookmarkChange {
            known: objects.version_of(&stream),
            first: None,
            claim: Claim::Ours,
            is_reset: bookmark.is_null(),
            stream,
            bookmark,
        });
    }
    let (version, document) = objects.shared(&StateOwner::Tap)?;
    let known = version.map(|version| (version, document.clone()));
    let mut merge = Merge::into(StateOwner::Tap, known);
    for (key, value) in others {
        if document.get(&key) != Some(&value) {
            edits.push((key.clone(), document.get(&key).cloned(), value.clone()));
            merge.set(Other {
                key,
                value,
                claim: Claim::Ours,
                is_stream: true,
                first: None,
            });
        }
    }
    let merges = (!merge.is_empty()).then_some(merge).into_iter().collect();
    Ok((objects.edited(changes, merges), edits))
}

/// One line of what has changed.
pub fn line_of((name, before, after): &Edit) -> String {
    let word = |value: &Value| match bookmark::instant_of(value) {
        Some(instant) => instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        None if value.is_null() => "none".to_owned(),
        None => told(&value.to_string()),
    };
    let before = before.as_ref().map_or("none".to_owned(), word);
    format!("{}: {before} -> {}", told(name), word(after))
}
