//! A long stretch of records without a STATE, and little room for open files.

use std::process::Command;

use serde_json::json;
use simulators::gcs::Gcs;

use crate::harness::{Run, Target, data_by_stream, record, schema, state};

/// Many more files than a process may have open, none of them covered.
const FILES: usize = 300;

fn input(streams: &[&str]) -> String {
    let mut input: String = streams.iter().map(|stream| schema(stream)).collect();
    for id in 0..FILES {
        for stream in streams {
            input += &record(stream, json!({ "id": id, "text": "x".repeat(70_000) }));
        }
    }
    input
}

/// Runs the target where only so many files may be open.
fn run_with_descriptors(target: &Target, most: u32, input: &str) -> Run {
    let path = target.folder.path().join("messages.jsonl");
    std::fs::write(&path, input).unwrap();
    let command = target.command();
    let mut shell = Command::new("bash");
    shell
        .arg("-c")
        .arg(format!("ulimit -n {most}; exec \"$@\""))
        .arg("bash")
        .arg(command.get_program())
        .args(command.get_args())
        .arg("--input")
        .arg(&path)
        .current_dir(target.folder.path());
    shell.output().unwrap().into()
}

fn ids(rows: &str) -> Vec<u64> {
    let rows = rows.lines().map(|row| {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        row["id"].as_u64().unwrap()
    });
    rows.collect()
}

#[test]
fn files_that_wait_for_a_state_hold_no_descriptor() {
    let service = Gcs::start("lake");
    for compression in ["none", "zstd"] {
        let target = Target::local()
            .with("max_file_bytes", 65_536)
            .with("compression", compression);
        let input = input(&["s"]) + &state("s", FILES);
        let run = run_with_descriptors(&target, 64, &input);
        run.succeeded();
        let files = target.files();
        assert_eq!(files.len(), FILES + 1);
        if compression == "none" {
            let all = ids(&data_by_stream(&files)["s"]);
            assert_eq!(all, (0..FILES as u64).collect::<Vec<u64>>());
        }
    }
    let target = Target::gcs(&service).with("max_file_bytes", 65_536);
    let input = input(&["s"]) + &state("s", FILES);
    run_with_descriptors(&target, 64, &input).succeeded();
    assert_eq!(service.objects().len(), FILES + 1);
}

#[test]
fn objects_that_wait_for_a_state_keep_few_files() {
    let service = Gcs::start("lake");
    // With so many uploads begun, each of them takes several pieces.
    let target = Target::gcs(&service).with("max_file_bytes", 600_000);
    let mut input = schema("s");
    for id in 0..FILES {
        input += &record("s", json!({ "id": id, "text": "x".repeat(620_000) }));
    }
    let run = run_with_descriptors(&target, 160, &(input + &state("s", FILES)));
    run.succeeded();
    // There is always one left for the next connection.
    assert!(
        !run.stderr.contains("Too many open files"),
        "{}",
        run.stderr
    );
    assert_eq!(service.objects().len(), FILES + 1);
}

#[test]
fn files_that_no_state_has_covered_are_dropped_as_one() {
    let target = Target::local().with("max_file_bytes", 65_536);
    let first = input(&["s"]) + &state("s", 1);
    let rest = input(&["s", "t"]) + "{\n";
    let run = run_with_descriptors(&target, 64, &(first + &rest));
    run.failed(1);
    let files = target.files();
    assert_eq!(files.len(), FILES + 1, "what the state covers, and no more");
    assert!(target.leftovers().is_empty());
}
