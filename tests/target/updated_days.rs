//! Files by the days on which records were updated: whose they are, how many are open, what is kept of
//! them after a fault or a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};

use serde_json::{Value, json};
use simulators::gcs::Gcs;

use crate::harness::{Target, record, state};

const TEMPLATE: &str =
    "{stream}/y={updated_year}/m={updated_month}/d={updated_day}/{stream}_{timestamp}.json";
const NO_DAY: &str =
    "y=__HIVE_DEFAULT_PARTITION__/m=__HIVE_DEFAULT_PARTITION__/d=__HIVE_DEFAULT_PARTITION__";
/// 2026-01-01, in seconds.
const START: u64 = 1_767_225_600;
const DAY: u64 = 86_400;
/// Many more than may be open.
const DAYS: u64 = 12;
const MOST: u64 = 3;

type Files = BTreeMap<String, Vec<u8>>;

fn schema(stream: &str) -> String {
    let message = json!({
        "type": "SCHEMA", "stream": stream, "key_properties": ["id"],
        "bookmark_properties": ["updated_at"], "schema": { "properties": {} },
    });
    format!("{message}\n")
}

fn by_day(target: Target) -> Target {
    target
        .with("path_template", TEMPLATE)
        .with("max_open_files", MOST)
}

/// A version of each of `ids`, one a day, over and over.
fn versions(stream: &str, ids: std::ops::Range<u64>) -> String {
    let of = |id: u64| json!({ "id": id, "updated_at": START + id % DAYS * DAY + id });
    ids.map(|id| record(stream, of(id))).collect()
}

/// The ids and versions in each folder of a stream; every row is in the folder of its day.
fn rows(files: &Files, stream: &str) -> BTreeSet<(u64, u64)> {
    let mut rows = BTreeSet::new();
    for (name, content) in files {
        let Some(path) = name.strip_prefix(&format!("{stream}/")) else {
            continue;
        };
        for line in std::str::from_utf8(content).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let (id, version) = (
                row["id"].as_u64().unwrap(),
                row["updated_at"].as_u64().unwrap(),
            );
            let day = 1 + (version - START) / DAY;
            assert!(
                path.starts_with(&format!("y=2026/m=01/d={day:02}/{stream}_")),
                "{name} has {row}"
            );
            assert!(rows.insert((id, version)), "{row} is there twice");
        }
    }
    rows
}

fn expected(ids: std::ops::Range<u64>) -> BTreeSet<(u64, u64)> {
    ids.map(|id| (id, START + id % DAYS * DAY + id)).collect()
}

/// The names of a stream's files of each day.
fn files_of_days(files: &Files, stream: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in files.keys().filter(|name| name.starts_with(stream)) {
        let (folder, _) = name.rsplit_once('/').unwrap();
        *counts.entry(folder.to_owned()).or_default() += 1;
    }
    counts
}

fn stored(target: &Target, service: &Gcs) -> Files {
    match target.files() {
        files if files.is_empty() => service.objects(),
        files => files,
    }
}

#[test]
fn a_day_beyond_those_that_may_be_open_gets_a_further_file() {
    let service = Gcs::start("lake");
    for target in [Target::local(), Target::gcs(&service)] {
        let target = by_day(target);
        // Each round comes back to days whose files were finished meanwhile.
        let input = schema("a") + &schema("b") + &versions("a", 0..3 * DAYS) + &versions("b", 0..2);
        target
            .run(input + &state("a", json!({ "at": 1 })))
            .succeeded();
        let files = stored(&target, &service);
        assert_eq!(rows(&files, "a"), expected(0..3 * DAYS));
        assert_eq!(rows(&files, "b"), expected(0..2));
        let days = files_of_days(&files, "a/");
        assert_eq!(days.len() as u64, DAYS);
        assert!(days.values().all(|count| *count == 3), "{days:?}");
        // Another run writes over nothing.
        target
            .run(schema("a") + &versions("a", 36..40) + &state("a", json!({ "at": 2 })))
            .succeeded();
        let later = stored(&target, &service);
        for (name, content) in files.iter().filter(|(name, _)| !name.starts_with('_')) {
            assert_eq!(later.get(name), Some(content), "{name}");
        }
        assert_eq!(rows(&later, "a"), expected(0..40));
    }
}

#[test]
fn days_in_order_make_a_file_each_however_many_they_are() {
    let target = by_day(Target::local());
    let mut input = schema("a");
    for day in 0..DAYS {
        for turn in 0..5 {
            input += &versions("a", DAYS * turn + day..DAYS * turn + day + 1);
        }
        if day % 2 == 0 {
            input += &state("a", json!({ "at": day }));
        }
    }
    target.run(input).succeeded();
    let files = target.files();
    assert_eq!(rows(&files, "a"), expected(0..5 * DAYS));
    let days = files_of_days(&files, "a/");
    assert!(days.values().all(|count| *count == 1), "{days:?}");
    assert!(target.leftovers().is_empty());
    // What has been written is told by its names.
    let mut command = target.command();
    let told = command.args(["--status", "--format", "json"]).output();
    let told: Value = serde_json::from_slice(&told.unwrap().stdout).unwrap();
    assert_eq!(told["streams"][0]["files"], DAYS);
}

#[test]
fn records_without_a_day_have_a_folder_of_their_own() {
    let target = by_day(Target::local());
    let mut input = schema("a");
    let odd = [json!(null), json!(7), json!("soon"), json!([START])];
    for (id, value) in odd.iter().enumerate() {
        input += &record("a", json!({ "id": id, "updated_at": value }));
    }
    input += &record("a", json!({ "id": 4 }));
    input += &record(
        "a",
        json!({ "id": 5, "updated_at": "2026-01-02T23:30:00-01:00" }),
    );
    // Without a replication key there is nothing to tell days by.
    input += &schema("full").replace("\"updated_at\"", "");
    input += &record("full", json!({ "id": 6, "updated_at": START }));
    target.run(input).succeeded();
    let mut ids: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for (name, content) in target.files() {
        let (folder, _) = name.rsplit_once('/').unwrap();
        for line in std::str::from_utf8(&content).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let ids = ids.entry(folder.to_owned()).or_default();
            ids.insert(row["id"].as_u64().unwrap());
        }
    }
    let wanted = [
        (format!("a/{NO_DAY}"), BTreeSet::from([0, 1, 2, 3, 4])),
        ("a/y=2026/m=01/d=03".to_owned(), BTreeSet::from([5])),
        (format!("full/{NO_DAY}"), BTreeSet::from([6])),
    ];
    assert_eq!(ids, BTreeMap::from(wanted));
}

#[test]
fn a_fault_leaves_what_a_state_covers_of_every_day() {
    let service = Gcs::start("lake");
    for target in [Target::local(), Target::gcs(&service)] {
        let target = by_day(target);
        let input = schema("a")
            + &versions("a", 0..DAYS + 2)
            + &state("a", json!({ "at": 1 }))
            + &versions("a", DAYS + 2..3 * DAYS);
        target.run(input + "torn").failed(1);
        let files = stored(&target, &service);
        assert_eq!(rows(&files, "a"), expected(0..DAYS + 2));
        assert!(target.leftovers().is_empty());
        assert_eq!(service.open_sessions(), 0);
    }
}

#[test]
fn a_killed_run_has_every_day_that_its_states_cover() {
    for lines in 1..6 {
        let target = by_day(Target::local()).with("flush_interval_seconds", 0);
        let mut child = target.spawn();
        let mut stdin = child.stdin.take().unwrap();
        // Ends with the pipe alone: the process is killed at its work.
        let feeder = std::thread::spawn(move || {
            stdin.write_all(schema("a").as_bytes())?;
            for turn in 0.. {
                let ids = turn * 5..turn * 5 + 5;
                let input = versions("a", ids) + &state("a", turn);
                stdin.write_all(input.as_bytes())?;
            }
            std::io::Result::Ok(())
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let last = stdout.lines().take(lines).last().unwrap().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(feeder.join().unwrap().is_err());
        let last: Value = serde_json::from_str(&last).unwrap();
        let covered = last["bookmarks"]["a"].as_u64().unwrap();
        let rows = rows(&target.files(), "a");
        assert!(rows.is_superset(&expected(0..covered * 5 + 5)), "{covered}");
    }
}
