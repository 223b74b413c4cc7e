//! Versions of full tables: one file has the whole list, so that the newest file is the newest list.

use serde_json::json;
use simulators::gcs::Gcs;

use crate::harness::{Target, data_by_stream, record, schema, state};

fn row(stream: &str, id: u64, version: u64) -> String {
    let row = json!({ "id": id, "text": "x".repeat(50_000) });
    let message = json!({ "type": "RECORD", "stream": stream, "record": row, "version": version });
    format!("{message}\n")
}

fn activate(stream: &str, version: u64) -> String {
    let message = json!({ "type": "ACTIVATE_VERSION", "stream": stream, "version": version });
    format!("{message}\n")
}

/// A list of 20 MB with states of another stream in it, which alone would end files again and again.
fn list() -> String {
    let mut input = schema("list") + &schema("other");
    for id in 0..400 {
        input += &row("list", id, 1);
        input += &record("other", json!({ "id": id }));
        if id == 5 || id == 250 {
            input += &state("other", json!({ "at": id }));
        }
    }
    input
}

#[test]
fn a_list_is_in_one_file_whatever_its_size_and_whatever_is_committed() {
    let service = Gcs::start("lake");
    for target in [Target::local(), Target::gcs(&service)] {
        let target = target
            .with("max_file_bytes", 100_000)
            .with("flush_interval_seconds", 0);
        let after = activate("list", 1) + &state("other", json!({ "at": 400 }));
        target
            .run(list() + &after + &record("other", json!({ "id": 400 })))
            .succeeded();
        let files = match target.files() {
            files if files.is_empty() => service.objects(),
            files => files,
        };
        let lists: Vec<&String> = files
            .keys()
            .filter(|name| name.starts_with("list/"))
            .collect();
        assert_eq!(lists.len(), 1, "{lists:?}");
        let data = data_by_stream(&files);
        assert_eq!(data["list"].lines().count(), 400);
        assert_eq!(data["other"].lines().count(), 401);
    }
}

#[test]
fn what_a_state_covers_of_a_list_is_kept_and_nothing_else() {
    let target = Target::local().with("flush_interval_seconds", 0);
    let run = target.run(list() + "torn");
    run.failed(1);
    let data = data_by_stream(&target.files());
    assert_eq!(data["list"].lines().count(), 251);
    assert_eq!(data["other"].lines().count(), 251);
    assert!(target.leftovers().is_empty());
}

#[test]
fn a_list_without_records_leaves_an_empty_file() {
    let service = Gcs::start("lake");
    let empty = schema("list") + &schema("log") + &activate("list", 2) + &activate("log", 2);
    // What has a bookmark brings only what is new: that it is nothing says nothing of the rest.
    let input = empty + &state("log", json!({ "at": 1 }));
    for mut target in [Target::local(), Target::gcs(&service)] {
        for compression in ["none", "gzip", "zstd"] {
            target = target.with("compression", compression);
            target.run(&input).succeeded();
        }
        let files = match target.files() {
            files if files.is_empty() => service.objects(),
            files => files,
        };
        let names: Vec<&String> = files.keys().filter(|name| !name.starts_with('_')).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("list/")));
        assert!(files[names[0]].is_empty());
    }
}
