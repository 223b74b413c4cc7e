//! A bookmark says whom it covers: streams and their children, read together and apart, in any order,
//! by any number of tasks.

use serde_json::{Value, json};

use crate::harness::{Ids, Run, Tap, assert_same, assert_whole, union};
use simulators::workspace::{CallTimestamps, Fault, FaultKind, Settings, When, Workspace, now};

const PARENTS: [(&str, &[&str]); 5] = [
    ("contacts", &["contact_notes", "contact_tags"]),
    ("conversations", &["conversation_parts"]),
    ("calls", &["call_transcriptions"]),
    ("articles", &["article_versions"]),
    ("tickets", &["ticket_parts"]),
];

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 120,
        conversations: 60,
        calls: 60,
        articles: 60,
        tickets: 60,
        long_lists_every: 20,
        call_timestamps: CallTimestamps::Integer,
        // Newer than the look-back are only the rows that a test changes.
        base_time: Some(now() - 5000),
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace, streams: &[&str]) -> Tap {
    Tap::of(workspace).set("page_size", 25).streams(streams)
}

/// Changes some rows of a parent; gives their ids.
fn change(workspace: &Workspace, parent: &str) -> Ids {
    let ids: Vec<String> = workspace.ids(parent).into_iter().step_by(7).collect();
    for id in &ids {
        workspace.touch(parent, id, now() - 700);
    }
    ids.into_iter().collect()
}

/// The parents of which a run emitted records of a child.
fn parents_of(run: &Run, parent: &str, child: &str) -> Ids {
    let name = match parent {
        "contacts" => "contact_id",
        "conversations" => "conversation_id",
        "calls" => "call_id",
        "articles" => "article_id",
        _ => "ticket_id",
    };
    let id = |value: &Value| match value {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    };
    run.of_stream(child)
        .map(|record| id(&record.value()[name]))
        .collect()
}

#[test]
fn a_child_read_in_a_task_of_its_own_moves_nobody_else() {
    let workspace = workspace();
    for (parent, children) in PARENTS {
        let child = children[0];
        let both = tap(&workspace, &[parent, child]).run().ok();
        let covered = both.bookmark(parent);
        assert!(
            covered["covers"]
                .as_array()
                .unwrap()
                .contains(&json!(child))
        );

        let changed = change(&workspace, parent);
        let alone = tap(&workspace, &[child]).run_from(&both.state()).ok();
        assert!(alone.ids(parent).is_empty());
        assert_eq!(alone.bookmark(parent), covered, "{parent}");
        let expected = &parents_of(&both, parent, child) & &changed;
        assert_same(child, &expected, &parents_of(&alone, parent, child));
        let own = alone.bookmark(child)["updated_at"].as_i64();
        assert!(own > covered["updated_at"].as_i64(), "{parent}");

        // What the child has is not emitted again, and what the parent lacks comes.
        let joined = tap(&workspace, &[parent, child])
            .run_from(&alone.state())
            .ok();
        assert_same(parent, &changed, &joined.ids(parent));
        assert_eq!(joined.ids(child), Ids::new(), "{parent}");
        assert_eq!(joined.bookmark(child), Value::Null, "{parent}");
        assert_eq!(joined.bookmark(parent)["covers"], covered["covers"]);
        let nothing = tap(&workspace, &[parent, child])
            .run_from(&joined.state())
            .ok();
        assert!(nothing.records.is_empty(), "{parent}");
        assert_eq!(nothing.state(), joined.state());
    }
}

#[test]
fn two_tasks_side_by_side_lose_nothing() {
    let workspace = workspace();
    for (parent, children) in PARENTS {
        let child = children[0];
        let (mut parents, mut alone) = (Vec::new(), Vec::new());
        let mut state = json!({});
        for _ in 0..3 {
            // A parent without the children that would come along, as a catalog says it.
            let run = only(&workspace, parent).run_from(&state).ok();
            state = run.state();
            parents.push(run);
            change(&workspace, parent);
            let run = tap(&workspace, &[child]).run_from(&state).ok();
            state = run.state();
            alone.push(run);
            workspace.add(parent, now() - 650);
        }
        let run = only(&workspace, parent).run_from(&state).ok();
        alone.push(tap(&workspace, &[child]).run_from(&run.state()).ok());
        parents.push(run);
        assert_same(parent, &workspace.ids(parent), &union(&parents, parent));
        assert_same(child, &workspace.ids(child), &union(&alone, child));
        crate::harness::assert_latest_of(&workspace, &parents, parent);
    }
}

/// What one has and the other never met is still to come for that other, though both stand at one place.
#[test]
fn a_row_that_a_joint_reading_did_not_meet_comes_for_those_who_lack_it() {
    let workspace = workspace();
    for (parent, children) in [PARENTS[1], PARENTS[2], PARENTS[4]] {
        let child = children[0];
        let both = tap(&workspace, &[parent, child]);
        let first = both.run().ok();
        let late = workspace.add(parent, now() - 300);
        let alone = only(&workspace, parent).run_from(&first.state()).ok();
        assert_same(parent, &[late.clone()].into(), &alone.ids(parent));

        workspace.change(|data| data.hide(parent, &late));
        let other = workspace.add(parent, now() - 250);
        let joined = both.run_from(&alone.state()).ok();
        assert_same(parent, &[other.clone()].into(), &joined.ids(parent));
        assert_same(child, &[other].into(), &parents_of(&joined, parent, child));
        assert_eq!(joined.bookmark(child), Value::Null, "{parent}");

        workspace.reveal(parent, &late);
        let last = both.run_from(&joined.state()).ok();
        assert_same(child, &[late].into(), &parents_of(&last, parent, child));
        let nothing = both.run_from(&last.state()).ok();
        assert!(nothing.records.is_empty(), "{parent}");
    }
}

/// The tap with nothing but that stream selected.
fn only(workspace: &Workspace, stream: &str) -> Tap {
    let catalog = json!({"streams": [{
        "tap_stream_id": stream,
        "stream": stream,
        "schema": null,
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
    }]});
    Tap::of(workspace).set("page_size", 25).catalog(&catalog)
}

#[test]
fn a_child_selected_later_brings_its_history() {
    let workspace = workspace();
    for (parent, children) in PARENTS {
        let child = children[0];
        let first = only(&workspace, parent).run().ok();
        assert_same(parent, &workspace.ids(parent), &first.ids(parent));
        assert_eq!(first.bookmark(parent)["covers"], json!([]), "{parent}");
        let changed = change(&workspace, parent);
        let second = tap(&workspace, &[parent, child])
            .run_from(&first.state())
            .ok();
        assert_same(parent, &changed, &second.ids(parent));
        assert_same(child, &workspace.ids(child), &second.ids(child));
        assert_eq!(second.bookmark(child), Value::Null, "{parent}");
        let third = tap(&workspace, &[parent, child])
            .run_from(&second.state())
            .ok();
        assert!(third.records.is_empty(), "{parent}: {:?}", third.records);
    }
}

#[test]
fn a_child_left_out_for_a_while_misses_nothing() {
    let workspace = workspace();
    for (parent, children) in PARENTS {
        let child = children[0];
        let both = tap(&workspace, &[parent, child]).run().ok();
        let changed = change(&workspace, parent);
        let without = only(&workspace, parent).run_from(&both.state()).ok();
        assert_same(parent, &changed, &without.ids(parent));
        assert_eq!(
            without.bookmark(child)["updated_at"],
            both.bookmark(parent)["updated_at"]
        );
        let again = tap(&workspace, &[parent, child])
            .run_from(&without.state())
            .ok();
        assert_eq!(again.ids(parent), Ids::new(), "{parent}");
        let expected = &parents_of(&both, parent, child) & &changed;
        assert_same(child, &expected, &parents_of(&again, parent, child));
    }
}

#[test]
fn an_older_state_covers_what_is_selected_by_default() {
    let workspace = workspace();
    let streams = ["contacts", "contact_notes", "conversations", "calls"];
    let first = tap(&workspace, &streams).run().ok();
    let mut state = first.state();
    for stream in ["contacts", "conversations", "calls"] {
        state["bookmarks"][stream]
            .as_object_mut()
            .unwrap()
            .remove("covers");
    }
    let second = tap(&workspace, &streams).run_from(&state).ok();
    for stream in [
        "contacts",
        "conversations",
        "conversation_parts",
        "calls",
        "call_transcriptions",
    ] {
        assert_eq!(second.ids(stream), Ids::new(), "{stream}");
    }
    let notes = workspace.ids("contact_notes");
    assert_same("contact_notes", &notes, &second.ids("contact_notes"));
}

#[test]
fn a_history_that_is_broken_off_goes_on_where_it_was() {
    let workspace = workspace();
    for (parent, children) in PARENTS {
        let child = children[0];
        let first = only(&workspace, parent).run().ok();
        let tap = tap(&workspace, &[parent, child]).set("state_interval_seconds", 0);
        let whole = tap.run_from(&first.state()).ok();
        let lines: Vec<&str> = whole.stdout.split_inclusive('\n').collect();
        for cut in [lines.len() / 4, lines.len() / 2, lines.len() - 1] {
            let kept = Run::of_stdout(lines[..cut].concat());
            let state = if kept.states.is_empty() {
                first.state()
            } else {
                kept.state()
            };
            let rest = tap.run_from(&state).ok();
            let found = union([&kept, &rest], child);
            assert_same(child, &workspace.ids(child), &found);
            assert_eq!(rest.ids(parent), Ids::new(), "{parent}");
        }
    }
}

#[test]
fn the_default_streams_need_no_bookmark_but_their_own() {
    let workspace = workspace();
    let run = Tap::of(&workspace).run().ok();
    assert_whole(
        &workspace,
        [&run],
        &["contacts", "conversations", "conversation_parts", "calls"],
    );
    let state = run.state();
    let mut names: Vec<&String> = state["bookmarks"].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["articles", "calls", "contacts", "conversations"]);
}

#[test]
fn a_child_given_up_stays_where_it_stood_until_it_may_be_had() {
    let workspace = workspace();
    let paths: Vec<String> = workspace
        .ids("contacts")
        .iter()
        .map(|id| format!("/contacts/{id}/notes"))
        .collect();
    let refusal = FaultKind::Status(403, "forbidden".into(), "no such scope".into());
    for path in &paths {
        let fault = Fault::new(path, When::Always, refusal.clone());
        workspace.inject(fault.exactly());
    }
    let tap = tap(&workspace, &["contacts", "contact_notes"]);
    let first = tap.run().exited(1);
    assert_whole(&workspace, [&first], &["contacts"]);
    let covers = first.bookmark("contacts")["covers"].clone();
    let covers = covers.as_array().unwrap();
    assert!(!covers.contains(&json!("contact_notes")), "{covers:?}");

    let changed = change(&workspace, "contacts");
    let second = tap.run_from(&first.state()).exited(1);
    assert_same("contacts", &changed, &second.ids("contacts"));
    assert_eq!(second.ids("contact_notes"), Ids::new());

    workspace.clear_faults();
    let third = tap.run_from(&second.state()).ok();
    assert_whole(&workspace, [&third], &["contact_notes"]);
    assert_eq!(third.ids("contacts"), Ids::new());
    assert_eq!(third.bookmark("contact_notes"), Value::Null);
    let covers = third.bookmark("contacts")["covers"].clone();
    assert!(covers.as_array().unwrap().contains(&json!("contact_notes")));
}

#[test]
fn what_a_child_read_alone_lacks_is_asked_for_once_it_stands_where_its_parent_does() {
    let workspace = workspace();
    let streams = ["conversations", "conversation_parts"];
    let whole = tap(&workspace, &streams).run().ok();
    let mut state = whole.state();
    let id = workspace.ids("conversations").into_iter().next().unwrap();
    // Two runs of one minute, the second of them of the child alone and in vain for one parent.
    let parent = &state["bookmarks"]["conversations"];
    let mut alone = json!({"updated_at": parent["updated_at"], "seen": parent["seen"]});
    let since = now() - 60;
    alone["awaited"] = json!([
        {"stream": "conversation_parts", "id": id, "updated_at": since, "since": since, "why": "status 500"},
    ]);
    state["bookmarks"]["conversation_parts"] = alone;
    let joined = tap(&workspace, &streams).run_from(&state).ok();
    let lacking: Ids = [id].into_iter().collect();
    let had = parents_of(&joined, "conversations", "conversation_parts");
    assert_same("conversation_parts", &lacking, &had);
    let bookmarks = joined.state()["bookmarks"].clone();
    assert_eq!(bookmarks.get("conversation_parts"), None);
    assert_eq!(bookmarks["conversations"].get("awaited"), None);
}
