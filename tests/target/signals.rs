//! A signal ends a run within ten seconds, whatever is silent: one table, with what each case is
//! told.

use std::io::{Read, Write};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::json;
use simulators::gcs::{Fault, Gcs, Kind};
use simulators::http;

use crate::harness::{Run, Target, record, schema, state};

const SILENT: Fault = Fault::Stall(Duration::from_mins(10));
const FOR_EVER: u32 = 1_000_000;
const WITHIN: Duration = Duration::from_secs(10);

pub fn send(signal: &str, child: &Child) {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Feeds a target without ending its input, and keeps the pipe open until the process ends.
fn feed(child: &mut Child, input: String) -> std::thread::JoinHandle<()> {
    let mut stdin = child.stdin.take().unwrap();
    std::thread::spawn(move || {
        if stdin.write_all(input.as_bytes()).is_ok() {
            // Blocks until the target is gone.
            while stdin.write_all(b"\n").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    })
}

fn patient(service: &Gcs) -> Target {
    Target::gcs(service)
        .with("request_timeout_seconds", 300)
        .with("retry_deadline_seconds", 600)
        .with("flush_interval_seconds", 0)
}

fn rows(count: u32) -> String {
    let row = |id| record("s", json!({ "id": id, "text": "x".repeat(1_000_000) }));
    schema("s") + &(0..count).map(row).collect::<String>()
}

fn end(child: Child, case: &str, code: i32, sent: Instant) -> Run {
    let run = ended(child, case, sent);
    assert_eq!(run.code, Some(code), "{case}: {}", run.stderr);
    run
}

/// The run once it has ended, which it does within the time that a stop has.
fn ended(child: Child, case: &str, sent: Instant) -> Run {
    let run: Run = child.wait_with_output().unwrap().into();
    let took = sent.elapsed();
    let told = run.stderr.lines().find(|line| line.contains("ERROR"));
    eprintln!(
        "| {case} | {:.1} s | {:?} | {} |",
        took.as_secs_f64(),
        run.code,
        told.unwrap_or_default()
    );
    assert!(took < WITHIN, "{case}: it took {took:?}: {}", run.stderr);
    run
}

/// Requests of this kind about names that hold this text fail from the first one on.
fn fails_for_ever(kind: Kind, name_part: &'static str, fault: Fault, input: &str) {
    let case = format!("{kind:?} of {name_part:?} with {fault:?}");
    let service = Gcs::start("lake");
    service.fail_object(1, kind, name_part, FOR_EVER, fault);
    let target = patient(&service);
    let mut child = target.spawn();
    let feeder = feed(&mut child, input.to_owned());
    let asked = |service: &Gcs| service.log().iter().any(|request| request.kind == kind);
    until(&case, || asked(&service));
    let sent = Instant::now();
    send("-TERM", &child);
    let run = end(child, &case, 143, sent);
    feeder.join().unwrap();
    assert_eq!(run.stdout, "", "{case}");
    let states = service.objects();
    assert!(
        !states
            .keys()
            .any(|name| name.starts_with("_intercom_state")),
        "{case}: no state without its data"
    );
}

#[test]
fn a_signal_ends_a_run_whatever_the_service_does() {
    let small = rows(1) + &state("s", json!({ "at": 1 }));
    let large = rows(30) + &state("s", json!({ "at": 1 }));
    std::thread::scope(|scope| {
        let case = |kind, part, fault, input: &str| {
            let input = input.to_owned();
            scope.spawn(move || fails_for_ever(kind, part, fault, &input));
        };
        case(Kind::List, "", SILENT, &small);
        case(Kind::Start, "s/", SILENT, &small);
        case(Kind::LastChunk, "s/", SILENT, &small);
        case(Kind::Chunk, "s/", SILENT, &large);
        case(Kind::Start, "_state", SILENT, &small);
        // Bytes are taken by no one, as fast as they are sent.
        case(Kind::Chunk, "s/", Fault::KeepOnly(0), &large);
        case(Kind::LastChunk, "s/", Fault::KeepOnly(0), &small);
    });
}

#[test]
fn cancels_that_are_not_answered_hold_nothing_up() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::Cancel, "", FOR_EVER, SILENT);
    let target = patient(&service);
    let mut child = target.spawn();
    // Three uploads that no STATE covers.
    let input: String = ["a", "b", "c"]
        .iter()
        .map(|name| rows(20).replace("\"s\"", &format!("\"{name}\"")))
        .collect();
    let feeder = feed(&mut child, input);
    let begun = |service: &Gcs| {
        let log = service.log();
        log.iter()
            .filter(|request| request.kind == Kind::Chunk)
            .count()
            >= 3
    };
    until("three uploads", || begun(&service));
    let sent = Instant::now();
    send("-TERM", &child);
    end(child, "silent cancels", 143, sent);
    feeder.join().unwrap();
}

#[test]
fn a_request_in_flight_is_broken_off_and_made_again() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::LastChunk, "s/", 1, SILENT);
    let target = patient(&service);
    let mut child = target.spawn();
    let feeder = feed(&mut child, rows(1) + &state("s", json!({ "at": 1 })));
    until("an upload", || {
        service
            .log()
            .iter()
            .any(|request| request.kind == Kind::LastChunk)
    });
    let sent = Instant::now();
    send("-INT", &child);
    let run = end(child, "one silent upload", 130, sent);
    feeder.join().unwrap();
    assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
    assert_eq!(service.objects().len(), 2, "data and state");
    assert_eq!(service.open_sessions(), 0);
}

#[test]
fn a_signal_ends_a_run_whose_output_nobody_reads() {
    let target = Target::local().with("flush_interval_seconds", 0);
    let mut child = target.spawn();
    let states = |at: u32| state("s", json!({ "at": at, "text": "y".repeat(10_000) }));
    let input = schema("s") + &(0..100).map(states).collect::<String>();
    let mut stdout = child.stdout.take().unwrap();
    let feeder = feed(&mut child, input);
    // The pipe takes a few of them.
    std::thread::sleep(Duration::from_secs(2));
    let sent = Instant::now();
    send("-TERM", &child);
    end(child, "blocked output", 143, sent);
    let mut printed = String::new();
    stdout.read_to_string(&mut printed).unwrap();
    assert!(printed.starts_with("{\"bookmarks\""));
    drop(feeder);
}

#[test]
fn two_signals_of_a_supervisor_and_a_terminal_are_one_wish() {
    for (first, second) in [("-INT", "-TERM"), ("-TERM", "-INT")] {
        let target = Target::local();
        let mut child = target.spawn();
        let rows: String = (0..3000)
            .map(|id| record("s", json!({ "id": id })))
            .collect();
        let feeder = feed(
            &mut child,
            schema("s") + &rows + &state("s", json!({ "at": 1 })),
        );
        std::thread::sleep(Duration::from_secs(1));
        let sent = Instant::now();
        send(first, &child);
        send(second, &child);
        let run = ended(child, &format!("{first} {second}"), sent);
        feeder.join().unwrap();
        // Of two signals that wait at once, the kernel delivers the one of the lower number
        // first, whichever was sent first.
        let told = match run.code {
            Some(130) => "stopped by SIGINT",
            Some(143) => "stopped by SIGTERM",
            other => panic!("{first} {second}: {other:?}: {}", run.stderr),
        };
        assert!(
            run.stderr.contains(told),
            "{first} {second}: {}",
            run.stderr
        );
        assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n");
        assert_eq!(target.files().len(), 2, "data and state");
    }
}

#[test]
fn a_second_interrupt_ends_the_process_at_once() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::List, "", FOR_EVER, SILENT);
    let target = patient(&service);
    let child = target.spawn();
    until("a listing", || !service.log().is_empty());
    send("-INT", &child);
    std::thread::sleep(Duration::from_millis(500));
    let sent = Instant::now();
    send("-INT", &child);
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, None, "killed by the signal: {}", run.stderr);
    assert!(sent.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_signal_is_heard_while_a_token_service_is_silent() {
    let tokens = http::Server::start(|_| {
        std::thread::sleep(Duration::from_mins(1));
        http::Reply::empty(500)
    });
    let target = Target::local()
        .with("destination", "gs://lake")
        .with("endpoint", "https://127.0.0.1:9");
    let file = target.folder.path().join("key.json");
    let credentials = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret",
        "refresh_token": "refresh", "token_uri": format!("{}/token", tokens.base_url()),
    });
    std::fs::write(&file, credentials.to_string()).unwrap();
    let target = target.with("credentials_file", file.to_str().unwrap());
    let child = target.spawn();
    until("a token", || tokens.requests() > 0);
    let sent = Instant::now();
    send("-TERM", &child);
    end(child, "silent token service", 143, sent);
}

#[test]
fn bytes_that_nobody_takes_end_the_run_without_a_signal() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::Chunk, "s/", FOR_EVER, Fault::KeepOnly(0));
    let target = Target::gcs(&service).with("retry_deadline_seconds", 2);
    let run = target.run(rows(20) + &state("s", json!({ "at": 1 })));
    assert!(
        run.failed(1).contains("the service took none of the bytes"),
        "{}",
        run.stderr
    );
    assert!(service.log().len() < 50, "{}", service.log().len());
}

#[test]
fn a_proxy_that_can_t_be_used_is_refused() {
    let target = Target::local()
        .with("destination", "gs://lake")
        .with("endpoint", "https://storage.test");
    for value in [
        "socks5://user:planted@127.0.0.1:9",
        "ftp://user:planted@127.0.0.1:9",
    ] {
        let mut command = target.command();
        let output = command.env("HTTPS_PROXY", value).output().unwrap();
        let run: Run = output.into();
        let message = run.failed(2);
        assert!(message.contains("HTTPS_PROXY"), "{message}");
        assert!(!message.contains("planted"), "{message}");
    }
}
