//! Stop while storage fails, full disks and directories that can't be written.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Run, Target, assert_states_covered, record, rounds, schema, state};
use simulators::gcs::{Fault, Gcs, Kind};

fn send(signal: &str, process_id: u32) {
    let sent = Command::new("kill")
        .args([signal, &process_id.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn stop_while_it_retries(kind: Kind, signal: &str, code: i32) {
    let service = Gcs::start("lake");
    service.fail_object(1, kind, "s/", 1_000_000, Fault::Status(503));
    let target = Target::gcs(&service).with("retry_deadline_seconds", 600);
    let mut child = target.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let row = record("s", json!({ "id": 1, "text": "x".repeat(1_000_000) }));
    let mut input = schema("s") + &row.repeat(18) + &state("s", json!({ "at": 1 }));
    if kind != Kind::LastChunk {
        // More than the target takes while its upload is stuck.
        input = input.repeat(3);
    }
    let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let deadline = Instant::now() + Duration::from_secs(20);
    while !service.log().iter().any(|request| request.status == 503) {
        assert!(Instant::now() < deadline, "{kind:?} is asked for");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(1500));
    let sent = Instant::now();
    send(signal, child.id());
    let run: Run = child.wait_with_output().unwrap().into();
    let took = sent.elapsed();
    feeder.join().unwrap();
    assert_eq!(run.code, Some(code), "{kind:?}: {}", run.stderr);
    assert!(took < Duration::from_secs(15), "{kind:?}: it took {took:?}");
    let says_why = run.stderr.contains("and the run is to stop");
    assert!(says_why, "{kind:?}: {}", run.stderr);
    assert_eq!(run.stdout, "");
    assert!(service.objects().is_empty());
    assert_eq!(service.open_sessions(), 0, "{kind:?}");
}

#[test]
fn a_signal_ends_the_retries_of_an_upload() {
    std::thread::scope(|scope| {
        scope.spawn(|| stop_while_it_retries(Kind::Start, "-TERM", 143));
        scope.spawn(|| stop_while_it_retries(Kind::Chunk, "-INT", 130));
        scope.spawn(|| stop_while_it_retries(Kind::LastChunk, "-TERM", 143));
    });
}

#[test]
fn a_first_request_that_stalls_beyond_the_deadline_is_tried_again() {
    let service = Gcs::start("lake");
    service.fail_nth(1, Kind::Start, Fault::Stall(Duration::from_secs(30)));
    let target = Target::gcs(&service)
        .with("request_timeout_seconds", 2)
        .with("retry_deadline_seconds", 1);
    target.run(rounds(1, 0..1)).succeeded();
    // No retries at all where none are wanted.
    service.fail_nth(1, Kind::List, Fault::Status(503));
    let run = target.with("retry_deadline_seconds", 0).run("");
    assert!(
        run.failed(1)
            .contains("and 1 try in 0 seconds did not help"),
        "{}",
        run.stderr
    );
}

/// Mounts a disk of its own in a namespace of its own and runs the target there. `None`, with the
/// reason printed, where this machine does not allow it.
fn on_a_disk(options: &str, target: &Target, input: &str, then: &str) -> Option<Run> {
    let lake = target.lake();
    fs::create_dir_all(&lake).unwrap();
    let mount = format!("mount -t tmpfs -o {options} tmpfs '{}'", lake.display());
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script]);
        command
    };
    match unshare(&mount).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Err(error) => {
            eprintln!("skipped: no unshare: {error}");
            return None;
        }
    }
    let configured = target.command();
    let program = configured.get_program().to_str().unwrap();
    let arguments: Vec<&str> = configured
        .get_args()
        .map(|argument| argument.to_str().unwrap())
        .collect();
    let script = format!(
        "{mount} && {{ '{program}' '{}'; code=$?; {then}; exit $code; }}",
        arguments.join("' '")
    );
    let mut child = unshare(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let run = child.wait_with_output().unwrap().into();
    feeder.join().unwrap();
    Some(run)
}

#[test]
fn a_full_disk_fails_the_run_and_tears_nothing() {
    let target = Target::local().with("flush_interval_seconds", 0);
    let row = |id: u32| record("s", json!({ "id": id, "text": "x".repeat(500_000) }));
    let mut input = schema("s");
    for id in 0..10 {
        input += &(row(id) + &state("s", json!({ "at": id })));
    }
    // The disk goes with its namespace, so what is on it is copied before that.
    let saved = target.folder.path().join("saved");
    let then = format!("cp -a '{}' '{}'", target.lake().display(), saved.display());
    let Some(run) = on_a_disk("size=3m", &target, &input, &then) else {
        return;
    };
    let message = run.failed(1);
    let place = target.lake().canonicalize().unwrap();
    assert!(
        message.contains("can't write") && message.contains(place.to_str().unwrap()),
        "{message}"
    );
    assert!(
        message.contains("No space left") && message.contains("hint: make room on the disk"),
        "{message}"
    );
    let lines = run.stdout.lines().count();
    assert!((1..10).contains(&lines), "{lines} commits");
    let files = crate::harness::files_in(&saved);
    assert_states_covered(&files);
    assert_eq!(files.len(), lines + 1, "a file a commit and the state");
}

#[test]
fn a_directory_that_can_t_be_written_is_named() {
    let target = Target::local();
    // Where no user may make anything, root neither.
    for place in ["/proc/lake", "/dev/null/lake"] {
        let run = Target::local()
            .with("destination", place)
            .run(rounds(1, 0..1));
        let message = run.failed(1);
        assert!(
            message.contains("can't make the directory") && message.contains(place),
            "{message}"
        );
        assert_eq!(run.stdout, "");
    }
    let Some(run) = on_a_disk("ro", &target, &rounds(1, 0..1), "true") else {
        return;
    };
    let message = run.failed(1);
    let place = target.lake().canonicalize().unwrap();
    assert!(message.contains(place.to_str().unwrap()), "{message}");
    assert!(message.contains("Read-only file system"), "{message}");
    assert!(message.contains("hint: the file system"), "{message}");
    assert_eq!(run.stdout, "");
}
