//! Recorded and published answers of the API, served as they are: every record of them lands through
//! the target, with validation on, byte for byte.
//!
//! They are not part of this repository: `INTERCOM_SHARED_DIR` names the directory whose `data` holds
//! `recordings/STREAM.jsonl` and `examples-by-version.jsonl`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use intercom_singer::internals::tap::streams::{
    self, Asked, Child, ChildAnswer, ChildSource, Stream,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::harness::{Tap, side_by_side};
use simulators::http::{Reply, Request, Server};
use simulators::workspace::{Settings, Workspace};

/// Records by their stream, as text; no two of a stream with the same key.
type Batch = BTreeMap<String, Vec<String>>;

#[derive(serde::Deserialize)]
struct Example<'a> {
    stream: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// The parent of all child records of a batch.
const PARENT: &str = "parent";
const UPDATED_AT: i64 = 1_700_000_000;

/// All recorded records, in as many batches as the same key comes at most. `None` where there are
/// none at hand.
fn batches() -> Option<Vec<Batch>> {
    let Some(shared) = std::env::var_os("INTERCOM_SHARED_DIR").map(PathBuf::from) else {
        eprintln!("skipped: INTERCOM_SHARED_DIR names no directory of recorded answers");
        return None;
    };
    let mut records: Vec<(String, String)> = Vec::new();
    for entry in fs::read_dir(shared.join("data/recordings")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "jsonl") {
            let stream = path.file_stem().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            records.extend(
                text.lines()
                    .map(|line| (stream.to_owned(), line.to_owned())),
            );
        }
    }
    let text = fs::read_to_string(shared.join("data/examples-by-version.jsonl")).unwrap();
    for line in text.lines() {
        let example: Example<'_> = serde_json::from_str(line).unwrap();
        records.push((example.stream, example.record.get().to_owned()));
    }
    let mut batches: Vec<Batch> = Vec::new();
    let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (stream, record) in records {
        let value: Value = serde_json::from_str(&record).unwrap();
        let key = &value[key_of(&stream)];
        if key.is_null() {
            eprintln!("left out: a record of {stream} without its key");
            continue;
        }
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let times = times.entry((stream.clone(), key)).or_default();
        if batches.len() == *times {
            batches.push(Batch::new());
        }
        batches[*times].entry(stream).or_default().push(record);
        *times += 1;
    }
    Some(batches)
}

fn key_of(name: &str) -> &'static str {
    let keys = streams::all().flat_map(|stream| {
        let children = stream.children.iter().map(|child| (child.name, child.key));
        std::iter::once((stream.name, stream.key)).chain(children)
    });
    let (_, key) = keys
        .into_iter()
        .find(|(stream, _)| *stream == name)
        .unwrap();
    key.last().unwrap()
}

fn list(records: &[String]) -> String {
    let count = records.len();
    let records = records.join(",");
    format!(r#"{{"type":"list","data":[{records}],"total_count":{count},"has_more":false}}"#)
}

/// A record of the stream that all child records of the batch belong to.
fn parent(stream: &Stream, batch: &Batch) -> Option<String> {
    let of_child = |child: &Child| batch.get(child.name).map_or(&[][..], Vec::as_slice);
    if !stream
        .children
        .iter()
        .any(|child| !of_child(child).is_empty())
    {
        return None;
    }
    let mut members = BTreeMap::from([
        (
            stream.key.last().unwrap().to_string(),
            json!(PARENT).to_string(),
        ),
        ("updated_at".to_owned(), UPDATED_AT.to_string()),
    ]);
    for child in stream.children {
        match &child.source {
            ChildSource::Inside(name) => {
                members.insert((*name).to_owned(), list(of_child(child)));
            }
            ChildSource::SameExport(_) => {}
            ChildSource::Request(request) => match request.asked {
                Asked::Always => {}
                Asked::IfSet(name) => {
                    members.insert(name.to_owned(), json!("x").to_string());
                }
                Asked::IfListed(name) => {
                    let unlisted = json!({"data": [], "total_count": 1}).to_string();
                    members.entry(name.to_owned()).or_insert(unlisted);
                }
            },
        }
    }
    let members = members
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"));
    Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
}

fn answer(batch: &Batch, request: &Request) -> Reply {
    let path = request.path.split('?').next().unwrap();
    for stream in streams::all() {
        let own = stream.path.replace("{each}", "each");
        if own.split('?').next() == Some(path) {
            return Reply::json(200, page(stream, batch, request));
        }
    }
    for child in streams::all().flat_map(|stream| stream.children) {
        let ChildSource::Request(wanted) = &child.source else {
            continue;
        };
        let (before, after) = wanted.path.split_once("{id}").unwrap();
        let after = after.split('?').next().unwrap();
        let Some(id) = path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .filter(|id| !id.contains('/'))
        else {
            continue;
        };
        let records = batch.get(child.name).filter(|_| id == PARENT);
        let records = records.map_or(&[][..], Vec::as_slice);
        return match wanted.answer {
            ChildAnswer::Listed { at, .. } => {
                let (count, records) = (records.len(), records.join(","));
                let (holder, name) = at;
                let body = format!(
                    r#"{{"id":"{id}","{holder}":{{"{name}":[{records}],"total_count":{count}}}}}"#
                );
                Reply::json(200, body)
            }
            ChildAnswer::Pages => Reply::json(200, list(records)),
            _ => not_found(),
        };
    }
    not_found()
}

fn not_found() -> Reply {
    let body = r#"{"type":"error.list","errors":[{"code":"not_found"}]}"#;
    Reply::json(404, body)
}

/// The first page holds all.
fn page(stream: &Stream, batch: &Batch, request: &Request) -> String {
    let is_first = request.parameter("page").is_none_or(|page| page == "1")
        && request.parameter("scroll_param").is_none();
    let mut records = batch.get(stream.name).cloned().unwrap_or_default();
    records.extend(parent(stream, batch));
    let count = records.len();
    if !is_first {
        records.clear();
    }
    format!(
        r#"{{"type":"list","{}":[{}],"total_count":{count},"scroll_param":"s","pages":{{"type":"pages","page":1,"per_page":150,"total_pages":1,"next":null}}}}"#,
        stream.records_at,
        records.join(",")
    )
}

/// Lines of the files of each stream below a directory.
fn landed(directory: &std::path::Path) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for stream in fs::read_dir(directory).unwrap() {
        let stream = stream.unwrap().path();
        let mut open = vec![stream.clone()];
        let mut lines = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(
                    fs::read_dir(path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            } else {
                let text = fs::read_to_string(path).unwrap();
                lines.extend(text.lines().map(str::to_owned));
            }
        }
        let name = stream.file_name().unwrap().to_str().unwrap().to_owned();
        found.insert(name, lines);
    }
    found
}

#[test]
fn all_recorded_records_land_byte_for_byte_with_validation_on() {
    let Some(batches) = batches() else {
        return;
    };
    let own: BTreeSet<&str> = streams::all().map(|stream| stream.name).collect();
    let counted: usize = batches
        .iter()
        .flat_map(BTreeMap::values)
        .map(Vec::len)
        .sum();
    assert!(counted > 400, "{counted}");
    side_by_side(batches, |batch| {
        let names: Vec<&str> = batch.keys().map(String::as_str).collect();
        let material = batch.clone();
        let server = Server::start(move |request| answer(&material, request));
        let workspace = Workspace::start(Settings::default());
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("target.json");
        let lake = directory.path().join("lake");
        fs::write(&config, json!({"destination": lake}).to_string()).unwrap();
        let program = Tap::of(&workspace)
            .set("base_url", server.base_url())
            .set("start_date", "2012-01-01")
            .set("custom_object_types", json!(["each"]))
            .streams(&names);
        let mut tap = program.command(None).spawn().unwrap();
        let target = Command::new(env!("CARGO_BIN_EXE_target-gcs"))
            .arg("--config")
            .arg(&config)
            .stdin(tap.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let tap = tap.wait_with_output().unwrap();
        let target = target.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&tap.stderr).into_owned();
        assert!(tap.status.success(), "{log}");
        assert!(
            target.status.success(),
            "{}",
            String::from_utf8_lossy(&target.stderr)
        );
        let landed = landed(&lake);
        for (stream, records) in &batch {
            let none = Vec::new();
            let lines = landed.get(stream).unwrap_or(&none);
            for record in records {
                let is_there = if own.contains(stream.as_str()) {
                    lines.contains(record)
                } else {
                    // What it says of its parent comes last.
                    let start = record.strip_suffix('}').unwrap();
                    lines.iter().any(|line| line.starts_with(start))
                };
                assert!(is_there, "{log}\n{stream}: {record} is missing");
            }
        }
    });
}
