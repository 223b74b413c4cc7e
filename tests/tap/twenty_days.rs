//! A workspace full of what can never be had, read again and again: everything else is complete, what
//! lacks is named and at last let go, and bookmarks move.

use std::cmp::Ordering;

use serde_json::json;

use crate::harness::{Ids, Run, Tap, assert_same, existing, union};
use crate::holes;
use crate::poison::{STREAMS, awaited, kinds, tap};
use simulators::workspace::{Fault, Settings, When, Workspace, now};

/// How long the runs go on, as far as what is awaited can tell.
const TWENTY_DAYS: i64 = 20 * 24 * 3600;

/// How long something is asked for again.
const SEVEN_DAYS: i64 = 7 * 24 * 3600;

/// So many runs in that time: 480 are one an hour.
fn runs_in_all() -> i64 {
    let runs = std::env::var("TWENTY_DAYS_RUNS");
    runs.map_or(30, |runs| runs.parse().unwrap())
}

/// Poisons a conversation, a call and a contact's list in each way; says how many in all.
fn poison(workspace: &Workspace) -> usize {
    let _ = tap(workspace).run().ok();
    let lists = workspace.requests_to("/contacts/");
    let lists = lists
        .iter()
        .filter(|request| request.path.ends_with("/tags"));
    let lists: Vec<String> = lists.map(|request| request.path.clone()).collect();
    let path = |format: &str, id: String| format.replace("{id}", &id);
    let conversations = workspace.ids("conversations").into_iter();
    let conversations = conversations.map(|id| path("/conversations/{id}", id));
    let calls = workspace.ids("call_transcriptions").into_iter();
    let calls = calls.map(|id| path("/calls/{id}/transcript", id));
    let mut poisoned = 0;
    for (paths, kinds) in [
        (conversations.collect::<Vec<_>>(), kinds()),
        (calls.collect(), kinds()),
        (lists, kinds()),
    ] {
        for (path, kind) in paths.iter().zip(kinds) {
            workspace.inject(Fault::new(path, When::Always, kind).exactly());
            poisoned += 1;
        }
    }
    poisoned
}

#[test]
fn twenty_days_over_a_workspace_with_one_poison_of_each_kind() {
    let begun = now() - 21 * 24 * 3600;
    let workspace = Workspace::start(Settings {
        base_time: Some(begun),
        contacts: 300,
        conversations: 30,
        calls: 30,
        long_lists_every: 4,
        ..Settings::default()
    });
    let tap = tap(&workspace);
    let poisoned = poison(&workspace);
    assert!(poisoned > 50, "{poisoned}");

    let apart = TWENTY_DAYS / runs_in_all();
    let mut state = json!({});
    let mut runs: Vec<Run> = Vec::new();
    let mut named = Vec::new();
    for number in 0..runs_in_all() {
        let mut added = Vec::new();
        for stream in ["contacts", "conversations", "calls"] {
            added.push((stream, workspace.add(stream, begun + number * apart)));
        }
        let run = tap.run_from(&state).ok();
        for (stream, id) in added {
            assert!(
                run.ids(stream).contains(&id),
                "{stream} {id} in run {number}"
            );
            let before = state["bookmarks"][stream]["updated_at"].as_i64();
            let bookmark = run.bookmark(stream)["updated_at"].as_i64();
            assert!(bookmark > before, "{stream}: {before:?} to {bookmark:?}");
        }
        if number == 0 {
            named = awaited(&run);
            assert_eq!(named.len(), poisoned);
        }
        // Seven days on, nothing of it is asked for any more.
        let holes = awaited(&run);
        match (number * apart).cmp(&SEVEN_DAYS) {
            Ordering::Less => assert_eq!(holes, named, "run {number}"),
            Ordering::Greater => assert_eq!(holes, [], "run {number}"),
            // It is a matter of seconds.
            Ordering::Equal => {}
        }
        state = run.state();
        for stream in ["contacts", "conversations", "calls"] {
            for entry in state["bookmarks"][stream]["awaited"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                entry["since"] = json!(entry["since"].as_i64().unwrap() - apart);
            }
        }
        runs.push(run);
    }
    let lacking = |stream: &str| -> Ids {
        let of = named.iter().filter(|(what, _)| what == stream);
        let ids = of.map(|(_, id)| id.clone());
        match stream {
            "conversation_parts" => ids
                .flat_map(|id| workspace.read(|data| data.part_ids_of(&id)))
                .collect(),
            _ => ids.collect(),
        }
    };
    for stream in STREAMS {
        let expected = existing(&workspace, stream);
        let expected = expected.difference(&lacking(stream)).cloned().collect();
        assert_same(stream, &expected, &union(&runs, stream));
    }
}

#[test]
fn twenty_days_over_searches_that_fail_for_one_record_each() {
    const STREAMS: [&str; 2] = ["contacts", "conversations"];
    let begun = now() - 21 * 24 * 3600;
    let workspace = Workspace::start(Settings {
        base_time: Some(begun),
        contacts: 200,
        conversations: 60,
        parts_per_conversation: 1,
        ..Settings::default()
    });
    let tap = Tap::of(&workspace)
        .set("page_size", 20)
        .set("max_attempts", 2)
        .streams(&STREAMS);
    let bad = STREAMS.map(|stream| {
        let id = workspace.ids(stream).into_iter().nth(30).unwrap();
        holes::poison(&workspace, stream, &id, 500);
        id
    });
    let apart = TWENTY_DAYS / runs_in_all();
    let mut state = json!({});
    let mut runs: Vec<Run> = Vec::new();
    for number in 0..runs_in_all() {
        let added = STREAMS.map(|stream| workspace.add(stream, begun + number * apart));
        let run = tap.run_from(&state).ok();
        let mut next = run.state();
        for (stream, id) in STREAMS.iter().zip(added) {
            assert!(run.ids(stream).contains(&id), "{stream} in run {number}");
            let before = state["bookmarks"][stream]["updated_at"].as_i64();
            let bookmark = run.bookmark(stream)["updated_at"].as_i64();
            assert!(bookmark > before, "{stream}: {before:?} to {bookmark:?}");
            let named = holes::holes(&run, stream).len();
            match (number * apart).cmp(&SEVEN_DAYS) {
                Ordering::Less => assert_eq!(named, 1, "{stream} in run {number}"),
                Ordering::Greater => assert_eq!(named, 0, "{stream} in run {number}"),
                Ordering::Equal => {}
            }
            let entries = next["bookmarks"][stream]["holes"].as_array_mut();
            for entry in entries.into_iter().flatten() {
                entry["since"] = json!(entry["since"].as_i64().unwrap() - apart);
            }
        }
        state = next;
        runs.push(run);
    }
    for (stream, bad) in STREAMS.iter().zip(bad) {
        let mut expected = workspace.ids(stream);
        expected.remove(&bad);
        assert_same(stream, &expected, &union(&runs, stream));
    }
}
