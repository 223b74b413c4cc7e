//! `target-gcs` into a local directory: layout, bytes, files and their limits.

use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::harness::{Target, data_by_stream, normalised, record, schema, state};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

#[test]
fn records_and_state_take_the_layout_of_the_lake() {
    let target = Target::local();
    let input = schema("contacts")
        + &record("contacts", json!({ "id": 1 }))
        + &schema("tags")
        + &record("tags", json!({ "id": "a" }))
        + &record("contacts", json!({ "id": 2 }))
        + &state("contacts", json!({ "updated_at": 1_763_800_000 }));
    let run = target.run(input);
    assert_eq!(
        run.succeeded(),
        [r#"{"bookmarks":{"contacts":{"updated_at":1763800000}}}"#]
    );
    let names: Vec<String> = normalised(&target.files())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "_intercom_state/contacts_state.json",
            "contacts/year=0000/month=00/day=00/contacts_00000000T000000000000Z.json",
            "tags/year=0000/month=00/day=00/tags_00000000T000000000000Z.json",
        ]
    );
    let data = data_by_stream(&target.files());
    assert_eq!(data["contacts"], "{\"id\":1}\n{\"id\":2}\n");
    assert_eq!(data["tags"], "{\"id\":\"a\"}\n");
    let stored = &target.files()["_intercom_state/contacts_state.json"];
    insta::assert_snapshot!(str::from_utf8(stored).unwrap(), @r#"
    {
      "bookmarks": {
        "contacts": {
          "updated_at": 1763800000
        }
      }
    }
    "#);
    assert!(target.leftovers().is_empty());
}

#[test]
fn the_path_s_date_is_the_timestamp_s() {
    let target = Target::local();
    target
        .run(schema("tags") + &record("tags", json!({ "id": 1 })))
        .succeeded();
    let files = target.files();
    let name = files.keys().next().unwrap();
    let (folder, file) = name.rsplit_once('/').unwrap();
    let day: String = folder.chars().filter(char::is_ascii_digit).collect();
    assert!(file.starts_with(&format!("tags_{day}T")), "{name}");
}

#[test]
fn record_bytes_pass_through() {
    let target = Target::local();
    let rows = [
        r#"{"id":123456789012345678901234567890,"b":1e400,"a":1.10,"z":-0.0,"1E2":1E2}"#,
        r#"{ "id" : 1 , "s":"\u00e9\ud83d\ude00é😀\/","nested":{"b":[1.0,{}],"a":null}}"#,
    ];
    let mut input = schema("s");
    for row in rows {
        input += &format!("{{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{row}}}\n");
    }
    for validate in [true, false] {
        let target = Target::local().with("validate_records", validate);
        target.run(&input).succeeded();
        assert_eq!(data_by_stream(&target.files())["s"], rows.join("\n") + "\n");
    }
    drop(target);
}

#[test]
fn two_runs_add_up() {
    let target = Target::local();
    let input = |id: u32| {
        schema("s") + &record("s", json!({ "id": id })) + &state("s", json!({ "at": id }))
    };
    target.run(input(1)).succeeded();
    let after_first = target.files();
    target.run(input(2)).succeeded();
    let after_second = target.files();
    assert_eq!(after_second.len(), 3);
    for (name, content) in &after_first {
        if !name.starts_with("_intercom_state/") {
            assert_eq!(after_second[name], *content, "{name} stays as it was");
        }
    }
    assert_eq!(
        data_by_stream(&after_second)["s"],
        "{\"id\":1}\n{\"id\":2}\n"
    );
    assert_eq!(
        target.read_state(&[]).succeeded(),
        [r#"{"bookmarks":{"s":{"at":2}}}"#]
    );
}

#[test]
fn odd_stream_names_stay_in_the_destination() {
    let target = Target::local();
    let names = [
        "../../up",
        "..",
        "a/b",
        "test:Special!in?x",
        "with space",
        "ünï😀",
        "nul\0",
        "%2e",
    ];
    let mut input = String::new();
    for name in names {
        input += &(schema(name)
            + &record(name, json!({ "id": name }))
            + &state(name, json!({ "at": name })));
    }
    target.run(input).succeeded();
    let top: Vec<String> = fs::read_dir(target.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(top.len(), 2, "config.json and lake: {top:?}");
    let files = target.files();
    assert_eq!(
        files.len(),
        9,
        "a file a stream and one state: {:?}",
        files.keys()
    );
    assert!(files.keys().any(|name| name.starts_with("%2E%2E/year=")));
    assert!(
        files
            .keys()
            .any(|name| name.starts_with("%2E%2E%2F..%2Fup/year="))
    );
}

#[test]
fn a_full_file_is_followed_by_the_next() {
    let target = Target::local().with("max_file_bytes", 100);
    let mut input = schema("s");
    for id in 100..140 {
        input += &record("s", json!({ "id": id }));
    }
    let long = json!({ "id": "x".repeat(300) });
    input += &record("s", long.clone());
    input += &record("s", json!({ "id": 999 }));
    target.run(input).succeeded();
    let files = target.files();
    let sizes: Vec<usize> = files.values().map(Vec::len).collect();
    // 11 bytes a line: 9 lines a file, then the long line alone.
    assert_eq!(sizes, [99, 99, 99, 99, 44, 310, 11]);
    let all = data_by_stream(&files).remove("s").unwrap();
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 42);
    assert_eq!(lines[40], long.to_string());
}

#[test]
fn a_full_file_is_committed_at_the_next_state() {
    let target = Target::local().with("max_file_bytes", 1000);
    let mut child = target.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let big = record("s", json!({ "id": "x".repeat(2000) }));
    let input = schema("s") + &big + &state("s", json!({ "at": 1 }));
    stdin.write_all(input.as_bytes()).unwrap();
    // The state comes out while the input is still open.
    let mut line = [0; 29];
    child.stdout.take().unwrap().read_exact(&mut line).unwrap();
    assert_eq!(
        str::from_utf8(&line).unwrap().trim_end(),
        r#"{"bookmarks":{"s":{"at":1}}}"#
    );
    assert_eq!(target.files().len(), 2);
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn time_alone_commits() {
    let target = Target::local().with("flush_interval_seconds", 1);
    let mut child = target.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let input = schema("s")
        + &record("s", json!({ "id": 1 }))
        + &state("s", json!({ "at": 1 }))
        + &record("s", json!({ "id": 2 }));
    stdin.write_all(input.as_bytes()).unwrap();
    let started = Instant::now();
    let mut line = [0; 29];
    child.stdout.take().unwrap().read_exact(&mut line).unwrap();
    // Neither the end of the input nor the default of five minutes.
    assert!(started.elapsed() < Duration::from_mins(1));
    // Only what the state covers.
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(
        data_by_stream(&target.files())["s"],
        "{\"id\":1}\n{\"id\":2}\n"
    );
}

#[test]
fn compressed_files_unpack_to_the_same_lines() {
    let mut input = schema("s");
    let mut expected = String::new();
    for id in 0..50_000 {
        let row = json!({ "id": id, "text": "the same again and again" });
        expected += &format!("{row}\n");
        input += &record("s", row);
        if id % 1000 == 0 {
            input += &state("s", json!({ "at": id }));
        }
    }
    for (compression, suffix) in [("gzip", ".json.gz"), ("zstd", ".json.zst")] {
        let target = Target::local().with("compression", compression);
        target.run(&input).succeeded();
        let files = target.files();
        let (name, content) = files
            .iter()
            .find(|(name, _)| name.starts_with("s/"))
            .unwrap();
        assert!(name.ends_with(suffix), "{name}");
        let mut unpacked = String::new();
        if compression == "gzip" {
            GzDecoder::new(&content[..])
                .read_to_string(&mut unpacked)
                .unwrap();
        } else {
            zstd::Decoder::new(&content[..])
                .unwrap()
                .read_to_string(&mut unpacked)
                .unwrap();
        }
        assert!(unpacked == expected, "{compression}");
    }
}

#[test]
fn a_line_of_64_mib_passes() {
    let target = Target::local();
    let text = "x".repeat(64 * 1024 * 1024);
    let run = target.run(schema("s") + &record("s", json!({ "id": 1, "text": text })));
    run.succeeded();
    assert_eq!(
        target.files().values().next().unwrap().len(),
        text.len() + 19
    );
}

#[test]
fn record_metadata_is_appended() {
    let target = Target::local().with("add_record_metadata", true);
    let line = r#"{"type":"RECORD","stream":"s","record":{"id":1e2},"time_extracted":"2024-02-01T10:05:07.5Z","version":17}"#;
    target.run(schema("s") + line + "\n").succeeded();
    let data = data_by_stream(&target.files()).remove("s").unwrap();
    assert!(
        data.starts_with(
            r#"{"id":1e2,"_sdc_extracted_at":"2024-02-01T10:05:07.5Z","_sdc_received_at":"#
        ),
        "{data}"
    );
    let row: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(row["_sdc_table_version"], 17);
    assert_eq!(row["_sdc_deleted_at"], Value::Null);
    assert!(row["_sdc_batched_at"].as_str() <= row["_sdc_received_at"].as_str());
    assert!(row["_sdc_sequence"].as_i64().unwrap() > 1_700_000_000_000);
}

#[test]
fn batch_files_are_loaded() {
    let target = Target::local();
    let plain = target.folder.path().join("plain file.jsonl");
    fs::write(&plain, "{\"id\":1}\n\n{\"id\":2}").unwrap();
    let packed = target.folder.path().join("packed.jsonl.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        fs::File::create(&packed).unwrap(),
        flate2::Compression::fast(),
    );
    encoder.write_all(b"{\"id\":3}\n").unwrap();
    encoder.finish().unwrap();
    let message = |compression: Value, path: &str| {
        let line = json!({
            "type": "BATCH", "stream": "s", "manifest": [format!("file://{path}")],
            "encoding": { "format": "jsonl", "compression": compression },
        });
        format!("{line}\n")
    };
    let plain_url = plain.to_str().unwrap().replace(' ', "%20");
    let input = schema("s")
        + &message(Value::Null, &plain_url)
        + &message(json!("gzip"), packed.to_str().unwrap());
    target.run(input).succeeded();
    assert_eq!(
        data_by_stream(&target.files())["s"],
        "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"
    );
}

#[test]
fn messages_that_need_nothing_done() {
    let target = Target::local();
    let input = schema("s")
        + "{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"s\",\"version\":1}\n"
        + "{\"type\":\"LOG\",\"x\":1}\n\n{\"type\":\"LOG\",\"x\":2}\n"
        + &record("s", json!({ "id": 1 }));
    let run = target.run(input);
    run.succeeded();
    assert_eq!(
        run.stderr.matches("messages of type \"LOG\"").count(),
        1,
        "{}",
        run.stderr
    );
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
}

#[test]
fn input_comes_from_a_file_too() {
    let target = Target::local();
    let path = target.folder.path().join("messages.jsonl");
    // The last line lacks its line feed and is whole all the same.
    let text = schema("s") + &record("s", json!({ "id": 1 }));
    fs::write(&path, text.trim_end()).unwrap();
    let output = target.command().arg("--input").arg(&path).output().unwrap();
    assert!(output.status.success());
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
}

#[test]
fn a_killed_run_leaves_nothing_to_be_seen() {
    let target = Target::local();
    let mut child = target.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut input = schema("s") + &record("s", json!({ "id": "x".repeat(20_000_000) }));
    input += &state("s", json!({ "at": 1 }));
    stdin.write_all(input.as_bytes()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while target.leftovers().is_empty() {
        assert!(Instant::now() < deadline, "a temporary file appears");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(target.files().is_empty());
    let leftover = target.leftovers().remove(0);
    // Young leftovers may be another run's; old ones without a holder are removed.
    target.run("").succeeded();
    assert!(leftover.exists());
    let long_ago = std::time::SystemTime::now() - Duration::from_mins(5);
    fs::File::open(&leftover)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    target.run("").succeeded();
    assert!(!leftover.exists());
}
