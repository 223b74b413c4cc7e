//! Before the first byte: whether the bucket lets a run come to its end. Services that don't know
//! these questions are taken to allow all.

use serde::Deserialize;
use ureq::http::StatusCode;

use super::bucket::{Bucket, get};
use super::error::StoreError;

/// Replacing a state object deletes the one before.
const NEEDED: &[&str] = &[
    "storage.objects.create",
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.delete",
];
/// State is written at most this often, so that a shorter retention is over before the next time.
const SHORT_RETENTION_SECONDS: u64 = 60;

#[derive(Deserialize)]
struct Granted {
    /// Tells an answer without any permission from that of a service that doesn't know the question.
    kind: String,
    #[serde(default)]
    permissions: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Protection {
    retention_policy: Option<RetentionPolicy>,
    default_event_based_hold: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetentionPolicy {
    /// Decimal seconds.
    retention_period: String,
}

/// Asks for permissions and protections; gives what was found, for people.
pub fn check(bucket: &Bucket) -> Result<Vec<(&'static str, String)>, StoreError> {
    let permissions = permissions(bucket)?;
    let protection = protection(bucket)?;
    Ok(vec![
        ("permissions", permissions),
        ("retention", protection),
    ])
}

fn permissions(bucket: &Bucket) -> Result<String, StoreError> {
    let name = &bucket.config.bucket;
    let asked: Vec<String> = NEEDED
        .iter()
        .map(|permission| format!("permissions={permission}"))
        .collect();
    let call = get(format!(
        "/storage/v1/b/{name}/iam/testPermissions?{}",
        asked.join("&")
    ));
    let what = format!("ask what is allowed in gs://{name}");
    let reply = bucket.client.send_with_retries(&call, &what)?;
    let granted: Option<Granted> = serde_json::from_slice(&reply.body)
        .ok()
        .filter(|granted: &Granted| granted.kind == "storage#testIamPermissionsResponse");
    let (StatusCode::OK, Some(granted)) = (reply.status, granted) else {
        return Ok("not told by this service".to_owned());
    };
    let lacking: Vec<&str> = NEEDED
        .iter()
        .copied()
        .filter(|needed| !granted.permissions.iter().any(|own| own == needed))
        .collect();
    if lacking.is_empty() {
        return Ok("create, get, list and delete".to_owned());
    }
    Err(StoreError::failed(format_args!(
        "the account may not do all that a run needs in gs://{name}: it lacks {}",
        lacking.join(", ")
    ))
    .hint("grant it the role Storage Object User on the bucket (roles/storage.objectUser)"))
}

fn protection(bucket: &Bucket) -> Result<String, StoreError> {
    let name = &bucket.config.bucket;
    let call = get(format!(
        "/storage/v1/b/{name}?fields=retentionPolicy,defaultEventBasedHold"
    ));
    let what = format!("look at gs://{name}");
    let reply = bucket.client.send_with_retries(&call, &what)?;
    // To see it takes storage.buckets.get, which the role doesn't hold.
    if reply.status != StatusCode::OK {
        return Ok("not visible to this account".to_owned());
    }
    let protection: Protection = serde_json::from_slice(&reply.body).unwrap_or_default();
    let seconds = protection
        .retention_policy
        .and_then(|policy| policy.retention_period.parse::<u64>().ok())
        .filter(|seconds| *seconds > SHORT_RETENTION_SECONDS);
    let fault = match (seconds, protection.default_event_based_hold) {
        (Some(seconds), _) => format!("its retention policy keeps objects for {seconds} seconds"),
        (None, true) => "its default hold is on every object".to_owned(),
        (None, false) => return Ok("none".to_owned()),
    };
    Err(StoreError::failed(format_args!(
        "the state objects in gs://{name} could not be replaced: {fault}"
    ))
    .hint("use a bucket without retention policy and default hold; versioning and soft delete do no harm"))
}
