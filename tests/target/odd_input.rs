//! Input that is nearly what it should be: told for what it is, and loaded where that loses nothing.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Target, data_by_stream, record, schema, state};

const COVERED: &str = "{\"bookmarks\":{\"s\":{\"at\":1}}}\n";

/// A covered record, a STATE, a record that nothing covers, and then that.
fn before(rest: &str) -> String {
    schema("s")
        + &record("s", json!({ "id": 1 }))
        + &state("s", json!({ "at": 1 }))
        + &record("s", json!({ "id": 2 }))
        + rest
}

#[test]
fn a_state_that_cannot_be_parsed_covers_nothing() {
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    for value in [
        r#"{"bookmarks":{"s":{"at":"\ud800"}}}"#,
        r#"{"bookmarks":{"\udc00":1}}"#,
        &format!("{{\"bookmarks\":{{\"s\":{deep}}}}}"),
        "[1]",
        "\"text\"",
        "NaN",
    ] {
        let line = format!("{{\"type\":\"STATE\",\"value\":{value}}}\n");
        let target = Target::local();
        let run = target.run(before(&line) + &state("s", json!({ "at": 9 })));
        assert!(run.failed(1).starts_with("line 5: "), "{}", run.stderr);
        assert_eq!(run.stdout, COVERED, "{value}");
        assert_eq!(
            data_by_stream(&target.files())["s"],
            "{\"id\":1}\n",
            "{value}"
        );
    }
    // Nor does one that is the first.
    let target = Target::local();
    let run =
        target.run(schema("s") + "{\"type\":\"STATE\",\"value\":{\"bookmarks\":\"\\udfff\"}}\n");
    assert!(
        run.failed(1)
            .starts_with("line 2: the value of the STATE can't be read: ")
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let target = Target::local();
    let run = target.run(format!("\u{feff}{}", before("")));
    run.succeeded();
    assert!(run.stderr.contains("byte order mark"), "{}", run.stderr);
    assert_eq!(
        data_by_stream(&target.files())["s"],
        "{\"id\":1}\n{\"id\":2}\n"
    );
    // Further on it is no beginning.
    let run = target.run(before("\u{feff}{}\n"));
    assert!(
        run.failed(1).starts_with("line 5: invalid message"),
        "{}",
        run.stderr
    );
}

#[test]
fn unknown_types_are_warned_of_once_whatever_they_hold() {
    let odd = [
        r#"{"type":"LOG","stream":{"name":"s"},"record":7,"value":[],"key_properties":{},"encoding":1}"#,
        r#"{"type":"LOG","stream":null,"stream":[1],"version":{},"manifest":"m"}"#,
        r#"{"stream":5,"\ud800":"\udc00","type":"PROFILE"}"#,
        "{\"type\":\"A \\u001b[31m type\"}",
    ];
    let target = Target::local();
    let run = target.run(odd.join("\n") + "\n" + &before(""));
    run.succeeded();
    assert_eq!(
        run.stderr.matches("are unknown and ignored").count(),
        3,
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("line 1: messages of type \"LOG\" are unknown and ignored")
    );
    assert!(!run.stderr.contains('\u{1b}'));
    assert_eq!(
        data_by_stream(&target.files())["s"],
        "{\"id\":1}\n{\"id\":2}\n"
    );
}

#[test]
fn halves_of_characters_pass_in_records() {
    let announced = r#"{"type":"SCHEMA","stream":"s","key_properties":["id","\ud83d"],"schema":{"properties":{
        "id":{"type":"string","minLength":1,"pattern":"^."},"v":{"enum":["\ud83d","x"]},"\ud83d":{"type":"integer"}},
        "required":["id","\ud83d"],"additionalProperties":false}}"#
        .replace('\n', "");
    let row =
        |record: &str| format!("{{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{record}}}\n");
    let good = r#"{"\ud83d":1,"v":"\ud83d","id":"\udc00"}"#;
    for metadata in [false, true] {
        let target = Target::local().with("add_record_metadata", metadata);
        target
            .run(announced.clone() + "\n" + &row(good))
            .succeeded();
        let stored = &data_by_stream(&target.files())["s"];
        assert!(
            stored.starts_with(good.strip_suffix('}').unwrap()),
            "{stored}"
        );
    }
    let run = Target::local()
        .run(announced.clone() + "\n" + &row(r#"{"\ud83d":1,"v":"y","id":"\udc00"}"#));
    assert!(
        run.failed(1)
            .starts_with("line 2: stream s: the record does not match the schema: /v: "),
        "{}",
        run.stderr
    );
    let run = Target::local().run(announced + "\n" + &row(r#"{"\ud83":1}"#));
    assert!(
        run.failed(1).starts_with("line 2: invalid message: "),
        "{}",
        run.stderr
    );
}

#[test]
fn a_line_may_be_as_long_as_the_setting_says() {
    let target = Target::local().with("max_line_bytes", 1000);
    let line = |length: usize| {
        let line = record("s", json!({ "id": 3, "text": "" }));
        let padding = "x".repeat(length + 1 - line.len());
        line.replace("\"\"", &format!("\"{padding}\""))
    };
    target.run(before(&line(1000))).succeeded();
    for (length, told) in [
        (1001, "1001 bytes"),
        (700_000, "700000 bytes"),
        (5_000_000, "5000000 bytes"),
    ] {
        let target = Target::local().with("max_line_bytes", 1000);
        let run = target.run(before(&line(length)) + &state("s", json!({ "at": 9 })));
        let fault = run.failed(1);
        assert!(
            fault.starts_with("line 5: the line is longer than `max_line_bytes` (1000): "),
            "{fault}"
        );
        assert!(fault.contains(told), "{fault}");
        assert_eq!(run.stdout, COVERED);
        assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
    }
    let run = Target::local().with("max_line_bytes", 0).run("");
    insta::assert_snapshot!(run.failed(2), @"setting `max_line_bytes` is 0, but must be a whole number of at least 1");
}

#[test]
fn a_line_without_end_takes_bounded_memory() {
    const LIMIT: u64 = 8 * 1024 * 1024;
    let target = Target::local().with("max_line_bytes", LIMIT);
    let mut child = target.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        stdin.write_all(before("{\"type\":\"").as_bytes()).unwrap();
        let piece = vec![b'x'; 1024 * 1024];
        let mut sent = 0;
        // The target closes the pipe when it has had enough.
        while stdin.write_all(&piece).is_ok() {
            sent += piece.len() as u64;
        }
        sent
    });
    let began = Instant::now();
    let run: crate::harness::Run = child.wait_with_output().unwrap().into();
    assert!(began.elapsed() < Duration::from_mins(1));
    assert!(
        run.failed(1).starts_with("line 5: the line is longer"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, COVERED);
    assert!(feeder.join().unwrap() <= 12 * LIMIT);
}

#[test]
fn records_nest_deeper_than_anything_looks() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let line =
        format!("{{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{{\"id\":1,\"a\":{deep}}}}}\n");
    let target = Target::local().with("validate_records", false);
    target.run(schema("s") + &line).succeeded();
    let run = Target::local().run(schema("s") + &line);
    assert!(
        run.failed(1).starts_with(
            "line 2: stream s: the record does not match the schema: the record: it nests deeper"
        ),
        "{}",
        run.stderr
    );
    let target = Target::local().with("on_invalid_record", "quarantine");
    target.run(schema("s") + &line).succeeded();
    assert_eq!(
        data_by_stream(&target.files()).keys().collect::<Vec<_>>(),
        ["_invalid"]
    );
}
