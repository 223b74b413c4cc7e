//! Very many streams: a record each costs neither a thread nor a file nor a session each.

use std::process::Command;

use serde_json::json;

use crate::harness::{Run, Target, data_by_stream, files_in, record, schema, state};
use simulators::gcs::Gcs;

/// Runs with at most that many open files, and gives the most memory that was in use, in KiB.
fn run_with_few_files(target: &Target, limit: u32, input: &str) -> (Run, u64) {
    let configured = target.command();
    let messages = target.folder.path().join("messages.jsonl");
    std::fs::write(&messages, input).unwrap();
    let program = configured.get_program().to_str().unwrap();
    let arguments: Vec<&str> = configured
        .get_args()
        .map(|argument| argument.to_str().unwrap())
        .collect();
    // The peak is the process's own to know, and gone with it: a wrapper reads it on the way.
    let script = format!(
        "ulimit -n {limit}; '{program}' '{}' --input '{}' & id=$!; peak=0; \
         while line=$(grep VmHWM /proc/$id/status 2>/dev/null); do peak=\"$line\"; sleep 0.05; done; \
         wait $id; code=$?; echo \"$peak\"; exit $code",
        arguments.join("' '"),
        messages.display(),
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let mut run: Run = output.into();
    let split = run.stdout.rfind("VmHWM").unwrap();
    let peak = run.stdout.split_off(split);
    let digits: String = peak.chars().filter(char::is_ascii_digit).collect();
    (run, digits.parse().unwrap())
}

fn input_of(streams: usize) -> String {
    let mut input = String::new();
    for number in 0..streams {
        let name = format!("stream {number}");
        input += &(schema(&name) + &record(&name, json!({ "id": number })));
    }
    input + &state("stream 0", json!({ "at": 1 }))
}

#[test]
fn a_record_in_each_of_20_000_streams() {
    const STREAMS: usize = 20_000;
    // Each file is synced to the disk, which would take minutes.
    let lake = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let lake = lake.unwrap();
    let target = Target::local().with("destination", lake.path().to_str().unwrap());
    let (run, peak) = run_with_few_files(&target, 256, &input_of(STREAMS));
    assert_eq!(run.succeeded().len(), 1);
    assert_eq!(data_by_stream(&files_in(lake.path())).len(), STREAMS);
    assert!(peak < 300 * 1024, "{peak} KiB");
}

#[test]
fn a_record_in_each_of_500_streams_of_a_bucket() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let (run, _) = run_with_few_files(&target, 128, &input_of(500));
    assert_eq!(run.succeeded().len(), 1);
    assert_eq!(data_by_stream(&service.objects()).len(), 500);
}

#[test]
fn many_streams_with_much_data_between_two_states() {
    let target = Target::local();
    let mut input = String::new();
    for number in 0..300 {
        input += &schema(&format!("s{number}"));
    }
    // More than each of them may hold back, so that all have a file open.
    for round in 0..4 {
        for number in 0..300 {
            let row = json!({ "id": round, "text": "x".repeat(50_000) });
            input += &record(&format!("s{number}"), row);
        }
        input += &state("s0", json!({ "at": round }));
    }
    let (run, _) = run_with_few_files(&target, 1024, &input);
    assert!(!run.succeeded().is_empty());
    let data = data_by_stream(&target.files());
    assert_eq!(data.len(), 300);
    assert!(data.values().all(|text| text.lines().count() == 4));
}

#[test]
fn many_streams_fill_one_file_each_while_states_come() {
    let target = Target::local();
    let mut input = String::new();
    for number in 0..40 {
        input += &schema(&format!("s{number}"));
    }
    // In all more than one of 40 streams may hold back, in no moment so much without a STATE.
    for round in 0..20 {
        for number in 0..40 {
            let row = json!({ "id": round, "text": "x".repeat(50_000) });
            input += &record(&format!("s{number}"), row);
        }
        input += &state("s0", json!({ "at": round }));
    }
    target.run(input).succeeded();
    let files = target.files();
    let data = data_by_stream(&files);
    assert_eq!(data.len(), 40);
    assert!(data.values().all(|text| text.lines().count() == 20));
    let data_files = files.keys().filter(|name| name.ends_with("Z.json"));
    assert_eq!(data_files.count(), 40, "{:?}", files.keys());
}
