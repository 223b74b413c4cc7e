//! Comparing what was emitted with what is there, as sets of ids.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Ids, Run};
use simulators::workspace::Workspace;

/// The ids of a stream that any of the runs emitted.
pub fn union<'a>(runs: impl IntoIterator<Item = &'a Run>, stream: &str) -> Ids {
    runs.into_iter().flat_map(|run| run.ids(stream)).collect()
}

/// The ids of a stream that exist in the workspace.
pub fn existing(workspace: &Workspace, stream: &str) -> Ids {
    let numbered = |first: usize, path: &str, at: &str| {
        let served: Value = serde_json::from_str(&served(workspace, path)).unwrap();
        let ids: Ids = served[at]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(ids.contains(&first.to_string()));
        ids
    };
    match stream {
        "admins" => numbered(814_001, "/admins", "admins"),
        "teams" => numbered(501_001, "/teams", "teams"),
        "tags" => numbered(7_001, "/tags", "data"),
        stream => workspace.ids(stream),
    }
}

/// The body of an answer, as the workspace serves it.
pub fn served(workspace: &Workspace, path: &str) -> String {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let mut response = agent
        .get(format!("{}{path}", workspace.base_url()))
        .header("Authorization", format!("Bearer {}", workspace.token()))
        .call()
        .unwrap();
    response.body_mut().read_to_string().unwrap()
}

/// The runs together emitted every row of these streams, and nothing else.
#[track_caller]
pub fn assert_whole<'a>(
    workspace: &Workspace,
    runs: impl IntoIterator<Item = &'a Run>,
    streams: &[&str],
) {
    let runs: Vec<&Run> = runs.into_iter().collect();
    for stream in streams {
        let found = union(runs.iter().copied(), stream);
        assert_same(stream, &existing(workspace, stream), &found);
    }
}

/// The runs together emitted all of these ids.
#[track_caller]
pub fn assert_covers(stream: &str, expected: &Ids, found: &Ids) {
    let missing: Vec<_> = expected.difference(found).collect();
    assert!(
        missing.is_empty(),
        "{} of {} {stream} are missing: {:?}",
        missing.len(),
        expected.len(),
        &missing[..missing.len().min(10)]
    );
}

/// The same ids, or which are missing and which are too many.
#[track_caller]
pub fn assert_same(stream: &str, expected: &Ids, found: &Ids) {
    assert_covers(stream, expected, found);
    let surplus: Vec<_> = found.difference(expected).collect();
    assert!(
        surplus.is_empty(),
        "{} {stream} too many: {:?}",
        surplus.len(),
        &surplus[..surplus.len().min(10)]
    );
}

/// Of every row that exists, the version emitted last is the one that exists.
#[track_caller]
pub fn assert_latest<'a>(workspace: &Workspace, runs: impl IntoIterator<Item = &'a Run>) {
    let runs: Vec<&Run> = runs.into_iter().collect();
    for stream in ["contacts", "conversations", "calls", "articles"] {
        assert_latest_of(workspace, runs.iter().copied(), stream);
    }
}

/// The same for one stream.
#[track_caller]
pub fn assert_latest_of<'a>(
    workspace: &Workspace,
    runs: impl IntoIterator<Item = &'a Run>,
    stream: &str,
) {
    let mut emitted: BTreeMap<&str, &str> = BTreeMap::new();
    for run in runs {
        for record in run.of_stream(stream) {
            emitted.insert(&record.id, &record.json);
        }
    }
    let mut stale = Vec::new();
    for id in workspace.ids(stream) {
        let expected = workspace.updated_at(stream, &id);
        let record: Value = emitted
            .get(id.as_str())
            .map_or(Value::Null, |json| serde_json::from_str(json).unwrap());
        let milliseconds = 100_000_000_000;
        let updated_at = record["updated_at"].as_i64();
        let updated_at = updated_at.map(|at| if at < milliseconds { at } else { at / 1000 });
        if updated_at != Some(expected) {
            stale.push((id, record["updated_at"].clone(), expected));
        }
    }
    assert!(stale.is_empty(), "{stream} are stale or missing: {stale:?}");
}
