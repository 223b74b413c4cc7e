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
