//! Credentials against servers on loopback. The binary sends none over plain http, so this is
//! tested from within.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use simulators::{gcs, http};

use super::auth::Tokens;
use super::gcs::GcsStore;
use crate::cli::stop::Stop;
use crate::target::config::BucketConfig;

/// Gives out `token-1`, `token-2`, ….
fn token_service() -> (http::Server, Arc<AtomicU32>) {
    let given = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&given);
    let server = http::Server::start(move |_| {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let token = json!({
            "access_token": format!("token-{number}"), "expires_in": 3600, "token_type": "Bearer",
        });
        http::Reply::json(200, token.to_string())
    });
    (server, given)
}

fn store(service: &gcs::Gcs, token_url: &str) -> GcsStore {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials.json");
    let credentials = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret",
        "refresh_token": "refresh", "token_uri": format!("{token_url}/token"),
    });
    fs::write(&file, credentials.to_string()).unwrap();
    let config = BucketConfig {
        bucket: service.bucket().to_owned(),
        prefix: String::new(),
        endpoint: service.base_url(),
        credentials_file: None,
        user_project: None,
        storage_class: None,
        kms_key_name: None,
        object_metadata: std::collections::BTreeMap::default(),
        request_timeout: Duration::from_secs(5),
        retry_deadline: Duration::from_secs(5),
    };
    let tokens = Tokens::new(Some(&file), &Stop::default()).unwrap();
    GcsStore::with_tokens(&config, Some(tokens), &Stop::default()).unwrap()
}

#[test]
fn a_token_is_fetched_once_and_sent_with_each_request() {
    let (tokens, given) = token_service();
    let service = gcs::Gcs::start("lake");
    service.require_token("token-1");
    let store = store(&service, &tokens.base_url());
    assert!(store.replace("a.json", b"{}", None).is_ok());
    assert_eq!(store.entries("").unwrap(), ["a.json"]);
    assert_eq!(given.load(Ordering::SeqCst), 1);
}

#[test]
fn a_refused_token_is_replaced_by_a_fresh_one() {
    let (tokens, given) = token_service();
    let service = gcs::Gcs::start("lake");
    let store = store(&service, &tokens.base_url());
    assert!(store.replace("a.json", b"{}", None).is_ok());
    service.require_token("token-2");
    assert!(store.replace("b.json", b"{}", None).is_ok());
    assert_eq!(given.load(Ordering::SeqCst), 2);
    // Refused again, it is the account that is not welcome.
    service.require_token("another");
    let error = store.replace("c.json", b"{}", None).unwrap_err();
    assert!(error.message.contains("401"), "{error}");
    assert_eq!(given.load(Ordering::SeqCst), 3);
    assert!(service.objects().keys().eq(["a.json", "b.json"]));
}

#[test]
fn a_token_that_expires_in_the_middle_of_an_upload_is_replaced_once() {
    let (tokens, given) = token_service();
    let service = gcs::Gcs::start("lake");
    let store = store(&service, &tokens.base_url());
    let content = vec![b'x'; 20 << 20];
    // From the second of three pieces on.
    service.expire_token_at(gcs::Kind::Chunk, 2, "token-2");
    assert!(store.replace("a.json", &content, None).is_ok());
    assert_eq!(given.load(Ordering::SeqCst), 2);
    assert!(service.objects()["a.json"] == content);
    let log = service.log();
    let refused = log.iter().filter(|request| request.status == 401).count();
    let begun = log
        .iter()
        .filter(|request| request.kind == gcs::Kind::Start)
        .count();
    assert_eq!((refused, begun), (1, 1), "the session goes on");
}

#[test]
fn a_token_service_that_refuses_ends_the_run() {
    let tokens = http::Server::start(|_| http::Reply::json(400, r#"{"error":"invalid_grant"}"#));
    let service = gcs::Gcs::start("lake");
    let store = store(&service, &tokens.base_url());
    let error = store.entries("").unwrap_err();
    assert!(error.message.contains("no access token"), "{error}");
    assert!(error.message.contains("invalid_grant"), "{error}");
    assert!(error.hint.is_some());
    assert!(service.log().is_empty());
}

#[test]
fn unusable_credentials_files_are_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    for content in [
        "private words",
        r#"{"type":"private words"}"#,
        r#"{"type":"service_account"}"#,
    ] {
        fs::write(&file, content).unwrap();
        let error = Tokens::new(Some(&file), &Stop::default()).unwrap_err();
        assert!(error.message.contains("key.json"), "{error}");
        assert!(!error.message.contains("private words"), "{error}");
    }
}

#[test]
fn a_service_account_signs_its_own_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let credentials = json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k",
        "private_key": http::ACCOUNT_KEY,
        "client_email": "loader@p.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:9/never-asked",
    });
    fs::write(&file, credentials.to_string()).unwrap();
    let tokens = Tokens::new(Some(&file), &Stop::default()).unwrap();
    let Ok(authorization) = tokens.authorization(None) else {
        panic!("no token");
    };
    let header = authorization.headers["authorization"].to_str().unwrap();
    assert!(header.starts_with("Bearer ey"), "{header}");
    assert_eq!(header.matches('.').count(), 2);
}
