//! `--audit`: children that are compared by a list in their parents' records; and its report.

use std::fs;

use serde_json::{Value, json};
use simulators::workspace::{Settings, Workspace, now};

use crate::audit::{
    Audit, Differences, assert_equal, difference, keys, lake_of, lines, load, tap, workspace,
};
use crate::harness::Run;

#[test]
fn children_that_a_list_shows_are_compared_by_their_keys_and_mended_alone() {
    const CHILDREN: [&str; 3] = ["contact_tags", "contact_companies", "contact_notes"];
    let workspace = Workspace::start(Settings {
        contacts: 300,
        base_time: Some(now() - 3600),
        ..Settings::default()
    });
    let first = tap(&workspace)
        .streams(&["contacts"])
        .streams(&CHILDREN)
        .run()
        .ok();
    let (mut lake, state) = (lake_of(&first), first.state());
    let whole = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_eq!(whole.differences(), Differences::new(), "{}", whole.stderr);
    let mut expected = Differences::new();
    for stream in CHILDREN {
        let keys = keys(&lake, stream);
        for key in [&keys[0], &keys[keys.len() / 2], &keys[keys.len() - 1]] {
            lake.remove(&(stream.to_owned(), key.clone()));
            expected.insert(difference(stream, key, "missing"));
        }
    }
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_equal(&audit.differences(), &expected);
    let repair = Audit::of(&tap(&workspace), &lines(&lake), &state, &["--repair"]);
    assert_eq!(repair.exit_code, Some(0), "{}", repair.stderr);
    let repair = Run::of_stdout(repair.stdout);
    assert_eq!(repair.of_stream("contacts").count(), 0);
    lake.extend(lake_of(&repair));
    let again = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_eq!(again.differences(), Differences::new(), "{}", again.stderr);
}

#[test]
fn an_audits_report_tells_what_each_stream_came_to() {
    let workspace = workspace();
    let (mut lake, state) = load(&workspace);
    let key = keys(&lake, "articles")[0].clone();
    lake.remove(&("articles".to_owned(), key));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let arguments = ["--report", path.to_str().unwrap()];
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &arguments);
    assert_eq!(audit.differences().len(), 1);
    let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["exit_code"], 3);
    let articles = json!({
        "in_workspace": 60, "in_lake": 59, "missing": 1, "stale": 0, "gone": 0, "parts_missing": 0
    });
    assert_eq!(report["streams"]["articles"], articles);
}
