//! `--report`: one document at the end of every run.

use serde_json::{Value, json};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace};

use crate::harness::{Run, Tap};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 30,
        calls: 20,
        ..Settings::default()
    })
}

fn report_of(tap: Tap) -> (Run, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let run = tap
        .argument("--report")
        .argument(path.to_str().unwrap())
        .run();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    (run, serde_json::from_str(&text).unwrap_or_default())
}

#[test]
fn a_good_run_tells_what_it_has_read() {
    let workspace = workspace();
    let (run, report) = report_of(Tap::of(&workspace).streams(&["contacts", "calls"]));
    let run = run.ok();
    assert_eq!(
        (&report["exit_code"], &report["error"]),
        (&json!(0), &Value::Null)
    );
    let streams = &report["streams"];
    assert_eq!(streams["contacts"]["records"], 30);
    assert!(streams["contacts"]["requests"].as_u64().unwrap() > 0);
    assert_eq!(
        streams["call_transcriptions"]["records"],
        run.ids("call_transcriptions").len()
    );
    assert_eq!(report["state_before"], json!({}));
    assert_eq!(report["state_after"], run.state());
    assert_eq!(report["program"], "tap-intercom");
}

#[test]
fn a_failed_stream_is_told_with_its_reason() {
    let workspace = workspace();
    let refused = FaultKind::Status(403, "api_plan_restricted".into(), "not here".into());
    workspace.inject(Fault::new("/calls", When::Always, refused));
    let (run, report) = report_of(Tap::of(&workspace).streams(&["contacts", "calls"]));
    let run = run.exited(1);
    assert_eq!(report["exit_code"], 1);
    let streams = &report["streams"];
    assert!(
        streams["calls"]["failure"]
            .as_str()
            .unwrap()
            .contains("403"),
        "{report}"
    );
    assert_eq!(streams["contacts"]["failure"], Value::Null);
    assert_eq!(report["state_after"], run.state());
}

#[test]
fn a_run_that_never_began_and_one_whose_output_hung_have_reports_too() {
    let workspace = workspace();
    let (run, report) = report_of(Tap::of(&workspace).set("page_size", "many"));
    let _ = run.exited(2);
    assert_eq!(report["exit_code"], 2);
    assert!(
        report["error"].as_str().unwrap().contains("page_size"),
        "{report}"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let tap = Tap::of(&workspace)
        .argument("--report")
        .argument(path.to_str().unwrap());
    let mut process = tap.start(None);
    let _unread = process.stdout.take().unwrap();
    crate::stopping::wait_for(|| workspace.total_requests() > 3);
    let id = process.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .arg(id)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(process.wait().unwrap().code(), Some(143));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(
        (&report["exit_code"], &report["error"]),
        (&json!(143), &json!("stopped by SIGTERM"))
    );
}

#[test]
fn what_a_schema_took_in_is_counted() {
    let workspace = workspace();
    workspace.rewrite(|_, body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        for record in answer["data"].as_array_mut().unwrap() {
            record["location"] = json!("nowhere");
        }
        serde_json::to_vec(&answer).unwrap()
    });
    let (_, report) = report_of(Tap::of(&workspace).streams(&["contacts"]));
    assert_eq!(
        report["streams"]["contacts"]["schema_changes"], 1,
        "{report}"
    );
}
