//! Datasets that only the workspace can name: in its catalog, and read by whatever names them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::exports::emitted;
use crate::harness::{Run, Tap};
use crate::reports::{expected, tap_of, workspace};
use simulators::workspace::{Fault, FaultKind, When, Workspace, now};

const DAY: i64 = 86_400;
/// A dataset, and the stream that it is.
const OWN: (&str, &str) = ("finUsage-2", "report_fin_usage_2");

fn with_own() -> Workspace {
    let workspace = workspace();
    workspace.reports(|reports| {
        reports.add_dataset(OWN.0);
        for number in 0..20i64 {
            reports.add(OWN.0, &format!("f{number}"), now() - number * 3 * DAY - 60);
        }
    });
    workspace
}

fn catalog_of(tap: &Tap) -> (Value, String) {
    let output = tap.command(None).output().unwrap();
    assert!(output.status.success());
    let catalog = serde_json::from_slice(&output.stdout).unwrap();
    (catalog, String::from_utf8(output.stderr).unwrap())
}

fn names(catalog: &Value) -> BTreeSet<&str> {
    let streams = catalog["streams"].as_array().unwrap();
    let names = streams.iter().map(|stream| &stream["tap_stream_id"]);
    names.map(|name| name.as_str().unwrap()).collect()
}

fn entry<'a>(catalog: &'a mut Value, name: &str) -> &'a mut Value {
    let mut streams = catalog["streams"].as_array_mut().unwrap().iter_mut();
    streams
        .find(|entry| entry["tap_stream_id"] == name)
        .unwrap()
}

#[track_caller]
fn assert_own(workspace: &Workspace, runs: &[&Run]) {
    let emitted = emitted(runs.iter().copied(), OWN.1);
    assert_eq!(emitted, expected(workspace, OWN.0, 80));
}

#[test]
fn a_catalog_that_is_discovered_with_a_token_has_the_workspaces_datasets_and_columns() {
    let workspace = with_own();
    let (mut catalog, _) = catalog_of(&Tap::of(&workspace).argument("--discover"));
    let (without, _) = catalog_of(
        &Tap::of(&workspace)
            .unset("access_token")
            .argument("--discover"),
    );
    let mut all = names(&without);
    all.insert(OWN.1);
    assert_eq!(names(&catalog), all);
    for (stream, dataset) in [OWN, ("conversation", "report_conversation")].map(|(a, b)| (b, a)) {
        let entry = entry(&mut catalog, stream);
        let properties = entry["schema"]["properties"].as_object().unwrap();
        let expected = ["happened_at", "row_id", "state", "Brand, or \"name\""];
        let expected = expected.map(|name| format!("{dataset}.{name}"));
        let declared: BTreeSet<&String> = properties.keys().collect();
        assert_eq!(declared, expected.iter().collect());
        assert_eq!(
            entry["metadata"][0]["metadata"]["selected-by-default"],
            false
        );
    }
    // What isn't selected isn't read.
    let foretelling = tap_of(&workspace, &[])
        .catalog(&catalog)
        .argument("--dry-run");
    let foretold = foretelling.command(None).output().unwrap();
    let foretold = String::from_utf8(foretold.stdout).unwrap();
    assert!(
        foretold.contains("\"contacts\"") && !foretold.contains("report_"),
        "{foretold}"
    );
    let metadata = &mut entry(&mut catalog, OWN.1)["metadata"];
    metadata[0]["metadata"]["selected"] = json!(true);
    let property = metadata.as_array_mut().unwrap().iter_mut();
    let state = json!(["properties", format!("{}.state", OWN.0)]);
    let mut property = property.filter(|it| it["breadcrumb"] == state);
    property.next().unwrap()["metadata"]["selected"] = json!(false);
    let catalog = json!({"streams": [entry(&mut catalog, OWN.1)]});
    let tap = tap_of(&workspace, &[]).catalog(&catalog);
    let first = tap.run().ok();
    let count = expected(&workspace, OWN.0, 80).len();
    assert_eq!(first.of_stream(OWN.1).count(), count);
    let asked = workspace.reports(|reports| reports.begun.pop()).unwrap();
    assert_eq!(asked.0, OWN.0);
    assert!(!asked.1.contains(&format!("{}.state", OWN.0)), "{asked:?}");
}

#[test]
fn a_dataset_that_only_the_workspace_has_is_read_by_its_name_once() {
    let workspace = with_own();
    let tap = tap_of(&workspace, &[OWN.1]);
    let first = tap.run().ok();
    assert_own(&workspace, &[&first]);
    let again = tap.run_from(&first.state()).ok();
    assert!(again.records.is_empty(), "{:?}", again.records);
    workspace.reports(|reports| reports.add(OWN.0, "late", now() - 20 * DAY));
    let late = tap.run_from(&again.state()).ok();
    assert_own(&workspace, &[&first, &again, &late]);
}

#[test]
fn what_a_catalog_or_a_name_selects_and_no_workspace_has_fails_by_name_alone() {
    let workspace = with_own();
    let (mut catalog, _) = catalog_of(&Tap::of(&workspace).argument("--discover"));
    let own = entry(&mut catalog, OWN.1);
    own["metadata"][0]["metadata"]["selected"] = json!(true);
    let catalog = json!({"streams": [own]});
    workspace.reports(|reports| reports.datasets.retain(|dataset| dataset.id != OWN.0));
    for tap in [
        tap_of(&workspace, &[]).catalog(&catalog),
        tap_of(&workspace, &["tags", OWN.1]),
    ] {
        let run = tap.run().exited(1);
        let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
        let told = "report_fin_usage_2: the workspace has no dataset fin_usage_2; it has admin_status_change,";
        assert!(summary.contains(told), "{summary}");
        assert!(!summary.contains("tags:"), "{summary}");
    }
}

#[test]
fn a_catalog_comes_though_the_workspace_can_not_be_asked() {
    let workspace = with_own();
    let refused = FaultKind::Status(403, "forbidden".into(), "no".into());
    workspace.inject(Fault::new("/export/reporting_data", When::Always, refused));
    let (catalog, stderr) = catalog_of(&Tap::of(&workspace).argument("--discover"));
    assert!(names(&catalog).contains("report_conversation"));
    assert!(!names(&catalog).contains(OWN.1));
    assert!(stderr.contains("can't be asked which datasets"), "{stderr}");
}

#[test]
fn states_of_such_a_dataset_are_merged_as_others_are() {
    let workspace = with_own();
    let first = tap_of(&workspace, &[OWN.1]).run().ok();
    let newer = first.state();
    let mut older = newer.clone();
    older["bookmarks"][OWN.1]["updated_at"] = json!(now() - 50 * DAY);
    let directory = tempfile::tempdir().unwrap();
    let paths = [("newer", &newer), ("older", &older)].map(|(name, state)| {
        let path = directory.path().join(name);
        std::fs::write(&path, state.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let mut tap = Tap::of(&workspace).argument("--merge-states");
    for path in paths {
        tap = tap.argument(&path);
    }
    let output = tap.command(None).output().unwrap();
    let merged: Value = serde_json::from_slice(&output.stdout).unwrap();
    let instant = |state: &Value| state["bookmarks"][OWN.1]["updated_at"].clone();
    assert_eq!(instant(&merged), instant(&newer));
}
