//! What all requests about one bucket share: names, limits, what an object is said to be, and what a
//! refusal means.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;
use ureq::http::{Method, StatusCode};

use super::error::StoreError;
use super::http::{Reply, StorageCall, StorageClient};
use super::names::ObjectNames;
use crate::http::patience::clock_differs_by;
use crate::target::config::BucketConfig;

/// Chunks must be multiples of this, in bytes; all but the last one.
pub const CHUNK_UNIT: usize = 256 * 1024;
/// What Google recommends for one upload, in bytes.
pub const LARGEST_CHUNK: usize = 8 * 1024 * 1024;
/// What the chunks of all open uploads may take together, in bytes.
const CHUNK_BUDGET: usize = 40 * 1024 * 1024;
/// How long a cancel may take: what isn't cancelled vanishes by itself.
const CANCEL_TIME: Duration = Duration::from_secs(2);
/// Tokens bear longer ones.
const LARGEST_CLOCK_DIFFERENCE_SECONDS: u64 = 300;
/// In a path, a slash of an object's name is encoded too.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What all uploads to a bucket share.
#[derive(Debug)]
pub struct Bucket {
    pub client: StorageClient,
    pub config: BucketConfig,
    open_uploads: AtomicUsize,
    /// Whether a cancel was not answered: the others would wait as long.
    are_cancels_given_up: AtomicBool,
}

/// What an upload is for, and with it what a failed precondition means.
#[derive(Debug)]
pub enum UploadPurpose {
    /// A new object: a taken name is replaced by the next one.
    Create {
        /// Where names come from.
        names: ObjectNames,
        /// The object's media type.
        content_type: &'static str,
    },
    /// An object that must have this generation, 0 meaning that there is none; `None`: any.
    Replace(Option<i64>),
}

/// An object's metadata, as far as it matters.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    /// Decimal.
    #[serde(default)]
    pub size: Option<String>,
    /// Base64 of the big-endian checksum.
    #[serde(default)]
    pub crc32c: Option<String>,
    /// Decimal.
    #[serde(default)]
    pub generation: Option<String>,
}

impl Metadata {
    /// Whether it says what is stored: size and checksum.
    pub fn is_evidence(&self) -> bool {
        self.size.is_some() && self.crc32c.is_some()
    }
}

impl Bucket {
    pub fn new(client: StorageClient, config: BucketConfig) -> Self {
        Self {
            client,
            config,
            open_uploads: AtomicUsize::new(0),
            are_cancels_given_up: AtomicBool::new(false),
        }
    }

    pub fn upload_opened(&self) {
        self.open_uploads.fetch_add(1, Ordering::Relaxed);
    }

    pub fn upload_closed(&self) {
        self.open_uploads.fetch_sub(1, Ordering::Relaxed);
    }

    /// An object's name with the destination's prefix.
    pub fn object(&self, name: &str) -> String {
        format!("{}{name}", self.config.prefix)
    }

    /// The name that [`Bucket::object`] was given.
    pub fn name_of(&self, object: &str) -> String {
        object[self.config.prefix.len()..].to_owned()
    }

    pub fn url_of_object(&self, object: &str) -> String {
        format!("gs://{}/{object}", self.config.bucket)
    }

    pub fn target_of(&self, object: &str) -> String {
        format!("/storage/v1/b/{}/o/{}", self.config.bucket, encode(object))
    }

    /// The request that begins an upload session: path and query, and the object's metadata.
    pub fn start_of(&self, object: &str, purpose: &UploadPurpose) -> (String, String) {
        let mut target = format!(
            "/upload/storage/v1/b/{}/o?uploadType=resumable&name={}",
            self.config.bucket,
            encode(object)
        );
        let mut metadata = json!({});
        match purpose {
            UploadPurpose::Create { content_type, .. } => {
                target += "&ifGenerationMatch=0";
                if let Some(key) = &self.config.kms_key_name {
                    target += &format!("&kmsKeyName={}", encode(key));
                }
                metadata["contentType"] = json!(content_type);
                if let Some(class) = &self.config.storage_class {
                    metadata["storageClass"] = json!(class);
                }
                if !self.config.object_metadata.is_empty() {
                    metadata["metadata"] = json!(self.config.object_metadata);
                }
            }
            UploadPurpose::Replace(generation) => {
                if let Some(generation) = generation {
                    target += &format!("&ifGenerationMatch={generation}");
                }
                metadata["contentType"] = json!("application/json");
            }
        }
        (target, metadata.to_string())
    }

    /// Chunks become smaller as more uploads are open, so that all of them fit the budget.
    pub fn chunk_bytes(&self) -> usize {
        let share = CHUNK_BUDGET / self.open_uploads.load(Ordering::Relaxed).max(1);
        (share / CHUNK_UNIT * CHUNK_UNIT).clamp(CHUNK_UNIT, LARGEST_CHUNK)
    }

    /// An object's metadata, or `None` when there is no such object.
    pub fn metadata(&self, object: &str) -> Result<Option<Metadata>, StoreError> {
        let what = format!("look at {}", self.url_of_object(object));
        let call = get(format!(
            "{}?fields=size,crc32c,generation",
            self.target_of(object)
        ));
        let reply = self.client.send_with_retries(&call, &what)?;
        Ok(reply
            .status
            .is_success()
            .then(|| serde_json::from_slice(&reply.body).unwrap_or_default()))
    }

    /// Removes an object that should not be there, if that can be done.
    pub fn delete(&self, object: &str, generation: Option<&str>) {
        let Some(generation) = generation else { return };
        let call = StorageCall {
            method: Method::DELETE,
            target: format!("{}?generation={generation}", self.target_of(object)),
            headers: vec![],
            body: &[],
        };
        let what = format!("delete {}", self.url_of_object(object));
        if let Err(error) = self.client.send_with_retries(&call, &what) {
            tracing::warn!("{error}");
        }
    }

    /// How long a cancel may take, if it is still worth trying.
    pub fn time_for_a_cancel(&self) -> Option<Duration> {
        if self.are_cancels_given_up.load(Ordering::Relaxed) {
            return None;
        }
        let left = match self.client.stop().last_deadline() {
            None => CANCEL_TIME,
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
        };
        (!left.is_zero()).then_some(left.min(CANCEL_TIME))
    }

    /// A cancel was not answered.
    pub fn give_up_cancels(&self) {
        self.are_cancels_given_up.store(true, Ordering::Relaxed);
    }

    /// What an answer means that trying again won't change.
    pub fn refused(&self, what: &str, reply: &Reply) -> StoreError {
        let error = StoreError::failed(format_args!(
            "can't {what}: the service answered {}",
            reply.explain()
        ));
        let bucket = &self.config.bucket;
        if let Some(difference) = clock_differs_by(&reply.headers)
            && reply.status == StatusCode::UNAUTHORIZED
            && difference > LARGEST_CLOCK_DIFFERENCE_SECONDS
        {
            return error.hint(format_args!(
                "this machine's clock is {difference} seconds off: tokens made by it aren't valid"
            ));
        }
        match reply.status {
            StatusCode::UNAUTHORIZED => error.hint(
                "the credentials were refused twice: check `credentials_file` or Application Default Credentials",
            ),
            StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => match hint_of(&reply.reason()) {
                Some(hint) => error.hint(hint),
                None if reply.status == StatusCode::BAD_REQUEST => error,
                None => error.hint(format_args!(
                    "the account needs storage.objects.create, .get, .list and .delete on the bucket {bucket} (role Storage Object User)"
                )),
            },
            StatusCode::NOT_FOUND => error.hint(format_args!(
                "check that the bucket {bucket} exists and that `destination` names it"
            )),
            _ => error,
        }
    }
}

/// What to do about a refusal, by the service's word or sentence; `None` where it is about roles.
fn hint_of(reason: &str) -> Option<&'static str> {
    let reason = reason.to_ascii_lowercase();
    let hints: &[(&[&str], &str)] = &[
        (
            &["retention"],
            "the bucket's retention policy keeps objects from being replaced, which state objects must be: use a bucket without one",
        ),
        (
            &["underactivehold", "hold"],
            "a hold keeps the object from being replaced, which state objects must be: release it, and turn off the bucket's default hold",
        ),
        (
            &["kms", "cryptokey"],
            "the storage service's own account needs the role Cloud KMS CryptoKey Encrypter/Decrypter on the key: check `kms_key_name`",
        ),
        (
            &["userproject", "requester pays"],
            "the bucket's requester pays: set `user_project` to a project that the account may bill",
        ),
        (
            &["billing", "accountdisabled", "account disabled"],
            "check the billing account of the bucket's project",
        ),
        (
            &[
                "vpc",
                "organization's policy",
                "service perimeter",
                "securitypolicy",
            ],
            "a VPC service perimeter refuses requests from here: run inside of it, or have an ingress rule made",
        ),
        (
            &["quota", "limitexceeded", "ratelimit"],
            "a quota of the project is used up: see its quotas in the Google Cloud console",
        ),
    ];
    let (_, hint) = hints
        .iter()
        .find(|(words, _)| words.iter().any(|word| reason.contains(word)))?;
    Some(hint)
}

pub fn get(target: String) -> StorageCall<'static> {
    StorageCall {
        method: Method::GET,
        target,
        headers: vec![],
        body: &[],
    }
}

pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
