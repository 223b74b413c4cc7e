//! Stop while storage fails, full disks and directories that can't be written.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::feeding::wait_until;
use crate::harness::{
    Run, Target, assert_states_covered, record, rounds, schema, shell_words, state,
};
use simulators::gcs::{Fault, Gcs, Kind};

fn stop_while_it_retries(kind: Kind, signal: &str, code: i32) {
    let service = Gcs::start("lake");
    service.fail_object(1, kind, "s/", 1_000_000, Fault::Status(503));
    let target = Target::gcs(&service).with("retry_deadline_seconds", 600);
    let mut feeding = target.start();
    // Covered, so that it is tried to the last.
    let rows = record("s", json!({ "id": 1, "text": "x".repeat(1_000_000) })).repeat(18);
    feeding.feed(&(schema("s") + &rows + &state("s", json!({ "at": 1 }))));
    feeding.wait_until_read();
    // The last chunk comes at the end; before it, this is more than is taken while the upload is stuck.
    let rest = if kind == Kind::LastChunk { "" } else { &rows };
    feeding.feed_to_the_end(rest.repeat(2));
    wait_until("it tries again and again", || {
        let log = service.log();
        log.iter().filter(|request| request.status == 503).count() >= 3
    });
    let sent = Instant::now();
    feeding.signal(signal);
    let run = feeding.ends_by_itself();
    let took = sent.elapsed();
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

/// Ways to have disks of one's own, in a namespace of one's own: as anybody, where the system lets
/// anybody make one, and as somebody who may.
const WAYS_TO_UNSHARE: [&str; 2] = [
    "unshare --mount --map-root-user sh -c",
    "sudo --non-interactive unshare --mount sh -c",
];

fn unshared(way: &str, script: &str) -> Command {
    let mut words = way.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(script);
    command
}

/// Mounts a disk in a namespace of its own and runs the target there. `None`, with a line that says
/// so, where the machine doesn't allow it; one that tests every change must.
fn on_a_disk(options: &str, target: &Target, input: &str, then: &str) -> Option<Run> {
    let lake = target.lake();
    fs::create_dir_all(&lake).unwrap();
    let mount = format!("mount -t tmpfs -o {options} tmpfs '{}'", lake.display());
    let can_mount = |way: &&str| {
        let tried = unshared(way, &mount).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let Some(way) = WAYS_TO_UNSHARE.into_iter().find(can_mount) else {
        let is_due = cfg!(target_os = "linux") && std::env::var_os("CI").is_some();
        assert!(
            !is_due,
            "neither `unshare` nor `sudo unshare` can mount a disk"
        );
        // Past what the test harness keeps to itself.
        let line = "SKIPPED: a disk that is full or read-only can't be mounted here\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let configured = target.command();
    let script = format!(
        "{mount} && {{ {}; code=$?; {then}; exit $code; }}",
        shell_words(&configured)
    );
    let mut child = unshared(way, &script)
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
    let then = format!(
        "cp -a '{lake}' '{saved}'; chmod -R a+rwX '{saved}'",
        lake = target.lake().display(),
        saved = saved.display()
    );
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

/// The same wherever there is a shell: no file may have more than 256 KiB.
#[test]
fn a_file_that_may_not_grow_fails_the_run_and_tears_nothing() {
    let target = Target::local().with("flush_interval_seconds", 0);
    let row = |id: u32, length| record("s", json!({ "id": id, "text": "x".repeat(length) }));
    let mut input = schema("s");
    for id in 0..3 {
        input += &(row(id, 1_000) + &state("s", json!({ "at": id })));
    }
    input += &(row(3, 20_000_000) + &state("s", json!({ "at": 3 })));
    let script = format!(
        "trap '' XFSZ; ulimit -f 512; exec {}",
        shell_words(&target.command())
    );
    let messages = target.folder.path().join("messages.jsonl");
    fs::write(&messages, input).unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .stdin(fs::File::open(messages).unwrap())
        .output();
    let run: Run = output.unwrap().into();
    let message = run.failed(1);
    assert!(message.contains("File too large"), "{message}");
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);
    let files = target.files();
    assert_states_covered(&files);
    assert_eq!(files.len(), 3 + 1, "a file a commit and the state");
    assert!(target.leftovers().is_empty());
}

#[test]
fn a_directory_that_can_t_be_written_is_named() {
    let target = Target::local();
    // Where no user may make anything, root neither.
    let file = target.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below_a_file = file.join("lake");
    for place in ["/dev/null/lake", below_a_file.to_str().unwrap()] {
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
