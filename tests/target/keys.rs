//! `--read-keys`: the newest version of every key, from a directory and from a bucket, and what can't be
//! read as one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};
use simulators::gcs::{Fault, Gcs, Kind};

use crate::harness::{Run, Target, record, schema, state};

fn read_keys(target: &Target, arguments: &[&str]) -> Run {
    let mut command = target.command();
    command.arg("--read-keys").args(arguments);
    command.output().unwrap().into()
}

/// The lines by stream and key.
fn keys(run: &Run) -> BTreeMap<(String, String), (Value, Value)> {
    let lines: Vec<Value> = run
        .succeeded()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = lines.len();
    let keys: BTreeMap<_, _> = lines
        .into_iter()
        .map(|line| {
            let stream = line["stream"].as_str().unwrap().to_owned();
            let found = (line["updated_at"].clone(), line["parts"].clone());
            ((stream, line["key"].to_string()), found)
        })
        .collect();
    assert_eq!(keys.len(), count, "each key once");
    keys
}

/// `a` and `b` in several versions over several runs, with parts of `a`.
fn load(target: &Target) {
    for run in 0..3_u64 {
        let mut input = schema("things") + &schema("thing_parts");
        for id in 0..50_u64 {
            // Of the last run's records some are older than what is there.
            let at = if run == 2 && id >= 25 {
                5
            } else {
                1_763_800_000 + run
            };
            let thing = json!({ "type": "thing", "id": format!("t{id}"), "updated_at": at });
            input += &record("things", thing);
            for part in 0..id % 3 + run.min(1) {
                let part = json!({
                    "id": format!("t{id}p{part}"), "updated_at": 7,
                    "thing_id": format!("t{id}"), "thing_updated_at": at,
                });
                input += &record("thing_parts", part);
            }
        }
        target
            .run(input + &state("things", json!({ "at": run })))
            .succeeded();
    }
}

fn assert_newest(run: &Run) {
    let keys = keys(run);
    let things = keys.iter().filter(|((stream, _), _)| stream == "things");
    let mut count = 0;
    for ((_, key), (updated_at, parts)) in things {
        let id: u64 = key.trim_matches('"')[1..].parse().unwrap();
        let newest = if id >= 25 { 1 } else { 2 };
        assert_eq!(*updated_at, json!(1_763_800_000 + newest), "{key}");
        assert_eq!(*parts, json!(id % 3 + 1), "{key}");
        count += 1;
    }
    assert_eq!(count, 50);
    let part = &keys[&("thing_parts".to_owned(), "\"t2p2\"".to_owned())];
    assert_eq!(*part, (json!(1_763_800_002), Value::Null));
}

#[test]
fn the_newest_version_of_every_key_is_told_with_its_parts() {
    for compression in ["none", "gzip", "zstd"] {
        let target = Target::local().with("compression", compression);
        load(&target);
        let before = target.files();
        assert_newest(&read_keys(&target, &[]));
        assert_eq!(target.files(), before);
    }
}

#[test]
fn a_bucket_is_read_piece_by_piece_whatever_fails() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service).with("compression", "gzip");
    load(&target);
    service.set_page_size(2);
    service.fail_object(2, Kind::Read, "things/", 1, Fault::Status(503));
    service.fail_object(3, Kind::Read, "things/", 1, Fault::CutBefore);
    assert_newest(&read_keys(&target, &[]));
    assert_eq!(service.faults_left(), 0);
    // An object of several pieces, one of which is damaged on its way.
    let many: String = (0..40_000_u64)
        .map(|id| record("s", json!({ "id": id, "text": "x".repeat(50) })))
        .collect();
    Target::gcs(&service).run(schema("s") + &many).succeeded();
    let plain = Target::gcs(&service);
    assert_eq!(keys(&read_keys(&plain, &["--stream", "s"])).len(), 40_000);
    service.fail_object(3, Kind::Read, "s/", 1, Fault::DamageReply);
    let run = read_keys(&plain, &["--stream", "s"]);
    assert!(run.failed(1).contains("damaged"), "{}", run.stderr);
}

#[test]
fn keys_that_records_don_t_tell_are_remembered_from_their_schema() {
    let target = Target::local();
    let schema = |key: &[&str], bookmark: &[&str]| {
        let message = json!({
            "type": "SCHEMA", "stream": "s", "key_properties": key, "bookmark_properties": bookmark,
            "schema": { "properties": { "id": {}, "group": {}, "at": {} } },
        });
        format!("{message}\n")
    };
    let mut input = schema(&["group", "id"], &["at"]);
    for (group, id, at) in [("a", 1, 1), ("b", 1, 2), ("a", 1, 3), ("b", 2, 2)] {
        input += &record("s", json!({ "id": id, "group": group, "at": at }));
    }
    target.run(input + &state("s", 1)).succeeded();
    let found = keys(&read_keys(&target, &[]));
    let found: Vec<(&str, &Value)> = found
        .iter()
        .map(|((_, key), (updated_at, _))| (key.as_str(), updated_at))
        .collect();
    assert_eq!(
        found,
        [
            (r#"["a",1]"#, &json!(3)),
            (r#"["b",1]"#, &json!(2)),
            (r#"["b",2]"#, &json!(2)),
        ]
    );
    // It is no part of the tap's state.
    assert_eq!(
        target.read_state(&[]).succeeded(),
        [r#"{"bookmarks":{"s":1}}"#]
    );
    // A stream whose key has become the usual one is as others are.
    let input = schema(&["id"], &[]) + &record("s", json!({ "id": 1 })) + &state("s", 2);
    target.run(input).succeeded();
    assert_eq!(keys(&read_keys(&target, &[])).len(), 2);
}

#[test]
fn what_is_torn_is_told_by_file_and_line_and_what_is_foreign_is_left_out() {
    let target = Target::local();
    let input: String = (0..5_u64)
        .map(|id| record("s", json!({ "id": id })))
        .collect();
    target.run(schema("s") + &input).succeeded();
    let name = target.files().into_keys().next().unwrap();
    let folder = target.lake().join(&name);
    let folder = folder.parent().unwrap();
    fs::write(folder.join("part-0.parquet"), b"PAR1\x00\xff").unwrap();
    fs::create_dir_all(target.lake().join("_invalid/s/year=2026")).unwrap();
    fs::write(target.lake().join("_invalid/s/year=2026/x.json"), "torn").unwrap();
    let run = read_keys(&target, &[]);
    assert_eq!(run.succeeded().len(), 5);
    assert!(
        run.stderr.contains("part-0.parquet is no data file"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("_invalid"), "{}", run.stderr);
    let torn = |content: &[u8], suffix: &str, word: &str| {
        let file = folder.join(format!("s_20200101T000000000000Z.json{suffix}"));
        fs::write(&file, content).unwrap();
        let run = read_keys(&target, &["--stream", "s"]);
        let message = run.failed(1);
        let place = format!("s_20200101T000000000000Z.json{suffix} {word}");
        assert!(message.contains(&place), "{message}");
        assert!(run.stdout.lines().count() >= 5, "{}", run.stdout);
        fs::remove_file(file).unwrap();
    };
    // The folder's date isn't looked at, only its form.
    torn(b"{\"id\":7}\n{\"id\":", "", "line 2: it ends within a line");
    torn(
        b"{\"id\":7}\n\n{\"id\":\n{\"id\":8}\n",
        "",
        "line 3: it is no JSON object",
    );
    torn(b"{\"id\":7}\n{\"other\":1}\n", "", "line 2: it has no `id`");
    torn(
        b"{\"id\":7}\n{\"id\":\"\xff\"}\n",
        "",
        "line 2: it is not UTF-8",
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"id\":7}\n").unwrap();
    let whole = gzip.finish().unwrap();
    torn(
        &whole[..whole.len() - 4],
        ".gz",
        "line 2: it can't be read on",
    );
    assert_eq!(read_keys(&target, &["--stream", "z"]).succeeded(), [""; 0]);
    assert!(read_keys(&target, &["--stream", "s,t"]).code == Some(0));
}

#[test]
fn memory_is_flat_in_the_number_of_keys() {
    let target = Target::local();
    let folder = target.lake().join("s/year=2026/month=01/day=01");
    fs::create_dir_all(&folder).unwrap();
    for file in 0..4_u64 {
        let mut rows = String::new();
        for row in 0..50_000_u64 {
            let id = file * 40_000 + row;
            writeln!(rows, "{{\"id\":\"{id:024}\",\"updated_at\":{file}}}").unwrap();
        }
        let name = format!("s_2026010{}T000000000000Z.json", file + 1);
        fs::write(folder.join(name), rows).unwrap();
    }
    let mut child = target
        .command()
        .arg("--read-keys")
        .stdout(fs::File::create(target.folder.path().join("keys")).unwrap())
        .spawn()
        .unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(crate::streams::memory_of(child.id()).unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let text = fs::read_to_string(target.folder.path().join("keys")).unwrap();
    assert_eq!(text.lines().count(), 170_000);
    assert!((1..64 * 1024).contains(&peak), "{peak} KiB");
}
