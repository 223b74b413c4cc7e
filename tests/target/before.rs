//! Before the first byte, a run knows that it can come to its end, or says within seconds why not.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use simulators::gcs::{Fault, Gcs, Kind};
use simulators::http;

use crate::harness::{Run, Target, record, schema, state};

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:9";
/// What ends before this didn't wait for a deadline of 600 s, however busy the machine is.
const FAR_FROM_THE_DEADLINE: Duration = Duration::from_secs(200);

fn input() -> String {
    schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 }))
}

/// A target of a bucket that takes credentials, and finds none but those of its settings.
fn secured() -> Target {
    Target::local()
        .with("destination", "gs://lake")
        .with("endpoint", format!("https://{NOWHERE}"))
        .with("retry_deadline_seconds", 3)
}

fn command(target: &Target, metadata_host: &str) -> Command {
    let mut command = target.command();
    command
        .env("HOME", target.folder.path())
        .env("GCE_METADATA_HOST", metadata_host)
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS");
    command
}

fn run(mut command: Command) -> (Run, Duration) {
    let begun = Instant::now();
    let run: Run = command.output().unwrap().into();
    let took = begun.elapsed();
    let told = run.stderr.lines().find(|line| line.contains("ERROR"));
    eprintln!(
        "| {:.1} s | {:?} | {} |",
        took.as_secs_f64(),
        run.code,
        told.unwrap_or_default()
    );
    (run, took)
}

fn authorized_user(token_url: &str) -> serde_json::Value {
    json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "planted-secret",
        "refresh_token": "planted-refresh", "token_uri": format!("{token_url}/token"),
    })
}

fn with_credentials(target: Target, content: &str) -> Target {
    let file = target.folder.path().join("key.json");
    std::fs::write(&file, content).unwrap();
    target.with("credentials_file", file.to_str().unwrap())
}

fn token() -> http::Reply {
    let token = json!({ "access_token": "token", "expires_in": 3600, "token_type": "Bearer" });
    http::Reply::json(200, token.to_string())
}

#[test]
fn no_credentials_are_told_within_seconds() {
    let target = secured().with("retry_deadline_seconds", 600);
    let (run, took) = run(command(&target, NOWHERE));
    let message = run.failed(1);
    for word in [
        "no Google credentials were found",
        "`credentials_file`",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "application_default_credentials.json",
        "metadata server",
        "hint: run `gcloud auth application-default login`",
    ] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(took < FAR_FROM_THE_DEADLINE, "{took:?}");
    assert!(run.stderr.len() < 6000, "{}", run.stderr);
}

#[test]
fn a_metadata_server_that_starts_late_is_waited_for() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let starter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(5));
        http::Server::start_on(port, move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            token()
        })
    });
    let target = secured();
    let target = target.with("retry_deadline_seconds", 120);
    let (run, _) = run(command(&target, &format!("127.0.0.1:{port}")));
    let _server = starter.join().unwrap();
    // The token came; the storage service doesn't.
    assert!(asked.load(Ordering::SeqCst) > 0, "{}", run.stderr);
    let message = run.failed(1);
    assert!(message.contains("can't be reached"), "{message}");
    assert!(!message.contains("credentials"), "{message}");
}

#[test]
fn a_token_service_that_fails_once_costs_one_retry() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let tokens = http::Server::start(move |_| match counter.fetch_add(1, Ordering::SeqCst) {
        0 => http::Reply::json(503, r#"{"error":"planted-secret"}"#),
        _ => token(),
    });
    let content = authorized_user(&tokens.base_url()).to_string();
    let target = with_credentials(secured(), &content);
    let (run, took) = run(command(&target, NOWHERE));
    run.failed(1);
    assert_eq!(asked.load(Ordering::SeqCst), 2, "{}", run.stderr);
    assert!(took < FAR_FROM_THE_DEADLINE, "{took:?}");
    assert!(!run.stderr.contains("planted"), "{}", run.stderr);
}

#[test]
fn a_token_service_that_refuses_ends_the_run_at_once() {
    let tokens = http::Server::start(|_| {
        http::Reply::json(
            400,
            r#"{"error":"invalid_grant","error_description":"planted"}"#,
        )
    });
    let content = authorized_user(&tokens.base_url()).to_string();
    let target = with_credentials(secured(), &content).with("retry_deadline_seconds", 600);
    let (run, took) = run(command(&target, NOWHERE));
    let message = run.failed(1);
    assert!(message.contains("`invalid_grant`"), "{message}");
    assert!(!run.stderr.contains("planted"), "{}", run.stderr);
    assert!(took < FAR_FROM_THE_DEADLINE, "{took:?}");
}

#[test]
fn a_token_service_that_nobody_runs_ends_the_run_within_seconds() {
    let content = authorized_user(&format!("http://{NOWHERE}")).to_string();
    let target = with_credentials(secured(), &content).with("retry_deadline_seconds", 600);
    let (run, took) = run(command(&target, NOWHERE));
    let message = run.failed(1);
    assert!(message.contains("can't be reached"), "{message}");
    assert!(took < FAR_FROM_THE_DEADLINE, "{took:?}");
}

#[test]
fn credentials_files_that_can_t_be_used_are_usage_faults() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |path: &str| {
        let target = secured().with("credentials_file", path);
        let (run, _) = run(command(&target, NOWHERE));
        let message = run.failed(2).to_owned();
        assert!(!run.stderr.contains("planted"), "{}", run.stderr);
        message
    };
    assert!(fault("missing.json").contains("missing.json"));
    assert!(fault(folder.path().to_str().unwrap()).contains("it is a directory"));
    for (content, word) in [
        ("planted words", "it is not JSON"),
        (
            r#"{"type":"planted"}"#,
            "its `type` is none of service_account",
        ),
        (
            r#"{"type":"authorized_user","client_id":"planted"}"#,
            "it lacks `client_secret`",
        ),
        (
            r#"{"type":"service_account","client_email":"a@b","private_key":"planted","private_key_id":"k"}"#,
            "its key isn't one",
        ),
    ] {
        let file = folder.path().join("key.json");
        std::fs::write(&file, content).unwrap();
        let message = fault(file.to_str().unwrap());
        assert!(message.contains(word), "{word}: {message}");
    }
    // The key itself, where its path belongs.
    let message = fault(r#"{"type":"service_account","private_key":"planted"}"#);
    assert!(message.contains("the path of their file"), "{message}");
}

#[test]
fn an_account_that_may_not_delete_loads_nothing() {
    let service = Gcs::start("lake");
    service.grant(&[
        "storage.objects.create",
        "storage.objects.get",
        "storage.objects.list",
    ]);
    let run = Target::gcs(&service).run(input());
    insta::assert_snapshot!(run.failed(1), @"
    the account may not do all that a run needs in gs://lake: it lacks storage.objects.delete
    hint: grant it the role Storage Object User on the bucket (roles/storage.objectUser)
    ");
    assert_eq!(service.objects().len(), 0);
    service.grant(&[]);
    let run = Target::gcs(&service).run(input());
    assert!(run.failed(1).contains("storage.objects.create"));
}

#[test]
fn a_bucket_that_keeps_what_is_there_is_refused() {
    for (protection, word) in [
        (
            json!({ "retentionPolicy": { "retentionPeriod": "86400" } }),
            "86400 seconds",
        ),
        (json!({ "defaultEventBasedHold": true }), "default hold"),
    ] {
        let service = Gcs::start("lake");
        service.protect(protection);
        let run = Target::gcs(&service).run(input());
        assert!(run.failed(1).contains(word), "{}", run.stderr);
        assert_eq!(service.objects().len(), 0);
    }
    let service = Gcs::start("lake");
    service.protect(json!({ "retentionPolicy": { "retentionPeriod": "5" } }));
    Target::gcs(&service).run(input()).succeeded();
}

#[test]
fn services_that_don_t_know_the_questions_are_taken_as_they_are() {
    for fault in [404, 400, 403, 501, 405] {
        let service = Gcs::start("lake");
        service.fail_object(1, Kind::Check, "", 1_000_000, Fault::Status(fault));
        let target = Target::gcs(&service).with("retry_deadline_seconds", 1);
        target.run(input()).succeeded();
    }
}

#[test]
fn a_test_prints_what_a_run_needs() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    target.run(input()).succeeded();
    let test = |target: &Target| -> Run {
        let mut command = target.command();
        command.arg("--test").output().unwrap().into()
    };
    let requests = service.log().len();
    insta::assert_snapshot!(test(&target).succeeded().join("\n"), @"
    destination  ok  gs://lake/
    state        ok  1 state objects
    permissions  ok  create, get, list and delete
    retention    ok  none
    ");
    let log = service.log();
    assert!(
        log[requests..]
            .iter()
            .all(|request| request.method == "GET")
    );
    service.put("_intercom_state/s_state.json", "torn");
    assert!(test(&target).failed(1).contains("no Singer state"));
}

#[test]
fn refusals_are_told_by_their_reason() {
    for (reason, word) in [
        ("forbidden", "role Storage Object User"),
        ("retentionPolicyNotMet", "retention policy"),
        ("objectUnderActiveHold", "hold"),
        ("kmsPermissionDenied", "Cloud KMS"),
        ("accountDisabled", "billing"),
        ("vpcServiceControls", "VPC"),
        ("quotaExceeded", "quota"),
        ("userProjectMissing", "`user_project`"),
    ] {
        let service = Gcs::start("lake");
        service.fail_object(1, Kind::Start, "s/", 1, Fault::Refuse(reason));
        let run = Target::gcs(&service).run(input());
        let hint = run.failed(1).split("hint: ").nth(1).unwrap_or_default();
        assert!(hint.contains(word), "{reason}: {}", run.stderr);
    }
}

#[test]
fn requests_are_billed_to_the_project_that_is_set() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service).with("user_project", "payer");
    target.run(input()).succeeded();
    for request in service.log() {
        let billed = request
            .query
            .contains(&("userProject".into(), "payer".into()));
        let is_of_session = request.query.iter().any(|(name, _)| name == "upload_id");
        assert!(billed || is_of_session, "{request:?}");
    }
}
