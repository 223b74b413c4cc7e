//! What the API keeps beside its main records, under paths of its own: each stream by its ids, and
//! what a run does where the version or the plan lacks one.

use serde_json::{Value, json};

use crate::further_lists::assert_valid;
use crate::harness::{Ids, Run, Tap, assert_same, assert_whole, side_by_side};
use simulators::workspace::{Fault, Settings, When, Workspace, now};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 70,
        conversations: 40,
        articles: 25,
        companies: 45,
        long_lists_every: 10,
        ..Settings::default()
    })
}

/// Streams that are read along with others, and those others.
const CHILDREN: [(&str, &str); 12] = [
    ("contact_subscriptions", "contacts"),
    ("contact_events", "contacts"),
    ("contact_event_summaries", "contacts"),
    ("contact_merges", "contacts"),
    ("side_conversations", "conversations"),
    ("side_conversation_parts", "conversations"),
    ("handling_events", "conversations"),
    ("fin_voice_calls", "conversations"),
    ("company_notes", "companies"),
    ("article_statistics", "articles"),
    ("article_drafts", "articles"),
    ("article_version_bodies", "articles"),
];

/// Children of lists that every run reads anew.
const OF_LISTS: [&str; 4] = [
    "office_hours_exceptions",
    "help_center_redirects",
    "newsfeed_items",
    "data_connector_executions",
];

#[track_caller]
fn assert_read_once(workspace: &Workspace, run: &Run, stream: &str) {
    assert_whole(workspace, [run], &[stream]);
    assert_eq!(run.repeated(stream), 0, "{stream}");
    assert!(!run.ids(stream).is_empty(), "{stream}");
    assert_valid(run);
}

#[test]
fn each_child_is_read_whole_and_then_only_of_what_changed() {
    side_by_side(CHILDREN, |(stream, parent)| {
        let workspace = workspace();
        let tap = Tap::of(&workspace).streams(&[stream]);
        let first = tap.run().ok();
        assert_read_once(&workspace, &first, stream);
        assert_eq!(first.schemas.len(), 1, "{stream}");
        let unchanged = tap.run_from(&first.state()).ok();
        assert!(unchanged.records.is_empty(), "{:?}", unchanged.records);

        let parents = workspace.ids(parent);
        for id in &parents {
            workspace.touch(parent, id, now());
        }
        let changed = tap.run_from(&first.state()).ok();
        assert_read_once(&workspace, &changed, stream);
    });
}

#[test]
fn children_of_lists_are_read_whole_by_each_run() {
    side_by_side(OF_LISTS, |stream| {
        let workspace = workspace();
        let tap = Tap::of(&workspace).streams(&[stream]);
        let first = tap.run().ok();
        assert_read_once(&workspace, &first, stream);
        assert_read_once(&workspace, &tap.run_from(&first.state()).ok(), stream);
    });
}

#[test]
fn parts_of_side_conversations_name_both_conversations() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .streams(&["side_conversations", "side_conversation_parts"])
        .run()
        .ok();
    let mut held = Ids::new();
    for side in run.of_stream("side_conversations") {
        let side = side.value();
        for part in side["conversation_parts"].as_array().unwrap() {
            held.insert(format!(
                "{} {} {}",
                side["conversation_id"], side["side_conversation_id"], part["id"]
            ));
        }
    }
    let parts = run.of_stream("side_conversation_parts");
    let parts = parts.map(crate::harness::Record::value).map(|part| {
        format!(
            "{} {} {}",
            part["conversation_id"], part["side_conversation_id"], part["id"]
        )
    });
    assert_same("side_conversation_parts", &held, &parts.collect());
}

#[test]
fn the_token_goes_to_no_host_that_a_next_page_names() {
    let workspace = workspace();
    let run = Tap::of(&workspace).streams(&["contact_events"]).run().ok();
    assert_read_once(&workspace, &run, "contact_events");
    let pages = workspace.requests_to("/events");
    let further = pages
        .iter()
        .filter(|request| request.query.iter().any(|(name, _)| name == "before"));
    assert!(further.count() > 0);
}

#[test]
fn executions_are_asked_for_from_the_start_date_on() {
    let workspace = workspace();
    let tap = Tap::of(&workspace)
        .set("start_date", "2026-01-01")
        .streams(&["data_connector_executions"]);
    let _ = tap.run().ok();
    let requests = workspace.requests_to("/data_connectors/1/execution_results");
    let start = json!(["start_ts", "1767225600"]);
    assert!(requests.iter().all(|request| {
        let query = json!(request.query);
        query.as_array().unwrap().contains(&start)
    }));
    assert_eq!(requests.len(), 2);
}

#[test]
fn what_the_version_lacks_is_named_and_its_history_comes_later() {
    let workspace = workspace();
    for id in workspace.ids("conversations") {
        let path = format!("/conversations/{id}/handling_events");
        workspace.inject(Fault::status(&path, When::Always, 404));
    }
    let tap = Tap::of(&workspace).streams(&["brands", "handling_events", "ip_allowlist"]);
    let run = tap.run().exited(1);
    let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
    assert!(summary.contains("handling_events: "), "{summary}");
    assert!(summary.contains("version"), "{summary}");
    assert_whole(&workspace, [&run], &["brands", "ip_allowlist"]);

    workspace.clear_faults();
    let later = tap.run_from(&run.state()).ok();
    assert_read_once(&workspace, &later, "handling_events");
}

#[test]
fn where_no_parent_has_one_that_is_told() {
    let workspace = workspace();
    workspace.inject(Fault::status("/fin_voice", When::Always, 404));
    let run = Tap::of(&workspace).streams(&["fin_voice_calls"]).run().ok();
    assert!(run.records.is_empty());
    assert!(
        run.stderr.contains("has any fin_voice_calls"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_teammate_who_is_not_named_leaves_the_key_complete() {
    let workspace = workspace();
    workspace.rewrite(|request, body| {
        if !request.path.ends_with("/handling_events") {
            return body;
        }
        br#"{"handling_events":[{"type":"paused","timestamp":"2026-01-09T09:00:00Z"}]}"#.to_vec()
    });
    let run = Tap::of(&workspace).streams(&["handling_events"]).run().ok();
    assert_eq!(run.ids("handling_events").len(), 40);
    let event: Value = run.of_stream("handling_events").next().unwrap().value();
    assert_eq!(event["teammate_id"], "");
}
