//! `--report`: one document at the end of every run.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};
use simulators::gcs::{Fault, Gcs, Kind};

use crate::harness::{Run, Target, record, schema, state};

/// Runs it on an input, and gives its report too.
fn run(target: &Target, input: &str) -> (Run, Value) {
    let path = target.folder.path().join("report.json");
    let mut command = target.command();
    command.arg("--report").arg(&path);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let run = child.wait_with_output().unwrap().into();
    let report = fs::read_to_string(path).unwrap_or_default();
    (run, serde_json::from_str(&report).unwrap_or_default())
}

fn input() -> String {
    schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 })) + &schema("s")
}

#[test]
fn a_good_run_tells_what_it_has_stored() {
    let target = Target::local();
    let (done, report) = run(&target, &input());
    done.succeeded();
    assert_eq!(
        (&report["exit_code"], &report["error"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        report["streams"],
        json!({ "s": { "records": 1, "invalid_records": 0, "schemas": 2, "files": 1, "bytes": 9 } })
    );
    let place = report["files"][0]["place"].as_str().unwrap();
    assert_eq!(fs::read_to_string(place).unwrap(), "{\"id\":1}\n");
    assert_eq!(report["state_before"], json!({}));
    let after = json!({ "bookmarks": { "s": { "at": 1 } } });
    assert_eq!(report["state_after"], after);
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(report["program"], "target-gcs");
    let (_, report) = run(&target, "");
    assert_eq!(
        (&report["state_before"], &report["state_after"]),
        (&after, &after)
    );
    assert_eq!(report["streams"], json!({}));
}

#[test]
fn a_failed_run_tells_why_and_what_is_stored_all_the_same() {
    let target = Target::local();
    let (failed, report) = run(
        &target,
        &(input() + &record("s", json!({ "id": 2 })) + "torn"),
    );
    failed.failed(1);
    assert_eq!(report["exit_code"], 1);
    assert!(
        report["error"].as_str().unwrap().starts_with("line 6: "),
        "{report}"
    );
    assert!(report["hint"].is_string());
    assert_eq!(report["streams"]["s"]["records"], 2);
    assert_eq!(report["streams"]["s"]["bytes"], 9);
    assert_eq!(report["state_after"]["bookmarks"]["s"]["at"], 1);
    assert_eq!(report["storage"]["requests"], 0);
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::Start, "s/", 1, Fault::Refuse("forbidden"));
    let (failed, report) = run(&Target::gcs(&service), &input());
    failed.failed(1);
    assert!(
        report["error"].as_str().unwrap().contains("403"),
        "{report}"
    );
    assert_eq!(
        (&report["files"], &report["state_after"]),
        (&json!([]), &json!({}))
    );
    assert!(report["storage"]["requests"].as_u64().unwrap() > 2);
}

#[test]
fn what_a_service_was_asked_again_is_counted() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::Start, "s/", 2, Fault::Status(503));
    let (done, report) = run(&Target::gcs(&service), &input());
    done.succeeded();
    assert_eq!(report["storage"]["retries"], 2, "{report}");
    assert!(report["storage"]["retry_wait_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_run_that_never_began_has_a_report_too() {
    let target = Target::local().with("max_file_bytes", "much");
    let (failed, report) = run(&target, "");
    failed.failed(2);
    assert_eq!(report["exit_code"], 2);
    assert!(
        report["error"].as_str().unwrap().contains("max_file_bytes"),
        "{report}"
    );
}

#[cfg(unix)]
#[test]
fn a_stopped_run_tells_the_signal() {
    let target = Target::local().with("flush_interval_seconds", 0);
    let path = target.folder.path().join("report.json");
    let mut command = target.command();
    command.arg("--report").arg(&path).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input().as_bytes()).unwrap();
    // It hears signals by the time that it has stored something.
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    crate::signals::send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(stdin);
    let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(
        (&report["exit_code"], &report["error"]),
        (&json!(143), &json!("stopped by SIGTERM"))
    );
    assert_eq!(report["state_after"]["bookmarks"]["s"]["at"], 1);
}

#[test]
fn a_report_that_can_t_be_written_is_told_before_anything_is_done() {
    let target = Target::local();
    for path in ["missing/report.json", "."] {
        let mut command = target.command();
        command.args(["--report", path]).stdin(Stdio::null());
        let run: Run = command.output().unwrap().into();
        assert!(run.failed(2).contains("the report "), "{}", run.stderr);
        assert!(target.files().is_empty());
    }
}
