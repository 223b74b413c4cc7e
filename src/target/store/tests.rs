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
    let label = "PRIVATE KEY";
    let key = format!("-----BEGIN {label}-----\n{THROW_AWAY_KEY}-----END {label}-----\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let credentials = json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k",
        "private_key": key,
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

/// An RSA key that opens nothing, made for the test above: signing it takes a real one, and nothing
/// among the dependencies makes any.
const THROW_AWAY_KEY: &str = "\
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCOFsUdIBf1v3dIoIX1b/gLmFL7tvYRZ4fcobkCyMtg\n\
7kats993cFJgs3fepFPP11BWwEcKo+ud1ftQp1G0NW0kp5/CZrB1tXwhVzucAbVXVforzZZ2DecjiiIslF5Xs0PEKs80\n\
/T7HJxwfJfJ5ojy/bCAI3Re7vgKdHww2G9RWVXNdvU7mNUTZK0dQJ/QbXjuRKdniULjFhGYKKGoEmZIfyLz5HuJdUP+i\n\
KBKu377kJ4LeWsQTw0jXC38NzDiVH5JZ4VYZdP7myFVlJ+Q0KqWx38ARf46NzQvn4ZE+lg60S72A/5YPWtT60B0jKAcR\n\
o2dFZHTOCMjW0TdRFJUVUjSfAgMBAAECggEAAl0p8whuqEhYMV13p76wz23oVjG+uZ68VD+zNp2lQeaU8ceKpzpiKc5d\n\
PIIFYZwrxQBhQ4cN9iFHk27v3WH/f9rzaHuRjKkeoztdTYTQbInh+0qUqerPS/hnWyXYxU1r34lKyznktSbXFpmTWtIH\n\
1V4fe6ZErSXwddwSCvBplvTB+ad3k1FnaTO4KQHf5DUjreX7K4XE3HE81F7PXWrYM5Wb7BAqhN8ZkZ5Pfi8CQUqfdeAj\n\
kNYxQqn7SA8jw0GDzjyWQiqEBKNC9oQ0WByYnLoOcygYxvitb5X4rZ5rsY/X4OZVdVjDZLXA/KZH3iDsd+iXS5yWHywV\n\
4GvDdJm5YQKBgQC+9pqMusaV13++The4M9SX/AqTyAMP0+pJhsQQDQnoTemkxbIWnpne4/zEgLnvNKhrs2s37TQuziTX\n\
SZyvRc68ngy3e7PB4E3qXzb4cXPRM+ZvZkgIns66xeVMWWNg7UD2pa/+odtVzDO1DXzLh4BJIRWuFm8SP6Rj3JVPvT1d\n\
rwKBgQC+ev03YXBkC1gZd+uNW4RX+Ji5CCkZW9xWNQ568NwPTh7CqFR5y1O1RmBDf6ikpfoZyjfCZJm5BY6fJdaDqQTT\n\
mcWiHij4+nAuV8Pzv1zkTcNZnnz1XWUPQFWVhlHBHNlyFFCubxbrYz9sI01Z910gm303ho6Viq67YzUHHgvEEQKBgH/e\n\
CnCPJCfza3MXQWSzN/go6UA5Hmu7v1ZKagBBas/lU7xkMDJbMrb/vCIr+9SDUv8C3ZlOOLHakOqjPMpUGPFNd0BpEV2R\n\
fzqfVOSYuy9q7DLNrxAunkiL+FTeSd/+HZDKMwVyhbZ2jG0AQf7alXjiMW0nUmpKuR2w9z20fmG7AoGAEzJ4BLXYSuzt\n\
wxtX7RY1H1yZn8RXyAt/CF0uiWtu8kfwR7QJV4ELfbCLESJzj6x+qUy9E+VprMEHn7iDhx9osh7EUVNy060B01nbENzP\n\
ct73ejfD5kK0ZbYZKgmwgaLzs1Ci1QGzMKP/B1oDeLa6dwfUtdzkz+N7Or2D4aTAkNECgYAfVykEZMaqWB6baAJ7GuMJ\n\
vsRIpvxMBeiC2XOJbkYqL7syLlEdHOOKOjmplVTSxDOtYFtpkEnZcN7/Eo4WdH3htviywVuoxAFusXYrt1geop0VeRWv\n\
Dtt3v/y6wDQ1r0kbInYu1epY+KISTwxqHsNoMZV7ZQDB1ovo2KegJYUYVg==\n\
";
