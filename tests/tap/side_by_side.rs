//! Streams are read side by side: none waits for another, each keeps its own order, and one that fails
//! fails alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{STREAMS, Tap, assert_whole};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace};

fn settings() -> Settings {
    Settings {
        contacts: 300,
        conversations: 60,
        calls: 80,
        articles: 60,
        collections: 40,
        latency: Duration::from_millis(5),
        ..Settings::default()
    }
}

fn workspace() -> Workspace {
    Workspace::start(settings())
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("page_size", 20)
        .set("state_interval_seconds", 0)
}

#[test]
fn a_stream_that_waits_holds_no_other_back() {
    let workspace = workspace();
    let stall = FaultKind::Stall(Duration::from_secs(50));
    workspace.inject(Fault::new("/teams", When::Always, stall));
    let tap = tap(&workspace);
    let mut process = tap.start(None);
    let log = crate::kill::read_all(process.stderr.take().unwrap());
    let mut missing: BTreeSet<String> = STREAMS.map(str::to_owned).into();
    missing.remove("teams");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    // All others come to their end, which their bookmarks tell.
    let mut state = Value::Null;
    let is_read = |state: &Value, stream: &str| {
        let bookmark = &state["bookmarks"][stream];
        bookmark["updated_at"].is_number() && bookmark["in_progress"].is_null()
    };
    let incremental = ["contacts", "conversations", "calls", "articles"];
    while !missing.is_empty() || !incremental.iter().all(|stream| is_read(&state, stream)) {
        let Some(line) = lines.next() else {
            let log = String::from_utf8(log.join().unwrap()).unwrap();
            panic!("it lacks {missing:?}, {state} at the end of {log}");
        };
        let line = line.unwrap();
        let mut message: Value = serde_json::from_str(&line).unwrap();
        match message["stream"].as_str() {
            Some(stream) if message["type"] == "RECORD" => {
                missing.remove(stream);
            }
            Some(_) => {}
            None => state = message["value"].take(),
        }
    }
    assert_eq!(process.try_wait().unwrap(), None, "it still waits");
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn each_stream_keeps_its_order_and_its_states_stay_behind_its_records() {
    // No stream is through before the other begins, however busy the machine is, though pages of
    // lists go before what conversations lack.
    let workspace = Workspace::start(Settings {
        contacts: 8000,
        latency: Duration::from_millis(100),
        ..settings()
    });
    let run = tap(&workspace).set("concurrency", 8).run().ok();
    assert_whole(&workspace, [&run], &STREAMS);
    let mut lines_of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut newest = 0;
    for (number, line) in run.stdout.lines().enumerate() {
        let message: Value = serde_json::from_str(line).unwrap();
        let stream = message["stream"].as_str().unwrap_or_default();
        if message["type"] == "RECORD" {
            lines_of.entry(stream.to_owned()).or_default().push(number);
        }
        if stream == "conversations" {
            let updated_at = message["record"]["updated_at"].as_i64();
            assert!(updated_at.is_none() || updated_at >= Some(newest));
            newest = updated_at.unwrap_or(newest);
        }
        let bookmark = &message["value"]["bookmarks"]["conversations"]["updated_at"];
        assert!(bookmark.as_i64().unwrap_or_default() <= newest);
    }
    let reach = |stream: &str| {
        let lines = &lines_of[stream];
        lines[0]..lines[lines.len() - 1]
    };
    let (contacts, conversations) = (reach("contacts"), reach("conversations"));
    assert!(
        contacts.start < conversations.end && conversations.start < contacts.end,
        "{contacts:?} {conversations:?}"
    );
}

#[test]
fn a_stream_that_fails_fails_alone_and_is_named_in_the_order_of_the_streams() {
    let workspace = workspace();
    for path in ["/calls", "/tags", "/contacts/search"] {
        workspace.inject(Fault::status(path, When::Always, 403));
    }
    let run = tap(&workspace).run().exited(1);
    let others = [
        "admins",
        "teams",
        "conversations",
        "conversation_parts",
        "articles",
        "collections",
    ];
    assert_whole(&workspace, [&run], &others);
    let summary = run.stderr.rsplit("ERROR ").next().unwrap();
    let places = ["\n  tags: ", "\n  contacts: ", "\n  calls: "].map(|name| summary.find(name));
    assert!(places.iter().all(Option::is_some), "{summary}");
    assert!(places.is_sorted(), "{summary}");
    let second = tap(&workspace).run_from(&run.state()).exited(1);
    assert_eq!(second.state(), run.state());
    workspace.clear_faults();
    let third = tap(&workspace).run_from(&run.state()).ok();
    assert_whole(&workspace, [&run, &third], &STREAMS);
}

#[test]
fn each_stream_counts_its_own_requests() {
    let workspace = workspace();
    let run = tap(&workspace).run().ok();
    let mut counted = 0;
    for line in run.stderr.lines() {
        let Some(metric) = line.strip_prefix("INFO METRIC: ") else {
            continue;
        };
        let metric: Value = serde_json::from_str(metric).unwrap();
        if metric["metric"] == json!("http_request_count") {
            counted += metric["value"].as_u64().unwrap();
        }
    }
    assert_eq!(counted, workspace.total_requests());
}
