//! A bucket as a store, by the JSON API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;
use ureq::http::{Method, StatusCode};

use super::auth::Tokens;
use super::http::{Call, Client, Reply};
use super::session::Metadata;
use super::upload::{CHUNK_UNIT, Purpose, Upload};
use super::{StoreError, Stored, Version};
use crate::cli::stop::Stop;
use crate::target::config::BucketConfig;
use crate::target::writer::ObjectNames;

/// What Google recommends for one upload, in bytes.
const LARGEST_CHUNK: usize = 8 * 1024 * 1024;
/// What the chunks of all open uploads may take together, in bytes.
const CHUNK_BUDGET: usize = 40 * 1024 * 1024;
/// How long a cancel may take: what isn't cancelled vanishes by itself.
const CANCEL_TIME: Duration = Duration::from_secs(2);
/// In a path, a slash of an object's name is encoded too.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A bucket. Clones share it.
#[derive(Clone, Debug)]
pub struct GcsStore {
    bucket: Arc<Bucket>,
}

/// What all uploads to a bucket share.
#[derive(Debug)]
pub struct Bucket {
    pub client: Client,
    config: BucketConfig,
    open_uploads: AtomicUsize,
    /// Whether a cancel was not answered: the others would wait as long.
    are_cancels_given_up: AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(default)]
    items: Vec<Item>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
}

impl GcsStore {
    /// Looks credentials up; asks the service for nothing.
    pub fn open(config: &BucketConfig, stop: &Stop) -> Result<Self, StoreError> {
        let tokens = if config.endpoint.starts_with("https://") {
            Some(Tokens::new(config.credentials_file.as_deref(), stop)?)
        } else {
            tracing::info!("{} is plain http: no credentials are sent", config.endpoint);
            None
        };
        Self::with_tokens(config, tokens, stop)
    }

    pub fn with_tokens(
        config: &BucketConfig,
        tokens: Option<Tokens>,
        stop: &Stop,
    ) -> Result<Self, StoreError> {
        let client = Client::new(
            &config.endpoint,
            tokens,
            config.request_timeout,
            config.retry_deadline,
            stop,
        )?;
        Ok(Self {
            bucket: Arc::new(Bucket {
                client,
                config: config.clone(),
                open_uploads: AtomicUsize::new(0),
                are_cancels_given_up: AtomicBool::new(false),
            }),
        })
    }

    pub fn url_of(&self, name: &str) -> String {
        self.bucket.url_of_object(&self.bucket.object(name))
    }

    pub fn create(&self, names: ObjectNames, content_type: &'static str) -> GcsWriter {
        self.bucket.open_uploads.fetch_add(1, Ordering::Relaxed);
        GcsWriter {
            upload: Upload::create(Arc::clone(&self.bucket), names, content_type),
            bucket: Arc::clone(&self.bucket),
        }
    }

    pub fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let bucket = &self.bucket;
        let what = format!("list {}", self.url_of(prefix));
        let mut names = Vec::new();
        let mut page_token: Option<String> = None;
        loop {
            let mut target = format!(
                "/storage/v1/b/{}/o?prefix={}&fields=items(name),nextPageToken",
                bucket.config.bucket,
                encode(&bucket.object(prefix))
            );
            if let Some(token) = &page_token {
                target += &format!("&pageToken={}", encode(token));
            }
            let reply = bucket.client.send_with_retries(&get(target), &what)?;
            if !reply.status.is_success() {
                return Err(bucket.refused(&what, &reply));
            }
            let listing: Listing = serde_json::from_slice(&reply.body)
                .map_err(|error| StoreError::failed(format_args!("can't {what}: {error}")))?;
            names.extend(listing.items.into_iter().filter_map(|item| {
                item.name
                    .strip_prefix(&bucket.config.prefix)
                    .map(str::to_owned)
            }));
            let next = listing.next_page_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(names);
            }
            if next == page_token {
                return Err(StoreError::failed(format_args!(
                    "can't {what}: the service gives the same page again and again"
                )));
            }
            page_token = next;
        }
    }

    pub fn read(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let bucket = &self.bucket;
        let what = format!("read {}", self.url_of(name));
        let target = format!("{}?alt=media", bucket.target_of(&bucket.object(name)));
        let reply = bucket.client.send_with_retries(&get(target), &what)?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(bucket.refused(&what, &reply));
        }
        let generation = reply
            .header("x-goog-generation")
            .and_then(|generation| generation.parse().ok());
        Ok(Some(Stored {
            version: Version::Generation(generation),
            content: reply.body,
        }))
    }

    pub fn replace(
        &self,
        name: &str,
        content: &[u8],
        expected: Option<&Version>,
    ) -> Result<Version, StoreError> {
        let generation = match expected {
            None => Some(0),
            Some(Version::Generation(generation)) => *generation,
            Some(Version::Content(_)) => None,
        };
        let bucket = Arc::clone(&self.bucket);
        let object = bucket.object(name);
        let mut upload = Upload::replace(bucket, object, generation);
        let finished = upload
            .write(content, LARGEST_CHUNK)
            .and_then(|()| upload.finish());
        if finished.is_err() {
            upload.cancel();
        }
        let (_, metadata) = finished?;
        let generation = metadata
            .generation
            .and_then(|generation| generation.parse().ok());
        Ok(Version::Generation(generation))
    }
}

impl Bucket {
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

    fn target_of(&self, object: &str) -> String {
        format!("/storage/v1/b/{}/o/{}", self.config.bucket, encode(object))
    }

    /// The request that begins an upload session: path and query, and the object's metadata.
    pub fn start_of(&self, object: &str, purpose: &Purpose) -> (String, String) {
        let mut target = format!(
            "/upload/storage/v1/b/{}/o?uploadType=resumable&name={}",
            self.config.bucket,
            encode(object)
        );
        let mut metadata = json!({});
        match purpose {
            Purpose::Create { content_type, .. } => {
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
            Purpose::Replace(generation) => {
                if let Some(generation) = generation {
                    target += &format!("&ifGenerationMatch={generation}");
                }
                metadata["contentType"] = json!("application/json");
            }
        }
        (target, metadata.to_string())
    }

    /// Chunks become smaller as more uploads are open, so that all of them fit the budget.
    fn chunk_bytes(&self) -> usize {
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
        let call = Call {
            method: Method::DELETE,
            target: format!("{}?generation={generation}", self.target_of(object)),
            headers: vec![],
            body: b"",
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
        match reply.status {
            StatusCode::UNAUTHORIZED => error.hint(
                "the credentials were refused twice: check `credentials_file` or Application Default Credentials",
            ),
            StatusCode::FORBIDDEN => error.hint(format_args!(
                "the account needs storage.objects.create, .get, .list and .delete on the bucket {bucket} (role Storage Object User)"
            )),
            StatusCode::NOT_FOUND => error.hint(format_args!(
                "check that the bucket {bucket} exists and that `destination` names it"
            )),
            _ => error,
        }
    }
}

/// A data object on its way.
#[derive(Debug)]
pub struct GcsWriter {
    bucket: Arc<Bucket>,
    upload: Upload,
}

impl GcsWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.upload.write(bytes, self.bucket.chunk_bytes())
    }

    pub fn seal(&mut self) -> Result<(), StoreError> {
        self.upload.seal()
    }

    pub fn finish(mut self) -> Result<String, StoreError> {
        self.upload.finish().map(|(name, _)| name)
    }
}

impl Drop for GcsWriter {
    fn drop(&mut self) {
        self.bucket.open_uploads.fetch_sub(1, Ordering::Relaxed);
        // Nothing is left to cancel once it is finished.
        self.upload.cancel();
    }
}

fn get(target: String) -> Call<'static> {
    Call {
        method: Method::GET,
        target,
        headers: vec![],
        body: b"",
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
