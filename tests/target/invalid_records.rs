//! Records and schemas that aren't as they should be: one of them doesn't stop a run that is told so,
//! and nothing of it is lost or hidden.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Run, Target, data_by_stream, record, state};
use simulators::gcs::Gcs;

fn numbers(key_properties: &[&str]) -> String {
    let line = json!({
        "type": "SCHEMA", "stream": "s", "key_properties": key_properties,
        "schema": { "properties": { "id": { "type": "integer" }, "n": { "type": "number" } }, "required": ["n"] },
    });
    format!("{line}\n")
}

fn row(record: &str) -> String {
    format!("{{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{record}}}\n")
}

/// Two good records, three bad ones, a STATE, then a good and a bad one that no STATE covers.
fn mixed() -> String {
    numbers(&["id"])
        + &row(r#"{"id":1,"n":1e2}"#)
        + "{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{\"id\": \"secret\", \"m\":1.50},\"version\":7,\"time_extracted\":\"2024-02-01T00:00:00Z\"}\n"
        + &row(r#"{"n":3}"#)
        + &row("[4]")
        + &row(r#"{"id":5,"n":5}"#)
        + &state("s", json!({ "at": 1 }))
        + &row(r#"{"id":6,"n":6}"#)
        + &row(r#"{"id":7}"#)
}

/// The lines of a stream's invalid records.
fn quarantined(files: &std::collections::BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, content) in files {
        if let Some(rest) = name.strip_prefix("_invalid/") {
            let parts: Vec<&str> = rest.split('/').collect();
            assert_eq!(parts.len(), 5, "{name}");
            assert!(
                parts[1].starts_with("year=") && parts[2].starts_with("month="),
                "{name}"
            );
            assert!(parts[4].starts_with(parts[0]), "{name}");
            lines.extend(
                std::str::from_utf8(content)
                    .unwrap()
                    .lines()
                    .map(str::to_owned),
            );
        }
    }
    lines
}

fn good_rows(files: &std::collections::BTreeMap<String, Vec<u8>>) -> String {
    let data = files
        .iter()
        .filter(|(name, _)| !name.starts_with("_invalid/"));
    data_by_stream(
        &data
            .map(|(name, content)| (name.clone(), content.clone()))
            .collect(),
    )
    .remove("s")
    .unwrap_or_default()
}

#[test]
fn by_default_an_invalid_record_ends_the_run() {
    let target = Target::local();
    let run = target.run(mixed());
    insta::assert_snapshot!(run.failed(1), @r#"
    line 3: stream s: the record does not match the schema: the record: "n" is a required property
    hint: the setting `on_invalid_record` can have such records put aside or kept (`quarantine`, `keep`), and `validate_records: false` doesn't hold them against their schema; what the STATE messages before it cover is stored; the rest is not, and comes again with the next run
    "#);
    assert!(target.files().is_empty());
}

#[test]
fn invalid_records_are_put_aside_with_what_is_wrong() {
    let service = Gcs::start("lake");
    let local = Target::local().with("on_invalid_record", "quarantine");
    let bucket = Target::gcs(&service).with("on_invalid_record", "quarantine");
    for target in [&local, &bucket] {
        let run = target.run(mixed());
        assert_eq!(run.succeeded(), ["{\"bookmarks\":{\"s\":{\"at\":1}}}"]);
        assert!(run.stderr.contains("stream s: 3 records"), "{}", run.stderr);
        assert!(
            run.stderr
                .contains("stream s: 4 invalid records came, which go to _invalid/s/"),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains(
                r#"{"type":"counter","metric":"invalid_records","value":4,"tags":{"stream":"s"}}"#
            ),
            "{}",
            run.stderr
        );
        assert_eq!(
            run.stderr.matches("does not match the schema").count(),
            1,
            "told once"
        );
    }
    let files = local.files();
    assert_eq!(
        good_rows(&files),
        "{\"id\":1,\"n\":1e2}\n{\"id\":5,\"n\":5}\n{\"id\":6,\"n\":6}\n"
    );
    insta::assert_snapshot!(quarantined(&files).join("\n"), @r#"
    {"type":"RECORD","stream":"s","record":{"id": "secret", "m":1.50},"time_extracted":"2024-02-01T00:00:00Z","version":7,"line":3,"errors":["the record: \"n\" is a required property","/id: the value is not of type \"integer\""]}
    {"type":"RECORD","stream":"s","record":{"n":3},"line":4,"errors":["the record lacks the key property `id`"]}
    {"type":"RECORD","stream":"s","record":[4],"line":5,"errors":["the record is not an object"]}
    {"type":"RECORD","stream":"s","record":{"id":7},"line":9,"errors":["the record: \"n\" is a required property"]}
    "#);
    assert_eq!(quarantined(&service.objects()), quarantined(&files));
}

#[test]
fn what_is_put_aside_is_covered_like_other_data() {
    let target = Target::local().with("on_invalid_record", "quarantine");
    let run = target.run(mixed() + "{\"cut");
    run.failed(1);
    assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
    let covered = |files: &std::collections::BTreeMap<String, Vec<u8>>| quarantined(files).len();
    assert_eq!(covered(&target.files()), 3, "the last one comes again");
    assert_eq!(
        good_rows(&target.files()),
        "{\"id\":1,\"n\":1e2}\n{\"id\":5,\"n\":5}\n"
    );
    // The next run repeats the rest once, and overwrites nothing.
    let again = numbers(&["id"]) + &row(r#"{"id":6,"n":6}"#) + &row(r#"{"id":7}"#);
    target.run(again).succeeded();
    assert_eq!(covered(&target.files()), 4);
}

#[test]
fn invalid_records_are_kept_where_that_is_wanted() {
    let target = Target::local().with("on_invalid_record", "keep");
    let run = target.run(mixed());
    run.succeeded();
    assert!(
        run.stderr
            .contains("stream s: 4 invalid records came, which are written like any other"),
        "{}",
        run.stderr
    );
    let expected = "{\"id\":1,\"n\":1e2}\n{\"id\": \"secret\", \"m\":1.50}\n{\"n\":3}\n[4]\n{\"id\":5,\"n\":5}\n{\"id\":6,\"n\":6}\n{\"id\":7}\n";
    assert_eq!(good_rows(&target.files()), expected);
}

#[test]
fn broken_json_is_no_invalid_record() {
    for choice in ["quarantine", "keep"] {
        let target = Target::local().with("on_invalid_record", choice);
        let run = target.run(numbers(&[]) + &row("{\"n\":NaN}"));
        assert!(
            run.failed(1).starts_with("line 2: invalid message: NaN"),
            "{}",
            run.stderr
        );
        assert!(target.files().is_empty());
    }
}

#[test]
fn records_of_a_batch_are_put_aside_too() {
    let target = Target::local().with("on_invalid_record", "quarantine");
    let file = target.folder.path().join("rows.jsonl");
    std::fs::write(&file, "\n{\"id\":1,\"n\":1}\n{\"id\":2}\n").unwrap();
    let url = format!("file://{}", file.display());
    let batch = json!({ "type": "BATCH", "stream": "s", "encoding": { "format": "jsonl" }, "manifest": [url] });
    target
        .run(numbers(&["id"]) + &format!("{batch}\n"))
        .succeeded();
    assert_eq!(good_rows(&target.files()), "{\"id\":1,\"n\":1}\n");
    let line: Value = serde_json::from_str(&quarantined(&target.files())[0]).unwrap();
    assert_eq!(
        (
            &line["line"],
            &line["batch_line"],
            &line["batch_file"],
            &line["record"]
        ),
        (&json!(2), &json!(3), &json!(url), &json!({ "id": 2 }))
    );
}

/// The command that the operations guide gives.
#[test]
fn what_was_put_aside_can_be_loaded() {
    let guide = include_str!("../../docs/operations.md");
    let (_, after) = guide
        .split_once("## Records that were put aside")
        .expect("its chapter");
    let (_, block) = after.split_once("```sh\n").expect("a command");
    let (command, _) = block.split_once("```").expect("its end");
    let target = Target::local().with("on_invalid_record", "quarantine");
    let input = mixed().replace("\"stream\":\"s\"", "\"stream\":\"contacts\"");
    target.run(input).succeeded();
    let folder = target.folder.path();
    std::fs::copy(folder.join("config.json"), folder.join("target.json")).unwrap();
    let command = command.replace(
        "target-gcs ",
        &format!("{} ", target.command().get_program().display()),
    );
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let run: Run = output.into();
    run.succeeded();
    let files = target.files();
    let data = files
        .iter()
        .filter(|(name, _)| !name.starts_with("_invalid/"));
    let data = data_by_stream(
        &data
            .map(|(name, content)| (name.clone(), content.clone()))
            .collect(),
    );
    for record in [
        "{\"id\": \"secret\", \"m\":1.50}\n",
        "{\"n\":3}\n",
        "{\"id\":7}\n",
    ] {
        assert!(
            data["contacts"].contains(record),
            "{record} {}",
            data["contacts"]
        );
    }
}

#[test]
fn no_schema_refuses_anything_with_validation_off() {
    let odd = [
        json!({ "properties": { "a": { "$ref": "#/components/schemas/Link" } } }),
        json!({ "properties": { "a": { "$ref": "https://example.com/schema.json" } } }),
        json!({ "properties": { "a": { "type": "any", "description": null } } }),
        json!({ "properties": { "a": { "type": ["string", "string"], "required": true } } }),
        json!({ "properties": { "a": { "pattern": "(?<name>a)(?'b'" } } }),
        json!({ "$schema": "https://example.com/our-own", "properties": {} }),
        json!({ "properties": { "a": { "multipleOf": 0 } } }),
        json!({ "properties": { "a": [] } }),
        json!({ "properties": null }),
        json!({ "type": "object" }),
        json!(null),
        json!("schema"),
        json!([1]),
    ];
    for schema in odd {
        let announced = format!(
            "{}\n",
            json!({ "type": "SCHEMA", "stream": "s", "key_properties": [], "schema": schema })
        );
        let input = announced.clone() + &row("{\"a\":1}") + &announced + &row("{\"a\":2}");
        let target = Target::local().with("validate_records", false);
        let run = target.run(&input);
        run.succeeded();
        assert_eq!(
            good_rows(&target.files()),
            "{\"a\":1}\n{\"a\":2}\n",
            "{schema}"
        );
        let is_usable = Target::local().run(&input).code == Some(0);
        let warnings = run.stderr.matches("the schema can't be used").count();
        assert_eq!(
            warnings,
            usize::from(!is_usable),
            "{schema}: {}",
            run.stderr
        );
    }
}

#[test]
fn schemas_that_say_little_load() {
    for (schema, keys) in [
        (json!({}), json!([])),
        (json!({ "type": "object" }), json!([])),
        (json!({ "type": "object" }), json!(["a"])),
        (json!(true), json!(null)),
        (
            json!({ "additionalProperties": { "type": "integer" } }),
            json!([]),
        ),
    ] {
        let announced =
            json!({ "type": "SCHEMA", "stream": "s", "key_properties": keys, "schema": schema });
        let target = Target::local();
        target
            .run(format!("{announced}\n") + &row("{\"a\":1}"))
            .succeeded();
        assert_eq!(good_rows(&target.files()), "{\"a\":1}\n");
    }
    // What is announced with nothing, and then doesn't come, was announced in error.
    let nothing = json!({ "type": "SCHEMA", "stream": "s", "key_properties": [], "schema": { "type": "object" } });
    let run = Target::local().run(format!("{nothing}\n"));
    assert!(
        run.failed(1)
            .starts_with("line 1: stream s: the schema can't be used: it has no `properties`")
    );
    let run = Target::local().run(format!("{nothing}\n") + &state("s", json!(1)));
    run.succeeded();
}

#[test]
fn an_unusable_schema_matters_once_there_is_a_record() {
    let odd = json!({ "type": "SCHEMA", "stream": "s", "key_properties": [], "schema": { "type": "text" } });
    let input = format!("{odd}\n") + &state("s", json!({ "at": 1 }));
    Target::local().run(&input).succeeded();
    let target = Target::local().with("on_invalid_record", "keep");
    let run = target.run(input + &row("{}"));
    assert!(
        run.failed(1)
            .starts_with("line 1: stream s: the schema can't be used: /type: "),
        "{}",
        run.stderr
    );
    assert!(run.failed(1).contains("`validate_records: false`"));
    assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
}

#[test]
fn hostile_schemas_end() {
    let definitions: serde_json::Map<String, Value> = (0..40)
        .map(|level| {
            let next = json!({ "$ref": format!("#/definitions/d{}", level + 1) });
            (format!("d{level}"), json!({ "allOf": [next, next] }))
        })
        .collect();
    let nested = json!({ "properties": { "a": { "$ref": "#/definitions/d0" } }, "definitions": definitions });
    let names: Vec<String> = (0..30_000)
        .map(|number| format!("property_{number}"))
        .collect();
    let object: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!(1))).collect();
    let announce = |schema: Value| {
        let line =
            json!({ "type": "SCHEMA", "stream": "s", "key_properties": [], "schema": schema });
        format!("{line}\n")
    };
    let run = Target::local().run(announce(nested) + &row("{\"a\":1}"));
    assert!(
        run.failed(1).starts_with(
            "line 1: stream s: the schema can't be used: /properties/a/$ref: it brings more schemas"
        ),
        "{}",
        run.stderr
    );
    let target = Target::local();
    target
        .run(announce(json!({ "required": names })) + &record("s", object))
        .succeeded();
    assert_eq!(good_rows(&target.files()).lines().count(), 1);
}
