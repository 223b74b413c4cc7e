//! Several states made one: those of slices that were read side by side, and the one that runs go on
//! from. A stream stands where the newest of them does, once all of them have come to their end; what
//! any of them couldn't have is still to be asked for.

use serde_json::{Map, Value};

use super::read::bookmark::Bookmark;
use super::streams;
use super::time::EpochSeconds;
use crate::cli::Failure;
use crate::singer::state::State;

/// Lists of what is to be asked for again, which add up.
const ADD_UP: [&str; 2] = ["awaited", "holes"];
/// The children that were read along: what only some have read is not covered.
const COVERS: &str = "covers";

/// One state of those that `given` names, each with how it is called; no bookmark is later than
/// `latest`.
pub fn merge(given: &[(String, State)], latest: EpochSeconds) -> Result<State, Failure> {
    let mut merged = State::default();
    for (_, state) in given {
        for (key, value) in state.value() {
            if key != "bookmarks" {
                merged.set(key, value.clone());
            }
        }
    }
    let mut names: Vec<&String> = Vec::new();
    for (_, state) in given {
        let bookmarks = state.value().get("bookmarks").and_then(Value::as_object);
        for name in bookmarks.into_iter().flat_map(Map::keys) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    for name in names {
        // Where it was never read by some, its history is still to come.
        if given.iter().any(|(_, state)| is_left_out(name, state)) {
            continue;
        }
        let values = given
            .iter()
            .filter_map(|(called, state)| Some((called.as_str(), state.bookmark(name)?)));
        let values: Vec<_> = values.collect();
        merged.set_bookmark(name, merged_bookmark(name, &values, latest)?);
    }
    Ok(merged)
}

fn merged_bookmark(
    name: &str,
    values: &[(&str, &Value)],
    latest: EpochSeconds,
) -> Result<Value, Failure> {
    // What another tap remembers is taken from the last.
    let Some((key, is_child)) = place_of(name) else {
        return Ok(values
            .last()
            .map_or(Value::Null, |(_, value)| (*value).clone()));
    };
    let mut read = Vec::new();
    for (called, value) in values {
        let bookmark = Bookmark::parse(Some(value), key, latest).map_err(|fault| {
            Failure::usage(format_args!(
                "{called}: the bookmark of {name} can't be used: {fault}"
            ))
        })?;
        if bookmark.in_progress || bookmark.resume.is_some() {
            return Err(
                Failure::failed(format_args!("{called}: {name} is not read to its end"))
                    .hint("let the run that it is of come to its end, then merge again"),
            );
        }
        read.push((bookmark.replication_key_value, *value));
    }
    // A child with a bookmark of its own lags behind its parent: reading begins at the oldest.
    let chosen = if is_child {
        read.iter().min_by_key(|(reached, _)| *reached)
    } else {
        read.iter().max_by_key(|(reached, _)| *reached)
    };
    let mut chosen = match chosen {
        Some((_, Value::Object(bookmark))) => bookmark.clone(),
        Some((_, other)) => return Ok((*other).clone()),
        None => return Ok(Value::Null),
    };
    let all = || values.iter().map(|(_, value)| *value);
    for list in ADD_UP {
        let sum = sum_of(all(), list);
        if !sum.is_empty() {
            chosen.insert(list.to_owned(), Value::Array(sum));
        }
    }
    if let Some(covered) = common_of(all(), COVERS) {
        chosen.insert(COVERS.to_owned(), Value::Array(covered));
    }
    Ok(Value::Object(chosen))
}

/// Whether a child stream stands nowhere by a state in which its parent stands somewhere.
fn is_left_out(name: &str, state: &State) -> bool {
    let parent =
        streams::all().find(|stream| stream.children.iter().any(|child| child.name == name));
    let covers = parent
        .and_then(|parent| state.bookmark(parent.name))
        .and_then(|bookmark| bookmark[COVERS].as_array());
    covers.is_some_and(|covers| !covers.iter().any(|covered| covered == name))
        && state.bookmark(name).is_none()
}

/// The property that a stream's bookmark is made of, and whether the stream is read along with
/// another; none for a stream that this tap doesn't have.
fn place_of(name: &str) -> Option<(&'static str, bool)> {
    streams::all().find_map(|stream| {
        let is_child = stream.children.iter().any(|child| child.name == name);
        let is_it = stream.name == name || is_child;
        is_it.then(|| (stream.replication_key.unwrap_or("updated_at"), is_child))
    })
}

/// The entries of all lists, each once.
fn sum_of<'a>(values: impl Iterator<Item = &'a Value>, list: &str) -> Vec<Value> {
    let mut sum: Vec<Value> = Vec::new();
    for entry in values.filter_map(|value| value[list].as_array()).flatten() {
        if !sum.contains(entry) {
            sum.push(entry.clone());
        }
    }
    sum
}

/// The entries that all lists have; none where there is no list.
fn common_of<'a>(values: impl Iterator<Item = &'a Value>, list: &str) -> Option<Vec<Value>> {
    let lists = values.filter_map(|value| value[list].as_array());
    lists.cloned().reduce(|common, list| {
        let is_common = |entry: &Value| list.contains(entry);
        common.into_iter().filter(is_common).collect()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(states: &[Value]) -> Result<Value, String> {
        let given: Vec<_> = states
            .iter()
            .enumerate()
            .map(|(number, state)| {
                let state = State::parse(&state.to_string()).unwrap();
                (number.to_string(), state)
            })
            .collect();
        let state = merge(&given, EpochSeconds::nearest(2_000_000_000))
            .map_err(|failure| failure.to_string())?;
        Ok(Value::Object(state.value().clone()))
    }

    /// A stream of the table and a child of it.
    fn family() -> (&'static str, &'static str) {
        streams::all()
            .filter(|stream| stream.replication_key == Some("updated_at"))
            .find_map(|stream| Some((stream.name, stream.children.first()?.name)))
            .unwrap()
    }

    #[test]
    fn a_stream_stands_where_its_newest_slice_does_and_lacks_what_any_lacks() {
        let (parent, child) = family();
        let hole = json!({"from": 1, "to": 2, "since": 1, "why": "status 500"});
        let first = json!({"updated_at": 10, "covers": [child], "awaited": [{"id": "a", "since": 1}],
            "seen": {"x": 10}});
        let last = json!({"updated_at": 20, "covers": [child], "awaited": [{"id": "b", "since": 1}, {"id": "a", "since": 1}],
            "holes": [hole], "seen": {"y": 20}});
        let states = [
            json!({"bookmarks": {parent: last}}),
            json!({}),
            json!({"bookmarks": {parent: first}}),
        ];
        assert_eq!(
            merged(&states).unwrap(),
            json!({"bookmarks": {parent: {"updated_at": 20, "covers": [child],
                "awaited": [{"id": "b", "since": 1}, {"id": "a", "since": 1}], "holes": [hole], "seen": {"y": 20}}}})
        );
    }

    #[test]
    fn a_child_that_some_slice_left_behind_stands_where_it_did() {
        let (parent, child) = family();
        let states = [
            json!({"bookmarks": {parent: {"updated_at": 10, "covers": []}, child: {"updated_at": 3}}}),
            json!({"bookmarks": {parent: {"updated_at": 20, "covers": [child]}}}),
            json!({"bookmarks": {parent: {"updated_at": 30, "covers": []}, child: {"updated_at": 25}}}),
        ];
        assert_eq!(
            merged(&states).unwrap(),
            json!({"bookmarks": {parent: {"updated_at": 30, "covers": []}, child: {"updated_at": 3}}})
        );
    }

    #[test]
    fn a_child_that_some_slice_never_read_begins_anew() {
        let (parent, child) = family();
        let states = [
            json!({"bookmarks": {parent: {"updated_at": 10, "covers": []}}}),
            json!({"bookmarks": {parent: {"updated_at": 20, "covers": []}, child: {"updated_at": 15}}}),
        ];
        assert_eq!(
            merged(&states).unwrap(),
            json!({"bookmarks": {parent: {"updated_at": 20, "covers": []}}})
        );
    }

    #[test]
    fn what_is_not_read_to_its_end_is_not_merged() {
        let (parent, _) = family();
        let whole = json!({"bookmarks": {parent: {"updated_at": 30}}});
        for unfinished in [
            json!({"updated_at": 20, "in_progress": true}),
            json!({"updated_at": 20, "resume": {"page": 1, "updated_at": 25}}),
        ] {
            let states = [whole.clone(), json!({"bookmarks": {parent: unfinished}})];
            let fault = merged(&states).unwrap_err();
            assert!(
                fault.starts_with(&format!("1: {parent} is not read to its end\nhint: ")),
                "{fault}"
            );
        }
        let in_milliseconds = json!({"bookmarks": {parent: {"updated_at": 1_763_800_000_000_i64}}});
        assert!(merged(&[whole, in_milliseconds]).is_err());
    }

    #[test]
    fn what_other_taps_remember_is_kept() {
        let states = [
            json!({"bookmarks": {"theirs": {"at": 1}}, "version": 1}),
            json!({"bookmarks": {"theirs": {"at": 2}}, "other": 3}),
        ];
        assert_eq!(
            merged(&states).unwrap(),
            json!({"bookmarks": {"theirs": {"at": 2}}, "version": 1, "other": 3})
        );
    }
}
