//! The page that the demo makes of its lake.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up fails")]

#[path = "../examples/shared/page.rs"]
mod page;

use std::collections::BTreeMap;
use std::fs;

const NOW: i64 = 1_763_800_000;

#[test]
fn a_page_tells_of_streams_hours_and_requests_and_needs_nobody() {
    let lake = tempfile::tempdir().unwrap();
    let write = |path: &str, text: String| {
        let path = lake.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let hour = NOW - NOW.rem_euclid(86_400) + 7 * 3600;
    let conversation =
        |updated: i64| format!("{{\"id\":\"1\",\"created_at\":{hour},\"updated_at\":{updated}}}\n");
    let two = conversation(NOW - 90) + &conversation(NOW - 3 * 86_400);
    write("conversations/year=2025/a.json", two);
    write(
        "conversations/year=2025/b.json",
        conversation(NOW - 400 * 86_400),
    );
    write("<odd>/a.json", "{\"id\":1}\n".to_owned());
    write(
        "calls/a.json",
        "{\"id\":\"2\",\"updated_at\":\"2025-11-22T07:26:40.000Z\"}\n".to_owned(),
    );
    write("_intercom_state/conversations_state.json", "{}".to_owned());
    let run = page::Run {
        name: "The first run".to_owned(),
        requests: BTreeMap::from([
            ("/conversations/{id}".to_owned(), 40),
            ("/me".to_owned(), 1),
        ]),
    };

    let status = std::process::Command::new(env!("CARGO_BIN_EXE_target-gcs"))
        .args(["--status", "--format", "html"])
        .env("TARGET_GCS_DESTINATION", lake.path())
        .output()
        .unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    let html = page::render(&status, lake.path(), &[run], NOW).unwrap();

    for (stream, records, newest) in [
        ("conversations", 3, "1 min ago"),
        ("&lt;odd&gt;", 1, "–"),
        ("calls", 1, "1 h ago"),
    ] {
        let row = format!(
            "<td data-label=Stream><b>{stream}</b></td><td data-label=Records class=n>\
             <div>{records}</div></td><td data-label=\"Newest record\">{newest}</td>"
        );
        assert!(html.contains(&row), "{row}");
    }
    assert!(html.contains("<h1>How things stand</h1>"));
    assert!(html.contains("<title>today: 1</title>"));
    assert!(html.contains("<title>3 days ago: 1</title>"));
    assert!(html.contains("<title>07:00: 3</title>"));
    assert!(html.contains("The first run: 41 requests"));
    assert!(html.contains("prefers-color-scheme: dark"));
    assert!(!html.contains("_intercom_state"));
    for foreign in [
        "http:", "https:", "//", "<script", "src=", "url(", "@import",
    ] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}
