//! A bucket over TLS, with credentials: whose certificate is trusted, what goes with each request, and
//! what ends a run within seconds because nothing was ever answered.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulators::gcs::Gcs;
use simulators::http::{ACCOUNT_KEY, AUTHORITY, Reply, Server, TlsFront};

use crate::harness::{Run, Target, record, schema, state};

/// What ends before this didn't wait for a deadline of 600 s, however busy the machine is.
const FAR_FROM_THE_DEADLINE: Duration = Duration::from_secs(200);

fn input() -> String {
    schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 }))
}

/// Gives a token to whoever asks, in the form of each kind of token service.
fn token_service() -> Server {
    Server::start(|request| {
        let token = if request.path.contains("generateAccessToken") {
            json!({ "accessToken": "token", "expireTime": "2100-01-01T00:00:00Z" })
        } else {
            json!({
                "access_token": "token", "expires_in": 3600, "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            })
        };
        Reply::json(200, token.to_string())
    })
}

fn authorized_user(tokens: &Server) -> Value {
    json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret",
        "refresh_token": "refresh", "token_uri": format!("{}/token", tokens.base_url()),
    })
}

/// It signs its tokens itself.
fn service_account() -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k",
        "client_email": "a@p.iam.gserviceaccount.com", "private_key": ACCOUNT_KEY,
    })
}

/// A target with these credentials, and the bucket `lake` at `endpoint`.
fn target(endpoint: &str, credentials: &Value) -> Target {
    let target = Target::local()
        .with("destination", "gs://lake")
        .with("retry_deadline_seconds", 600);
    let file = target.folder.path().join("key.json");
    std::fs::write(&file, credentials.to_string()).unwrap();
    let target = target.with("credentials_file", file.to_str().unwrap());
    if endpoint.is_empty() {
        return target;
    }
    target.with("endpoint", endpoint)
}

/// Runs it with that environment and no other proxies and certificates.
fn run(target: &Target, environment: &[(&str, &str)]) -> Run {
    let messages = target.folder.path().join("messages.jsonl");
    std::fs::write(&messages, input()).unwrap();
    let mut command: Command = target.command();
    command.arg("--input").arg(messages);
    for name in ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(environment.iter().copied());
    let begun = Instant::now();
    let run = command.output().unwrap().into();
    assert!(begun.elapsed() < FAR_FROM_THE_DEADLINE);
    run
}

/// The file that makes the servers of these tests trusted.
fn authority(folder: &Path) -> String {
    let file = folder.join("authority.pem");
    std::fs::write(&file, AUTHORITY).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_certificate_that_nobody_trusts_ends_the_run_at_once() {
    let (service, tokens) = (Gcs::start("lake"), token_service());
    let front = TlsFront::start(&service.base_url());
    let run = run(&target(&front.base_url(), &authorized_user(&tokens)), &[]);
    let message = run.failed(1);
    assert!(
        message.contains("the certificate of https://localhost:"),
        "{message}"
    );
    assert!(message.contains("SSL_CERT_FILE"), "{message}");
    assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    assert!(service.log().is_empty());
}

#[test]
fn a_certificate_that_a_file_vouches_for_is_trusted() {
    let (service, tokens) = (Gcs::start("lake"), token_service());
    service.require_token("token");
    let front = TlsFront::start(&service.base_url());
    let target = target(&front.base_url(), &authorized_user(&tokens));
    let trusted = authority(target.folder.path());
    run(&target, &[("SSL_CERT_FILE", &trusted)]).succeeded();
    assert_eq!(service.objects().len(), 2);
}

#[test]
fn a_host_that_nobody_knows_and_a_proxy_that_is_closed_end_the_run_within_seconds() {
    let tokens = token_service();
    let target = target("https://storage.invalid", &authorized_user(&tokens));
    for environment in [&[][..], &[("HTTPS_PROXY", "http://127.0.0.1:9")]] {
        let run = run(&target, environment);
        let message = run.failed(1);
        assert!(
            message.contains("https://storage.invalid can't be reached"),
            "{message}"
        );
        assert!(message.contains("HTTPS_PROXY"), "{message}");
    }
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let tokens = token_service();
    let service = Server::start(|_| {
        let error = json!({ "error": { "code": 401, "message": "Invalid Credentials" } });
        Reply::json(401, error.to_string()).header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
    });
    let front = TlsFront::start(&service.base_url());
    let target = target(&front.base_url(), &authorized_user(&tokens));
    let trusted = authority(target.folder.path());
    let run = run(&target, &[("SSL_CERT_FILE", &trusted)]);
    let message = run.failed(1);
    assert!(message.contains("this machine's clock is"), "{message}");
}

#[test]
fn the_project_of_the_quota_goes_with_requests_whatever_the_credentials() {
    let tokens = token_service();
    let url = |path: &str| format!("{}/{path}", tokens.base_url());
    let folder = tempfile::tempdir().unwrap();
    let subject = folder.path().join("subject");
    std::fs::write(&subject, "subject token").unwrap();
    for mut credentials in [
        authorized_user(&tokens),
        service_account(),
        json!({
            "type": "impersonated_service_account", "source_credentials": authorized_user(&tokens),
            "service_account_impersonation_url": url("v1/projects/-/serviceAccounts/a:generateAccessToken"),
        }),
        json!({
            "type": "external_account", "audience": "//iam.googleapis.com/a",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": url("token"), "credential_source": { "file": subject },
        }),
    ] {
        let service = Gcs::start("lake");
        let front = TlsFront::start(&service.base_url());
        let kind = credentials["type"].clone();
        credentials["quota_project_id"] = json!("counted");
        let target = target(&front.base_url(), &credentials).with("user_project", "payer");
        let trusted = authority(target.folder.path());
        let run = run(&target, &[("SSL_CERT_FILE", &trusted)]);
        assert_eq!(run.code, Some(0), "{kind}: {}", run.stderr);
        let log = service.log();
        assert!(!log.is_empty());
        for request in log {
            assert_eq!(request.quota_project.as_deref(), Some("counted"), "{kind}");
            let is_billed = request
                .query
                .contains(&("userProject".into(), "payer".into()));
            let is_of_session = request.query.iter().any(|(name, _)| name == "upload_id");
            assert!(is_billed || is_of_session, "{kind}: {request:?}");
            let authorization = request.authorization.unwrap_or_default();
            assert!(authorization.starts_with("Bearer "), "{kind}");
        }
    }
}

/// A proxy that notes which hosts it is asked for, and opens the way to none.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut byte = [0];
            while !head.ends_with("\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                head.push(char::from(byte[0]));
            }
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            if sender.send(head).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

#[test]
fn credentials_of_another_cloud_go_to_its_own_storage_alone() {
    let mut credentials = service_account();
    credentials["universe_domain"] = json!("cloud.example");
    let (url, asked) = proxy();
    let google = target("", &credentials).with("retry_deadline_seconds", 1);
    let run_it = run(&google, &[("HTTPS_PROXY", &url)]);
    run_it.failed(1);
    let asked: Vec<String> = asked.try_iter().collect();
    assert!(!asked.is_empty(), "{}", run_it.stderr);
    for head in asked {
        assert!(
            head.starts_with("CONNECT storage.cloud.example:443 "),
            "{head}"
        );
        assert!(!head.contains("token"), "{head}");
    }
    credentials["universe_domain"] = json!("cloud.example/../googleapis.com");
    let run = run(&target("", &credentials), &[("HTTPS_PROXY", &url)]);
    assert!(
        run.failed(2).contains("`universe_domain`"),
        "{}",
        run.stderr
    );
}
