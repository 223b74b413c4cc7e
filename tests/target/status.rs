//! `--status`: how things stand, for people and for programs.

use std::fs;

use serde_json::{Value, json};
use simulators::gcs::{Fault, Gcs, Kind};

use crate::harness::{Run, Target, record, schema, state};

fn status(target: &Target, arguments: &[&str]) -> Run {
    let mut command = target.command();
    command.arg("--status").args(arguments);
    command.output().unwrap().into()
}

fn document(target: &Target) -> Value {
    let run = status(target, &["--format", "json"]);
    serde_json::from_str(&run.succeeded().join("\n")).unwrap()
}

fn stream<'a>(document: &'a Value, name: &str) -> &'a Value {
    let streams = document["streams"].as_array().unwrap();
    streams.iter().find(|one| one["stream"] == name).unwrap()
}

fn load(target: &Target) {
    let bookmark = json!({
        "updated_at": 1_763_800_000, "in_progress": true,
        "awaited": [{ "stream": "x", "id": "1", "since": 1_763_700_000, "why": "y" }],
    });
    let input = schema("old")
        + &record("old", json!({ "id": 1 }))
        + &state("old", bookmark)
        + &schema("plain")
        + &record("plain", json!({ "id": 1 }));
    target.run(input).succeeded();
}

#[test]
fn bookmarks_files_and_what_is_awaited_are_told() {
    let target = Target::local();
    assert_eq!(status(&target, &[]).succeeded(), ["nothing is stored yet"]);
    load(&target);
    let folder = target.lake().join("old/year=2020/month=01/day=01");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("old_20200101T000000000000Z.json"), "{}\n").unwrap();
    fs::write(folder.join("else"), "").unwrap();
    let found = document(&target);
    let old = stream(&found, "old");
    assert_eq!(old["bookmark"], "2025-11-22T08:26:40Z");
    assert_eq!(
        (&old["awaited"], &old["is_unfinished"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(old["awaited_since"], "2025-11-21T04:40:00Z");
    assert_eq!((&old["files"], &old["bytes"]), (&json!(2), &json!(12)));
    // The last of seven days is today.
    assert_eq!(old["days"].as_array().unwrap().len(), 7);
    let recent: u64 = old["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["files"].as_u64().unwrap())
        .sum();
    assert_eq!(recent, 1);
    let plain = stream(&found, "plain");
    assert_eq!(
        (&plain["bookmark"], &plain["files"]),
        (&Value::Null, &json!(1))
    );
    assert_eq!(found["foreign_files"], 1);
    let run = status(&target, &[]);
    let table = run.succeeded().join("\n");
    for word in [
        "2025-11-22T08:26:40Z",
        "unfinished, 1 awaited for ",
        " days",
        "█",
        "1 other files",
    ] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

#[test]
fn a_bookmark_that_is_too_old_has_an_exit_code_of_its_own() {
    let target = Target::local();
    load(&target);
    let run = status(&target, &["--max-age", "1"]);
    assert!(
        run.failed(3).contains("older than --max-age: old"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("old"));
    status(&target, &["--max-age", "10000000"]).succeeded();
    assert_eq!(status(&target, &["--max-age=-1"]).code, Some(2));
    assert_eq!(status(&target, &["--format", "markdown"]).code, Some(2));
}

/// What the page says by an element of this class, of streams in their order.
fn said(page: &str, class: &str) -> Vec<String> {
    let start = format!("<data class={class} value=\"");
    let parts = page.split(start.as_str()).skip(1);
    parts
        .map(|part| part.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_page_says_what_programs_are_told_and_needs_nobody() {
    let target = Target::local();
    let run = status(&target, &["--format", "html"]);
    assert!(run.succeeded().join("\n").contains("Nothing is stored yet"));
    load(&target);
    let odd = "<script>alert('\"&\u{202e}";
    let input = schema(odd) + &record(odd, json!({ "id": 1 }));
    target.run(input).succeeded();
    fs::write(target.lake().join("old/else"), "").unwrap();

    let found = document(&target);
    let run = status(&target, &["--format", "html"]);
    let page = run.succeeded().join("\n");

    let streams = found["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 3);
    for member in ["files", "bytes"] {
        let told: Vec<String> = streams.iter().map(|one| one[member].to_string()).collect();
        assert_eq!(said(&page, member), told);
    }
    assert_eq!(said(&page, "awaited"), ["1"]);
    assert_eq!(said(&page, "foreign_files"), ["1"]);
    assert_eq!(said(&page, "age_seconds").len(), 1);
    for stream in streams {
        for day in stream["days"].as_array().unwrap() {
            let (date, files, bytes) = (&day["date"], &day["files"], &day["bytes"]);
            let says = format!("{date}: {files} files, {bytes} bytes").replace('"', "");
            assert!(page.contains(&format!("<title>{says}</title>")), "{says}");
        }
        let at = stream["newest_file_at"].as_str().unwrap();
        assert!(page.contains(&format!("<time datetime=\"{at}\">")), "{at}");
    }
    let old = stream(&found, "old");
    for member in ["bookmark", "awaited_since"] {
        let at = old[member].as_str().unwrap();
        assert!(page.contains(&format!("<time datetime=\"{at}\">")), "{at}");
    }
    assert!(page.contains(old["newest_file"].as_str().unwrap()));
    assert!(page.contains("unfinished"));
    assert!(page.contains("<b>&lt;script&gt;alert(&#39;&quot;&amp; </b>"));
    for foreign in [
        "http:", "https:", "//", "<script", "src=", "url(", "@import",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(
        target
            .command()
            .args(["--about", "--format", "html"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn to_list_a_bucket_is_enough() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    load(&target);
    service.fail_object(1, Kind::Read, "", 1000, Fault::Refuse("forbidden"));
    let found = document(&target);
    let old = stream(&found, "old");
    assert!(old["problem"].as_str().unwrap().contains("403"), "{old}");
    assert_eq!((&old["bookmark"], &old["files"]), (&Value::Null, &json!(1)));
    let run = status(&target, &["--max-age", "1"]);
    assert!(run.succeeded().join("\n").contains("unreadable"));
    let page = status(&target, &["--format", "html"])
        .succeeded()
        .join("\n");
    assert!(page.contains("403"), "{page}");
    assert_eq!(said(&page, "files"), ["1", "1"]);
}
