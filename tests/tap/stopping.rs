//! Stopped by a signal or by a reader that closes the pipe.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Output};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Run, STREAMS, Tap, assert_whole, side_by_side};
use crate::kill::read_all;
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 500,
        conversations: 200,
        calls: 100,
        articles: 60,
        latency: Duration::from_millis(5),
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("page_size", 20)
        .set("concurrency", 4)
}

/// Waits until something is so.
#[track_caller]
pub fn wait_for(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs until `is_time`, sends the signal, and gives how long it took to end.
fn run_signalled(tap: &Tap, signal: &str, is_time: impl FnMut() -> bool) -> (Run, Duration) {
    let mut process = tap.start(Some(&json!({})));
    let stdout = read_all(process.stdout.take().unwrap());
    let stderr = read_all(process.stderr.take().unwrap());
    wait_for(is_time);
    let signalled = Instant::now();
    let kill = Command::new("kill")
        .args([signal, &process.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let status: ExitStatus = process.wait().unwrap();
    let took = signalled.elapsed();
    let run = Run::of(Output {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    });
    (run, took)
}

#[test]
fn a_signal_ends_the_run_with_its_state() {
    let cases = [
        ("-TERM", 143, 40),
        ("-INT", 130, 40),
        ("-TERM", 143, 150),
        ("-INT", 130, 5),
    ];
    side_by_side(cases, |(signal, exit_code, requests)| {
        let workspace = workspace();
        let tap = tap(&workspace);
        let (first, took) = run_signalled(&tap, signal, || workspace.total_requests() >= requests);
        let first = first.exited(exit_code);
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert!(first.stdout.ends_with('\n'));
        let last = first.stdout.lines().next_back().unwrap();
        assert!(last.starts_with(r#"{"type":"STATE","#), "{last}");
        let name = if exit_code == 143 {
            "SIGTERM"
        } else {
            "SIGINT"
        };
        let error = format!("ERROR stopped by {name}\n");
        assert!(first.stderr.ends_with(&error), "{}", first.stderr);
        let second = tap.run_from(&first.state()).ok();
        assert_whole(&workspace, [&first, &second], &STREAMS[..9]);
    });
}

#[test]
fn a_signal_is_heard_while_requests_stall() {
    // The first request, one among others, and one for a detail.
    let stalls = [
        ("/admins", 1),
        ("/contacts/search", 3),
        ("/conversations/2", 3),
        ("/calls", 1),
        ("/calls/1", 2),
    ];
    side_by_side(stalls, |(path, nth)| {
        let workspace = workspace();
        let stall = FaultKind::Stall(Duration::from_secs(30));
        workspace.inject(Fault::new(path, When::Between(nth, 1000), stall));
        let tap = tap(&workspace);
        let (run, took) = run_signalled(&tap, "-TERM", || {
            // What stalls is on record as what has no answer.
            let stalled = workspace.requests_to(path);
            stalled.iter().any(|request| request.status == 0)
        });
        let run = run.exited(143);
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert!(!run.states.is_empty());
    });
}

#[test]
fn a_signal_is_heard_while_waiting_to_try_again() {
    let workspace = workspace();
    workspace.inject(Fault::new(
        "/contacts/search",
        When::Always,
        FaultKind::TooMany {
            retry_after: Some("60".into()),
        },
    ));
    let (run, took) = run_signalled(&tap(&workspace), "-TERM", || {
        workspace.count("/contacts/search") > 0
    });
    let _ = run.exited(143);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_signal_ends_a_run_whose_output_nobody_reads() {
    let workspace = Workspace::start(Settings {
        contacts: 5000,
        ..Settings::default()
    });
    let tap = tap(&workspace).set("page_size", 150);
    let mut process = tap.start(None);
    let _unread = process.stdout.take().unwrap();
    let mut before = (0, Instant::now());
    // The pipe is full when there has been no request for a while.
    while before.0 == 0 || before.1.elapsed() < Duration::from_secs(1) {
        let requests = workspace.total_requests();
        if requests != before.0 {
            before = (requests, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = Instant::now();
    for signal in ["-TERM", "-INT"] {
        let process_id = process.id().to_string();
        let kill = std::process::Command::new("kill")
            .args([signal, &process_id])
            .status();
        assert!(kill.unwrap().success());
    }
    let status = process.wait().unwrap();
    // Of two that are pending at once, a busy machine may deliver the later one first.
    assert!(matches!(status.code(), Some(143 | 130)), "{status}");
    assert!(
        sent.elapsed() < Duration::from_secs(10),
        "{:?}",
        sent.elapsed()
    );
}

#[test]
fn a_closed_stdout_ends_the_run_without_a_panic() {
    let workspace = Workspace::start(Settings {
        contacts: 5000,
        conversations: 300,
        calls: 200,
        latency: Duration::from_millis(5),
        ..Settings::default()
    });
    let tap = tap(&workspace).set("page_size", 150);
    let mut process = tap.start(None);
    let stderr = read_all(process.stderr.take().unwrap());
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    for _ in 0..5 {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'));
    }
    drop(stdout);
    let closed = Instant::now();
    let status = process.wait().unwrap();
    assert!(closed.elapsed() < Duration::from_secs(10));
    assert_eq!(status.code(), Some(1));
    let stderr = String::from_utf8(stderr.join().unwrap()).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    let error = stderr.rsplit("ERROR ").next().unwrap();
    insta::assert_snapshot!(error, @"
    stdout was closed before the sync was complete
    hint: the target that reads these messages ended first: look at its log
    ");
    assert!(workspace.total_requests() < 200);
}

#[test]
fn a_closed_stdout_does_not_trouble_discovery() {
    let workspace = workspace();
    let mut process = Tap::of(&workspace).argument("--discover").start(None);
    let mut stdout = process.stdout.take().unwrap();
    let mut some = [0; 10];
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_signal_is_heard_while_the_token_is_tried() {
    side_by_side(["/me", "/admins", "/conversations/1"], |path| {
        let workspace = workspace();
        let stall = FaultKind::Stall(Duration::from_mins(1));
        workspace.inject(Fault::new(path, When::Always, stall));
        let tap = tap(&workspace).argument("--test");
        let (run, took) = run_signalled(&tap, "-TERM", || workspace.total_requests() >= 1);
        let run = run.exited(143);
        assert!(took < Duration::from_secs(10), "{took:?}: {}", run.stderr);
    });
}
