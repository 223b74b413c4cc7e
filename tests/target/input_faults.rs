//! Bad input and signals: what earlier STATEs cover is kept, the rest is not, and the exit code
//! says so. The same for a directory, a bucket and every compression.

use crate::harness::{Run, Target, data_by_stream, record, schema, state};
use serde_json::{Value, json};
use simulators::gcs::{Gcs, Kind};

/// A covered record, a state, an uncovered record, then the fault.
fn input_with(fault: &str) -> String {
    let strict = json!({
        "type": "SCHEMA", "stream": "s", "key_properties": ["id"],
        "schema": { "type": "object", "properties": {
            "id": { "type": "integer" }, "at": { "type": ["null", "string"], "format": "date-time" },
            "n": { "type": "number" },
        } },
    });
    format!("{strict}\n")
        + &record("s", json!({ "id": 1, "n": 5 }))
        + &state("s", json!({ "at": 1 }))
        + &record("s", json!({ "id": 2 }))
        + fault
}

#[track_caller]
fn keeps_what_is_covered(fault: impl AsRef<[u8]>) -> String {
    let target = Target::local();
    let run = target.run([input_with("").as_bytes(), fault.as_ref()].concat());
    let message = run.failed(1).to_owned();
    assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1,\"n\":5}\n");
    assert!(target.leftovers().is_empty());
    message.lines().next().unwrap().to_owned()
}

#[test]
fn faults_of_the_input() {
    let record_of =
        |record: &str| format!("{{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{record}}}\n");
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"RECORD\",\"str"), @"line 5: the input ends within a line (invalid message: EOF while parsing a string at column 21)");
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"RECORD\",}\n"), @"line 5: invalid message: trailing comma at column 18");
    insta::assert_snapshot!(keeps_what_is_covered("INFO not a message\n"), @"line 5: invalid message: not a JSON object");
    insta::assert_snapshot!(keeps_what_is_covered(b"{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{\"id\":2,\"t\":\"\xff\"}}\n"), @"line 5: invalid message: not UTF-8 at column 53");
    insta::assert_snapshot!(keeps_what_is_covered("{\"no\":\"type\"}\n"), @"line 5: invalid message: missing field `type`");
    insta::assert_snapshot!(keeps_what_is_covered(record("unknown", json!({ "id": 1 }))), @"line 5: stream unknown: RECORD before its SCHEMA");
    insta::assert_snapshot!(keeps_what_is_covered(record_of("{\"n\":{\"id\":1}}")), @"line 5: stream s: the record lacks the key property `id`");
    insta::assert_snapshot!(keeps_what_is_covered(record_of("[1]")), @"line 5: stream s: the record is not an object");
    insta::assert_snapshot!(keeps_what_is_covered(record_of("{\"id\":\"secret value\"}")), @r#"line 5: stream s: the record does not match the schema: /id: the value is not of type "integer""#);
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{\"type\":\"nothing\",\"properties\":{}},\"key_properties\":[]}\n"), @r#"line 5: stream t: the schema can't be used: /type: "nothing" is not valid under any of the schemas listed in the 'anyOf' keyword"#);
    insta::assert_snapshot!(
        keeps_what_is_covered("{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{\"type\":\"object\"},\"key_properties\":[]}\n"),
        @"line 5: stream t: the schema can't be used: it has no `properties`, and neither a key nor a record has come"
    );
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":7,\"key_properties\":[]}\n"), @"line 5: stream t: the schema can't be used: it is not an object");
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{\"properties\":{\"a\":{\"$ref\":\"https://example.com/s.json\"}}},\"key_properties\":[]}\n"), @r#"line 5: stream t: the schema can't be used: /properties/a/$ref: nothing in the schema is "https://example.com/s.json""#);
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"STATE\",\"value\":7}\n"), @"line 5: the value of a STATE must be an object");
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"BATCH\",\"stream\":\"s\",\"encoding\":{\"format\":\"jsonl\"},\"manifest\":[\"file:///nowhere\"]}\n"), @"line 5: stream s: file:///nowhere: No such file or directory (os error 2)");
    insta::assert_snapshot!(keeps_what_is_covered("{\"type\":\"BATCH\",\"stream\":\"s\",\"encoding\":{\"format\":\"parquet\"},\"manifest\":[\"file:///nowhere\"]}\n"), @r#"line 5: stream s: file:///nowhere: the format "parquet" is unknown; jsonl is known"#);
}

#[test]
fn a_fault_hints_at_what_happens_next() {
    let run = Target::local().run("{}\n");
    insta::assert_snapshot!(run.failed(1), @"
    line 1: invalid message: missing field `type`
    hint: what the STATE messages before it cover is stored; the rest is not, and comes again with the next run
    ");
}

#[test]
fn without_validation_keys_are_still_needed() {
    let target = Target::local().with("validate_records", false);
    let run = target.run(input_with(&record("s", json!({ "id": "text" }))));
    assert_eq!(run.succeeded().len(), 1);
    let run = target.run(input_with(&record("s", json!({ "x": 1 }))));
    assert!(run.failed(1).contains("lacks the key property `id`"));
}

#[test]
fn large_numbers_are_valid_numbers() {
    let target = Target::local();
    let line = r#"{"type":"RECORD","stream":"s","record":{"id":123456789012345678901234567890,"n":1e400}}"#;
    target.run(input_with(&format!("{line}\n"))).succeeded();
    assert!(
        data_by_stream(&target.files())["s"]
            .ends_with("{\"id\":123456789012345678901234567890,\"n\":1e400}\n")
    );
}

#[test]
fn a_changed_schema_holds_from_there_on() {
    let schema_of = |kind: &str| {
        let line = json!({
            "type": "SCHEMA", "stream": "s", "key_properties": [],
            "schema": { "properties": { "a": { "type": kind } } },
        });
        format!("{line}\n")
    };
    let target = Target::local();
    let input = schema_of("string")
        + &record("s", json!({ "a": "x" }))
        + &schema_of("integer")
        + &record("s", json!({ "a": 1 }));
    target.run(&input).succeeded();
    assert_eq!(target.files().len(), 1, "the same file goes on");
    let run = target.run(input + &record("s", json!({ "a": "x" })));
    assert!(run.failed(1).starts_with("line 5: stream s:"));
}

/// More than gathers in memory without a STATE, twice over.
fn large_rows(from: u32) -> String {
    (from..from + 24)
        .map(|id| record("s", json!({ "id": id, "text": "x".repeat(1_000_000) })))
        .collect()
}

#[test]
fn much_data_without_a_state_is_discarded_as_well() {
    for compression in ["none", "gzip", "zstd"] {
        let target = Target::local().with("compression", compression);
        let input = schema("s")
            + &large_rows(0)
            + &state("s", json!({ "at": 1 }))
            + &large_rows(100)
            + "{\"cut";
        let run = target.run(&input);
        run.failed(1);
        assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
        assert!(target.leftovers().is_empty());
        assert_eq!(ids(&target, compression), (0..24).collect::<Vec<_>>());
        // The next run repeats the rest, exactly once.
        let again = schema("s") + &large_rows(100) + &state("s", json!({ "at": 2 }));
        target.run(&again).succeeded();
        assert_eq!(
            ids(&target, compression),
            (0..24).chain(100..124).collect::<Vec<_>>()
        );
    }
}

fn ids(target: &Target, compression: &str) -> Vec<u64> {
    let mut ids = Vec::new();
    for (name, content) in target.files() {
        if name.starts_with("s/") {
            let text = match compression {
                "gzip" => {
                    std::io::read_to_string(flate2::read::GzDecoder::new(&content[..])).unwrap()
                }
                "zstd" => {
                    std::io::read_to_string(zstd::Decoder::new(&content[..]).unwrap()).unwrap()
                }
                _ => String::from_utf8(content).unwrap(),
            };
            let id = |line: &str| {
                serde_json::from_str::<Value>(line).unwrap()["id"]
                    .as_u64()
                    .unwrap()
            };
            ids.extend(text.lines().map(id));
        }
    }
    ids
}

#[test]
fn uncovered_uploads_are_cancelled() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let input = schema("s")
        + &large_rows(0)
        + &state("s", json!({ "at": 1 }))
        + &large_rows(100)
        + "{\"cut";
    let run = target.run(&input);
    run.failed(1);
    assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
    assert_eq!(service.open_sessions(), 0);
    assert!(
        service
            .log()
            .iter()
            .any(|request| request.kind == Kind::Cancel && request.status == 499)
    );
    let rows = data_by_stream(&service.objects())["s"].lines().count();
    assert_eq!(rows, 24);
}

fn stopped_by(signal: &str, target: &Target) -> Run {
    let mut feeding = target.start();
    feeding.feed(&input_with(""));
    feeding.wait_until_read();
    feeding.signal(signal);
    // The input stays open: the target must not wait for it.
    feeding.ends_by_itself()
}

#[test]
fn signals_keep_what_is_covered() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let target = Target::local();
        let run = stopped_by(signal, &target);
        run.failed(code);
        assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
        assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1,\"n\":5}\n");
        assert!(target.leftovers().is_empty());

        let service = Gcs::start("lake");
        let run = stopped_by(signal, &Target::gcs(&service));
        run.failed(code);
        assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
        assert_eq!(
            data_by_stream(&service.objects())["s"],
            "{\"id\":1,\"n\":5}\n"
        );
        assert_eq!(service.open_sessions(), 0);
    }
}

#[test]
fn an_input_without_a_state_is_kept_only_whole() {
    let input = schema("s") + &record("s", json!({ "id": 1 }));
    let target = Target::local();
    let run = target.run(&input);
    assert!(run.succeeded().is_empty());
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
    let target = Target::local();
    let run = target.run(input + "{");
    run.failed(1);
    assert_eq!(run.stdout, "");
    assert!(target.files().is_empty());
}

#[test]
fn wrong_usage_exits_with_2() {
    let run = Target::local()
        .with("path_template", "{stream}.json")
        .run("");
    insta::assert_snapshot!(run.failed(2), @"setting `path_template` must hold `{timestamp}`");
    let run = Target::local().with("compression", "lzma").run("");
    insta::assert_snapshot!(run.failed(2), @r#"setting `compression` is "lzma", but must be one of "none", "gzip", "zstd""#);
    let run = Target::local().with("max_file_bytes", 0).run("");
    insta::assert_snapshot!(run.failed(2), @"setting `max_file_bytes` is 0, but must be a whole number of at least 1");
}
