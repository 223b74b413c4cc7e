//! Very many streams: a record each costs neither a thread nor a file nor a session each.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Run, Target, data_by_stream, files_in, record, schema, shell_words, state};
use simulators::gcs::Gcs;

/// Runs with at most that many open files, and gives the most memory that was in use, in KiB.
fn run_with_few_files(target: &Target, limit: u32, input: &str) -> (Run, u64) {
    let mut command = target.command();
    let messages = target.folder.path().join("messages.jsonl");
    std::fs::write(&messages, input).unwrap();
    command.arg("--input").arg(&messages);
    // With what it prints in files: nobody reads a pipe meanwhile.
    let printed = |name: &str| target.folder.path().join(name);
    let script = format!("ulimit -n {limit}; exec {}", shell_words(&command));
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .stdout(File::create(printed("stdout")).unwrap())
        .stderr(File::create(printed("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak = peak.max(memory_of(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = |name| std::fs::read_to_string(printed(name)).unwrap();
    let run = Run {
        code: status.code(),
        stdout: text("stdout"),
        stderr: simulators::log::without_times(text("stderr").as_bytes()),
    };
    (run, peak)
}

/// How much memory a process uses in KiB: the most it ever did, where the system tells that. `None`
/// when the process has ended.
pub fn memory_of(process_id: u32) -> Option<u64> {
    let told = if let Ok(status) = std::fs::read_to_string(format!("/proc/{process_id}/status")) {
        let peak = status.lines().find(|line| line.starts_with("VmHWM"));
        peak?.to_owned()
    } else {
        let id = process_id.to_string();
        let output = Command::new("ps").args(["-o", "rss=", "-p", &id]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let digits: String = told.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
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
    assert!((1..300 * 1024).contains(&peak), "{peak} KiB");
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
