//! Lists without bookmarks: emitted when they were read to their end, or not at all.

use serde_json::json;

use crate::harness::{Run, Tap, assert_whole};
use simulators::workspace::{Fault, Settings, When, Workspace};

const LISTS: [&str; 3] = ["collections", "segments", "news_items"];

fn workspace() -> Workspace {
    Workspace::start(Settings {
        collections: 400,
        listed: 400,
        admins: 9,
        ..Settings::default()
    })
}

#[test]
fn half_a_list_is_none() {
    let workspace = workspace();
    workspace.inject(Fault::status("/help_center/collections", When::Always, 500).page(2));
    let run = Tap::of(&workspace)
        .set("max_attempts", 2)
        .streams(&["collections", "admins"])
        .run()
        .exited(1);
    assert_eq!(run.of_stream("collections").count(), 0);
    assert!(
        run.stderr.contains("stream collections failed"),
        "{}",
        run.stderr
    );
    assert_whole(&workspace, [&run], &["admins"]);
    workspace.clear_faults();
    let again = Tap::of(&workspace).streams(&["collections"]).run().ok();
    assert_whole(&workspace, [&again], &["collections"]);
    assert_eq!(again.repeated("collections"), 0);
}

#[test]
fn an_incremental_stream_read_as_a_full_table_is_whole_or_absent_too() {
    let workspace = Workspace::start(Settings {
        articles: 300,
        ..Settings::default()
    });
    let catalog = json!({"streams": [{
        "tap_stream_id": "articles",
        "stream": "articles",
        "schema": null,
        "metadata": [{"breadcrumb": [], "metadata":
            {"selected": true, "replication-method": "FULL_TABLE"}}],
    }]});
    workspace.inject(Fault::status("/articles", When::Always, 500).page(2));
    let tap = Tap::of(&workspace).set("max_attempts", 2).catalog(&catalog);
    let run = tap.run().exited(1);
    assert_eq!(run.of_stream("articles").count(), 0);
    workspace.clear_faults();
    assert_whole(&workspace, [&tap.run().ok()], &["articles"]);
}

#[test]
fn with_versions_a_list_says_when_it_is_complete() {
    let workspace = workspace();
    workspace.inject(Fault::status("/segments", When::Always, 403));
    let tap = Tap::of(&workspace)
        .set("activate_versions", true)
        .streams(&LISTS);
    let run = tap.run().exited(1);
    let mut versions = Vec::new();
    for stream in LISTS {
        let lines: Vec<serde_json::Value> = run
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &serde_json::Value| line["stream"] == stream)
            .collect();
        let records = lines.iter().filter(|line| line["type"] == "RECORD");
        let last = lines.last().unwrap();
        if stream == "segments" {
            // It failed, so what was there before stays.
            assert_eq!(last["type"], "SCHEMA");
            continue;
        }
        assert_eq!(last["type"], "ACTIVATE_VERSION", "{stream}");
        assert!(last["version"].as_u64().unwrap() > 0);
        assert!(records.clone().count() > 0);
        for record in records {
            assert_eq!(record["version"], last["version"]);
        }
        versions.push(last["version"].clone());
    }
    assert_whole(&workspace, [&run], &["collections", "news_items"]);
    let later = tap.run().exited(1);
    let of = |run: &Run| {
        run.stdout
            .lines()
            .filter(|line| line.contains("ACTIVATE_VERSION"))
            .count()
    };
    assert_eq!((of(&run), of(&later)), (2, 2));
    assert!(
        !later
            .stdout
            .contains(&format!(r#""version":{}}}"#, versions[0]))
    );
}

#[test]
fn without_the_setting_there_are_no_versions() {
    let workspace = workspace();
    let run = Tap::of(&workspace).streams(&LISTS).run().ok();
    assert!(!run.stdout.contains(r#""version""#));
}
