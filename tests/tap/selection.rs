//! Which streams are read, and the ways of running that read nothing or little.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Run, STREAMS, Tap, assert_same, assert_whole};
use simulators::workspace::{Settings, Workspace};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 200,
        conversations: 20,
        calls: 30,
        articles: 10,
        collections: 10,
        ..Settings::default()
    })
}

/// A run without any configuration.
fn bare(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_tap-intercom"))
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn discovered() -> Value {
    serde_json::from_slice(&bare(&["--discover"]).stdout).unwrap()
}

fn selecting(streams: &[&str]) -> Value {
    let mut catalog = discovered();
    for entry in catalog["streams"].as_array_mut().unwrap() {
        let is_selected = streams.contains(&entry["tap_stream_id"].as_str().unwrap());
        entry["metadata"][0]["metadata"]["selected"] = json!(is_selected);
    }
    catalog
}

fn streams_of(run: &Run) -> Vec<&str> {
    let mut streams: Vec<&str> = run.schemas.keys().map(String::as_str).collect();
    streams.sort_by_key(|name| STREAMS.iter().position(|stream| stream == name));
    streams
}

#[test]
fn discovery_needs_no_configuration() {
    let output = bare(&["--discover"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let catalog: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = catalog["streams"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["metadata"][0]["metadata"]["selected-by-default"] == true)
        .map(|entry| entry["tap_stream_id"].as_str().unwrap())
        .collect();
    assert_eq!(names, STREAMS);
}

#[test]
fn a_discovered_catalog_reads_what_no_catalog_reads() {
    let workspace = workspace();
    let run = Tap::of(&workspace).catalog(&discovered()).run().ok();
    assert_whole(&workspace, [&run], &STREAMS);
    assert_eq!(streams_of(&run), STREAMS);
}

#[test]
fn only_selected_streams_are_asked_for() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .catalog(&selecting(&["contacts", "tags"]))
        .run()
        .ok();
    assert_whole(&workspace, [&run], &["contacts", "tags"]);
    assert_eq!(streams_of(&run), ["tags", "contacts"]);
    let others = workspace
        .requests()
        .iter()
        .filter(|request| !["/contacts/search", "/tags"].contains(&request.path.as_str()))
        .count();
    assert_eq!(others, 0);
}

#[test]
fn a_child_can_be_read_without_its_parent() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .catalog(&selecting(&["conversation_parts"]))
        .run()
        .ok();
    assert_whole(&workspace, [&run], &["conversation_parts"]);
    assert_eq!(streams_of(&run), ["conversation_parts"]);
    let named = Tap::of(&workspace)
        .streams(&["call_transcriptions"])
        .run()
        .ok();
    assert_whole(&workspace, [&named], &["call_transcriptions"]);
    assert_eq!(streams_of(&named), ["call_transcriptions"]);
}

#[test]
fn a_parent_without_its_child_costs_no_detail_requests() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .catalog(&selecting(&["conversations", "calls"]))
        .run()
        .ok();
    assert_whole(&workspace, [&run], &["conversations", "calls"]);
    assert_eq!(streams_of(&run), ["conversations", "calls"]);
    let details = workspace
        .requests()
        .iter()
        .filter(|request| !["/conversations/search", "/calls"].contains(&request.path.as_str()))
        .count();
    assert_eq!(details, 0);
}

#[test]
fn named_streams_are_read_whatever_the_catalog_selects() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .catalog(&selecting(&["contacts"]))
        .streams(&["conversations", "articles"])
        .run()
        .ok();
    assert_eq!(
        streams_of(&run),
        ["conversations", "conversation_parts", "articles"]
    );
    assert_whole(
        &workspace,
        [&run],
        &["conversations", "conversation_parts", "articles"],
    );
}

#[test]
fn an_unknown_stream_is_refused() {
    let workspace = workspace();
    let run = Tap::of(&workspace).streams(&["contact"]).run().exited(2);
    insta::assert_snapshot!(run.stderr, @"
    ERROR there is no stream contact
    hint: did you mean contacts? `tap-intercom --discover` shows them all
    ");
    assert_eq!(workspace.requests().len(), 0);
}

#[test]
fn a_test_reads_one_record_of_each_stream() {
    let workspace = workspace();
    let run = Tap::of(&workspace).argument("--test").run().ok();
    assert_eq!(streams_of(&run), STREAMS);
    for stream in STREAMS {
        let count = run.of_stream(stream).count();
        // The first call may be one without a transcript.
        let least = usize::from(stream != "call_transcriptions");
        assert!((least..=1).contains(&count), "{count} {stream}");
    }
    assert_eq!(run.states.len(), 0);
    assert_eq!(workspace.count("/me"), 1);
    assert!(
        run.stderr
            .contains("the token is for workspace Simulated workspace (simulated, region US)"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_test_of_the_schemas_asks_for_nothing() {
    let workspace = workspace();
    let run = Tap::of(&workspace).argument("--test=schema").run().ok();
    assert_eq!(streams_of(&run), STREAMS);
    assert_eq!((run.records.len(), workspace.requests().len()), (0, 0));
}

#[test]
fn a_full_table_choice_passes_over_the_bookmark_and_keeps_it() {
    let workspace = workspace();
    let first = Tap::of(&workspace).run().ok();
    let mut catalog = selecting(&["contacts"]);
    for entry in catalog["streams"].as_array_mut().unwrap() {
        entry["metadata"][0]["metadata"]["replication-method"] = json!("FULL_TABLE");
    }
    let again = Tap::of(&workspace)
        .catalog(&catalog)
        .run_from(&first.state())
        .ok();
    assert_same(
        "contacts",
        &workspace.ids("contacts"),
        &again.ids("contacts"),
    );
    assert_eq!(again.state(), first.state());
}
