//! What the user is told when the service fails for good, and what is left behind then: no state
//! beyond what is stored.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::harness::{Run, Target, record, schema, state};
use serde_json::json;
use simulators::gcs::{Fault, Gcs, Kind};

const ROWS: u32 = 20;

/// About 20 MB in one stream: two chunks and a last one.
fn large_input() -> String {
    let mut input = schema("s");
    for id in 0..ROWS {
        let row = json!({ "id": id, "text": "abcdefghij".repeat(100_000) });
        input += &record("s", row);
    }
    input + &state("s", json!({ "at": 1 }))
}

fn small_input() -> String {
    schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 }))
}

/// Nothing may exist afterwards: no object, no session, no state.
#[track_caller]
fn fails_clean(service: &Gcs, input: String) -> String {
    let run = Target::gcs(service).run(input);
    let message = run.failed(1).to_owned();
    assert_eq!(run.stdout, "");
    assert_eq!(service.objects().len(), 0, "{message}");
    assert_eq!(service.open_sessions(), 0, "{message}");
    assert_eq!(service.faults_left(), 0, "{message}");
    let now = chrono::Utc::now().format("%Y").to_string();
    let date_from = message.find(&format!("year={now}"));
    let date_to = message.find(".json");
    match (date_from, date_to) {
        (Some(from), Some(to)) => format!("{}…{}", &message[..from], &message[to..]),
        _ => message,
    }
}

#[test]
fn what_is_lost_for_good_fails_the_run() {
    let with = |nth: u32, kind: Kind, fault: Fault| {
        let service = Gcs::start("lake");
        service.fail_nth(nth, kind, fault);
        fails_clean(&service, large_input())
    };
    insta::assert_snapshot!(with(1, Kind::Start, Fault::Status(403)), @"
    can't upload gs://lake/s/….json: the service answered 403 Forbidden (planned by the test)
    hint: the account needs storage.objects.create, .get, .list and .delete on the bucket lake (role Storage Object User)
    ");
    insta::assert_snapshot!(with(1, Kind::List, Fault::Status(403)), @"
    can't list gs://lake/_intercom_state/: the service answered 403 Forbidden (planned by the test)
    hint: the account needs storage.objects.create, .get, .list and .delete on the bucket lake (role Storage Object User)
    ");
    insta::assert_snapshot!(with(1, Kind::Start, Fault::Status(401)), @"
    can't upload gs://lake/s/….json: the service answered 401 Unauthorized (planned by the test)
    hint: the credentials were refused twice: check `credentials_file` or Application Default Credentials
    ");
    insta::assert_snapshot!(with(1, Kind::Start, Fault::Status(301)), @"can't upload gs://lake/s/….json: the service answered 301 Moved Permanently (planned by the test)");
}

#[test]
fn a_session_that_is_lost_each_time_fails_the_run() {
    let service = Gcs::start("lake");
    service.fail_object(2, Kind::Chunk, "s/", 4, Fault::ForgetSession(410));
    let message = fails_clean(&service, large_input());
    insta::assert_snapshot!(message, @"
    can't upload gs://lake/s/….json: its upload session is lost: the service answered 410 Gone (the session is gone)
    hint: nothing of it was stored; run again
    ");
}

#[test]
fn bytes_that_can_t_be_kept_are_uploaded_all_the_same() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let run = |target: &Target| {
        let mut command = target.command();
        // No temporary file can be made here.
        command.env("TMPDIR", "/proc/none");
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(large_input().as_bytes()).unwrap();
        drop(stdin);
        Run::from(child.wait_with_output().unwrap())
    };
    run(&target).succeeded();
    service.fail_nth(2, Kind::Chunk, Fault::ForgetSession(410));
    let failed = run(&target);
    assert!(failed.failed(1).contains("its upload session is lost"));
    assert!(failed.stderr.contains("can't be kept"), "{}", failed.stderr);
}

#[test]
fn a_state_damaged_on_its_way_down_is_not_believed() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    target.run(small_input()).succeeded();
    service.fail_object(1, Kind::Read, "_state", 2, Fault::DamageReply);
    let run = target.read_state(&[]);
    assert_eq!(run.succeeded(), [r#"{"bookmarks":{"s":{"at":1}}}"#]);
    assert!(run.stderr.contains("damaged on the way"), "{}", run.stderr);
    for fault in [Fault::DamageReply, Fault::Html] {
        service.fail_object(1, Kind::Read, "_state", 1_000_000, fault);
        let target = Target::gcs(&service).with("retry_deadline_seconds", 2);
        let run = target.read_state(&[]);
        run.failed(1);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_service_that_asks_for_ages_is_asked_again_within_the_deadline() {
    for asked in ["18446744073709551615", "3600", "1e300"] {
        let service = Gcs::start("lake");
        service.fail_nth(1, Kind::List, Fault::AskLater(asked));
        let target = Target::gcs(&service).with("retry_deadline_seconds", 2);
        target.run(small_input()).succeeded();
    }
}

#[test]
fn a_missing_bucket_is_named() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service).with("destination", "gs://other-lake");
    let run = target.run(small_input());
    insta::assert_snapshot!(run.failed(1), @"
    can't list gs://other-lake/_intercom_state/: the service answered 404 Not Found (The specified bucket does not exist.)
    hint: check that the bucket other-lake exists and that `destination` names it
    ");
    assert_eq!(
        service.log().len(),
        1,
        "permanent answers are not asked for twice"
    );
}

#[test]
fn trying_again_has_an_end() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::LastChunk, "s/", 1000, Fault::Status(503));
    let target = Target::gcs(&service).with("retry_deadline_seconds", 2);
    let run = target.run(small_input());
    let message = run.failed(1);
    assert!(
        message.contains("503") && message.contains("tries in"),
        "{message}"
    );
    assert_eq!(run.stdout, "");
    assert!(service.objects().is_empty());
    assert_eq!(service.open_sessions(), 0);
}

#[test]
fn one_stream_s_failure_holds_back_every_state() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::LastChunk, "tags/", 1, Fault::Status(403));
    let input = schema("tags") + &record("tags", json!({ "id": 1 })) + &small_input();
    let run = Target::gcs(&service).run(input);
    run.failed(1);
    assert_eq!(run.stdout, "");
    let names: Vec<String> = service.objects().into_keys().collect();
    assert!(names.iter().all(|name| name.starts_with("s/")), "{names:?}");
    assert_eq!(service.open_sessions(), 0);
}

#[test]
fn a_state_that_can_t_be_written_is_not_printed() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::Start, "_intercom_state/", 1, Fault::Status(403));
    let run = Target::gcs(&service).run(small_input());
    assert!(
        run.failed(1)
            .contains("gs://lake/_intercom_state/s_state.json")
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn a_commit_that_fails_ends_the_run_while_its_input_goes_on() {
    let service = Gcs::start("lake");
    service.fail_object(1, Kind::Start, "_intercom_state", 1, Fault::Status(403));
    let target = Target::gcs(&service).with("flush_interval_seconds", 0);
    let mut child = target.spawn();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(small_input().as_bytes()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it waits for the end of input");
        std::thread::sleep(Duration::from_millis(20));
    }
    let run: Run = child.wait_with_output().unwrap().into();
    assert!(run.failed(1).contains("403"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert_eq!(service.open_sessions(), 0);
    drop(stdin);
}

#[test]
fn a_state_that_another_run_moved_is_a_conflict() {
    for existed in [false, true] {
        let service = Gcs::start("lake");
        let target = Target::gcs(&service);
        if existed {
            target
                .run(schema("s") + &state("s", json!({ "at": 0 })))
                .succeeded();
        }
        let mut feeding = target.start();
        let theirs = r#"{"bookmarks":{"s":{"at":9}}}"#;
        service.put("_intercom_state/s_state.json", theirs);
        feeding.feed(&small_input());
        let run = feeding.end();
        insta::allow_duplicates! {
            insta::assert_snapshot!(run.failed(1), @"
            gs://lake/_intercom_state/s_state.json was changed by another run
            hint: two runs write the same streams: let one end before the next begins; the data of this run is stored and will be read again
            ");
        }
        assert_eq!(run.stdout, "");
        assert_eq!(
            service.objects()["_intercom_state/s_state.json"],
            theirs.as_bytes()
        );
    }
}

#[test]
fn a_taken_name_is_replaced_by_the_next() {
    // Refused when the session begins, and refused when it ends.
    for kind in [Kind::Start, Kind::LastChunk] {
        let service = Gcs::start("lake");
        service.fail_object(1, kind, "s/", 1, Fault::Status(412));
        let run = Target::gcs(&service).run(small_input());
        run.succeeded();
        let log = service.log();
        let names: Vec<&str> = log
            .iter()
            .filter(|request| request.kind == Kind::Start && request.object.starts_with("s/"))
            .map(|request| request.object.as_str())
            .collect();
        assert_eq!(names.len(), 2);
        assert_ne!(names[0], names[1]);
        assert!(service.objects().contains_key(names[1]));
        assert_eq!(service.open_sessions(), 0);
    }
}
