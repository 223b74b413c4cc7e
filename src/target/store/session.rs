//! The protocol of one resumable upload session: what is sent, and what the answers mean.

use std::sync::Arc;

use ureq::http::{Method, StatusCode, Uri};

use super::bucket::{Bucket, Metadata, UploadPurpose};
use super::error::StoreError;
use super::http::{Attempt, Reply, Retries, StorageCall, is_transient};
use crate::cli::failure::with_causes;

/// A session that the service has begun. Its object exists only when the session has ended well.
#[derive(Debug)]
pub struct Session {
    bucket: Arc<Bucket>,
    /// With the destination's prefix.
    object: String,
    /// Path and query.
    target: String,
}

/// What the service said to some bytes, or to the question how many it has.
pub enum UploadProgress {
    /// It has this many bytes.
    Confirmed(u64),
    /// The object is final.
    Final(Metadata),
    /// The session is no more.
    Gone(String),
    /// The session has ended without an object, since its bytes are not those that were sent.
    Damaged(String),
    /// The object's precondition does not hold.
    PreconditionFailed,
    /// No usable answer, for a reason that may pass.
    Unknown(String),
}

impl Session {
    /// Begins a session; `None` when the object's precondition does not hold.
    pub fn begin(
        bucket: &Arc<Bucket>,
        object: &str,
        purpose: &UploadPurpose,
        retries: &mut Retries,
    ) -> Result<Option<Self>, StoreError> {
        let (target, metadata) = bucket.start_of(object, purpose);
        let what = format!("upload {}", bucket.url_of_object(object));
        let call = StorageCall {
            method: Method::POST,
            target,
            headers: vec![("content-type", "application/json; charset=utf-8".to_owned())],
            body: &[metadata.as_bytes()],
        };
        let target = loop {
            let reply = bucket.client.send_patiently(&call, &what, retries)?;
            if reply.status == StatusCode::PRECONDITION_FAILED {
                return Ok(None);
            }
            if !reply.status.is_success() {
                return Err(bucket.refused(&what, &reply));
            }
            // Only path and query are kept: bytes and tokens go to the configured host alone.
            let target = reply
                .header("location")
                .and_then(|location| location.parse::<Uri>().ok())
                .and_then(|location| Some(location.path_and_query()?.as_str().to_owned()));
            match target {
                Some(target) => break target,
                None => retries.wait(&what, "the service began an upload without saying where")?,
            }
        };
        Ok(Some(Self {
            bucket: Arc::clone(bucket),
            object: object.to_owned(),
            target,
        }))
    }

    /// Sends bytes once, as `range`; `crc32c` of all bytes goes with those that end the object.
    pub fn send(
        &self,
        range: String,
        bytes: &[&[u8]],
        crc32c: Option<&str>,
        retries: &mut Retries,
    ) -> Result<UploadProgress, StoreError> {
        let mut headers = vec![("content-range", range)];
        if let Some(sum) = crc32c {
            headers.push(("x-goog-hash", format!("crc32c={sum}")));
        }
        let call = StorageCall {
            method: Method::PUT,
            target: self.target.clone(),
            headers,
            body: bytes,
        };
        let reply = match self.bucket.client.once(&call)? {
            Attempt::Reply(reply) => reply,
            Attempt::Broken(reason) => return Ok(UploadProgress::Unknown(reason)),
        };
        let explained = || format!("the service answered {}", reply.explain());
        match reply.status {
            StatusCode::PERMANENT_REDIRECT => {
                self.confirmed_by(&reply).map(UploadProgress::Confirmed)
            }
            StatusCode::OK | StatusCode::CREATED => {
                let metadata = serde_json::from_slice(&reply.body).unwrap_or_default();
                Ok(UploadProgress::Final(metadata))
            }
            StatusCode::PRECONDITION_FAILED => Ok(UploadProgress::PreconditionFailed),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(UploadProgress::Gone(explained())),
            // All else about the request is as the service wants it, so it is about the checksum.
            StatusCode::BAD_REQUEST if crc32c.is_some() => Ok(UploadProgress::Damaged(explained())),
            status if is_transient(status) => {
                retries.heed(&reply);
                Ok(UploadProgress::Unknown(explained()))
            }
            _ => Err(self.bucket.refused(&self.what(), &reply)),
        }
    }

    /// Asks once how many bytes the service has; `total` is the object's size where it is known.
    pub fn query(
        &self,
        total: Option<u64>,
        retries: &mut Retries,
    ) -> Result<UploadProgress, StoreError> {
        let range = total.map_or("bytes */*".to_owned(), |total| format!("bytes */{total}"));
        self.send(range, &[], None, retries)
    }

    /// Breaks the session off, as far as the service can be reached.
    pub fn cancel(self) {
        let what = self.what();
        let call = StorageCall {
            method: Method::DELETE,
            target: self.target,
            headers: vec![],
            body: &[],
        };
        let Some(time) = self.bucket.time_for_a_cancel() else {
            return;
        };
        let reason = match self.bucket.client.once_within(&call, Some(time)) {
            Ok(Attempt::Reply(reply)) => {
                tracing::debug!("cancelled {}: {}", self.object, reply.status);
                return;
            }
            Ok(Attempt::Broken(reason)) => reason,
            Err(error) => with_causes(&error),
        };
        // An unfinished session vanishes by itself after a week.
        tracing::warn!("can't cancel: {what}: {reason}");
        self.bucket.give_up_cancels();
    }

    fn confirmed_by(&self, reply: &Reply) -> Result<u64, StoreError> {
        let Some(range) = reply.header("range") else {
            return Ok(0);
        };
        range
            .strip_prefix("bytes=0-")
            .or_else(|| range.strip_prefix("0-"))
            .and_then(|last| last.parse::<u64>().ok())
            .map(|last| last + 1)
            .ok_or_else(|| {
                StoreError::failed(format_args!(
                    "can't {}: the service confirmed the range {range:?}",
                    self.what()
                ))
            })
    }

    fn what(&self) -> String {
        format!("upload {}", self.bucket.url_of_object(&self.object))
    }
}
