//! One resumable upload session: chunks out, confirmed offsets back, until the object is final.
//!
//! Every object goes through a session, the smallest too: a session makes its object once, so that
//! after a lost reply the session is asked, where a plain upload could only guess.

use std::sync::Arc;

use serde::Deserialize;
use ureq::http::{Method, StatusCode, Uri};

use super::gcs::Bucket;
use super::http::{Attempt, Call, Patience, Reply, is_transient};
use super::{StoreError, StoreErrorKind};
use crate::target::writer::ObjectNames;

/// Chunks must be multiples of this, in bytes; all but the last one.
pub const CHUNK_UNIT: usize = 256 * 1024;
/// How often an upload whose bytes are all at hand begins anew, or under another name.
const MAX_RESTARTS: u32 = 3;

/// An object on its way to the service.
#[derive(Debug)]
pub struct Upload {
    bucket: Arc<Bucket>,
    /// With the destination's prefix.
    object: String,
    purpose: Purpose,
    /// Path and query of the session, once it is begun.
    session: Option<String>,
    /// How many bytes the service has.
    confirmed: u64,
    /// What follows them.
    unsent: Vec<u8>,
    /// Of all bytes.
    crc32c: u32,
    /// How often it has begun anew.
    restarts: u32,
}

/// What an upload is for, and with it what a failed precondition means.
#[derive(Debug)]
pub enum Purpose {
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

/// What the service said to some bytes, or to the question how many it has.
enum Progress {
    /// It has this many bytes.
    Confirmed(u64),
    /// The object is final.
    Final(Metadata),
    /// The session is no more.
    Gone(String),
    /// The object's precondition does not hold.
    PreconditionFailed,
    /// No usable answer, for a reason that may pass.
    Unknown(String),
}

impl Upload {
    /// Prepares the upload of a new object. Nothing is sent yet.
    pub fn create(bucket: Arc<Bucket>, mut names: ObjectNames, content_type: &'static str) -> Self {
        let object = bucket.object(&names.next());
        let purpose = Purpose::Create {
            names,
            content_type,
        };
        Self::new(bucket, object, purpose)
    }

    /// Prepares the upload of a small object that must have this generation, 0 meaning that there
    /// is none; `None`: any.
    pub fn replace(bucket: Arc<Bucket>, object: String, generation: Option<i64>) -> Self {
        Self::new(bucket, object, Purpose::Replace(generation))
    }

    fn new(bucket: Arc<Bucket>, object: String, purpose: Purpose) -> Self {
        Self {
            bucket,
            object,
            purpose,
            session: None,
            confirmed: 0,
            unsent: Vec::new(),
            crc32c: 0,
            restarts: 0,
        }
    }

    /// Adds bytes, sending full chunks of `chunk_bytes`. At least one byte is always held back:
    /// the object becomes final with it.
    pub fn write(&mut self, mut bytes: &[u8], chunk_bytes: usize) -> Result<(), StoreError> {
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        while self.unsent.len() + bytes.len() > chunk_bytes {
            let missing = chunk_bytes.saturating_sub(self.unsent.len());
            let (filling, rest) = bytes.split_at(missing);
            self.unsent.extend_from_slice(filling);
            bytes = rest;
            // More than one chunk when chunks have become smaller meanwhile.
            let whole = self.unsent.len() / CHUNK_UNIT * CHUNK_UNIT;
            let held_back = usize::from(bytes.is_empty() && whole == self.unsent.len());
            self.send(whole - held_back * CHUNK_UNIT)?;
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends what can be sent before the last piece.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        let whole = self.unsent.len().saturating_sub(1) / CHUNK_UNIT * CHUNK_UNIT;
        self.send(whole)?;
        self.unsent.shrink_to_fit();
        Ok(())
    }

    /// Sends the first `length` unsent bytes, a multiple of [`CHUNK_UNIT`].
    fn send(&mut self, length: usize) -> Result<(), StoreError> {
        let end = self.confirmed + length as u64;
        let mut patience = self.bucket.client.patience();
        while self.confirmed < end {
            let range = format!("bytes {}-{}/*", self.confirmed, end - 1);
            let chunk = usize::try_from(end - self.confirmed).unwrap_or(usize::MAX);
            match self.put(&range, chunk, None, &mut patience)? {
                Progress::Confirmed(offset) => self.advance(offset, end, &mut patience)?,
                Progress::Final(_) => {
                    return Err(self.failed("the service made the object final before its end"));
                }
                Progress::Gone(reason) => self.start_over(&reason)?,
                Progress::PreconditionFailed => self.rename()?,
                Progress::Unknown(reason) => self.ask(&reason, end, &mut patience)?,
            }
        }
        Ok(())
    }

    /// Sends the last piece. The object then exists, under the name that this gives.
    pub fn finish(&mut self) -> Result<(String, Metadata), StoreError> {
        let mut patience = self.bucket.client.patience();
        let total = self.confirmed + self.unsent.len() as u64;
        let metadata = loop {
            let range = if self.unsent.is_empty() {
                format!("bytes */{total}")
            } else {
                format!("bytes {}-{}/{total}", self.confirmed, total - 1)
            };
            let hash = Some(encode_crc32c(self.crc32c));
            let mut progress = self.put(&range, self.unsent.len(), hash, &mut patience)?;
            if let Progress::Unknown(reason) = progress {
                patience.wait(&self.what(), &reason)?;
                progress = self.query(Some(total), &mut patience)?;
                if matches!(progress, Progress::Confirmed(offset) if offset == self.confirmed) {
                    continue;
                }
            }
            match progress {
                Progress::Final(metadata) => break metadata,
                Progress::Confirmed(offset) => self.advance(offset, total, &mut patience)?,
                Progress::Unknown(reason) => patience.wait(&self.what(), &reason)?,
                Progress::PreconditionFailed => self.rename()?,
                Progress::Gone(reason) => {
                    // It may have ended by making the object, with the reply lost.
                    match self.bucket.metadata(&self.object)? {
                        Some(metadata) if self.is_ours(&metadata, total) => break metadata,
                        _ => self.start_over(&reason)?,
                    }
                }
            }
        };
        self.session = None;
        let size_differs = metadata
            .size
            .as_ref()
            .is_some_and(|size| *size != total.to_string());
        let sum_differs = metadata
            .crc32c
            .as_ref()
            .is_some_and(|sum| *sum != encode_crc32c(self.crc32c));
        if size_differs || sum_differs {
            self.bucket
                .delete(&self.object, metadata.generation.as_deref());
            return Err(
                self.failed("what the service stored is not what was sent, so it was deleted")
            );
        }
        Ok((self.bucket.name_of(&self.object), metadata))
    }

    /// Breaks the upload off, as far as the service can be reached. Nothing of it will exist.
    pub fn cancel(&mut self) {
        if let Some(session) = self.session.take() {
            let call = Call {
                method: Method::DELETE,
                target: session,
                headers: vec![],
                body: b"",
            };
            match self.bucket.client.once(&call) {
                Ok(Attempt::Reply(reply)) => {
                    tracing::debug!("cancelled {}: {}", self.object, reply.status);
                }
                // An unfinished session vanishes by itself after a week.
                Ok(Attempt::Broken(reason)) => {
                    tracing::warn!("can't cancel {}: {reason}", self.what());
                }
                Err(error) => tracing::warn!("can't cancel {}: {error}", self.what()),
            }
        }
    }

    /// The session's path and query; begins one unless there is one.
    fn session(&mut self, patience: &mut Patience) -> Result<String, StoreError> {
        loop {
            if let Some(session) = &self.session {
                return Ok(session.clone());
            }
            let (target, metadata) = self.bucket.start_of(&self.object, &self.purpose);
            let call = Call {
                method: Method::POST,
                target,
                headers: vec![("content-type", "application/json; charset=utf-8".to_owned())],
                body: metadata.as_bytes(),
            };
            let reason = match self.bucket.client.once(&call)? {
                Attempt::Reply(reply) if reply.status.is_success() => {
                    self.session = Some(self.session_of(&reply)?);
                    continue;
                }
                Attempt::Reply(reply) if reply.status == StatusCode::PRECONDITION_FAILED => {
                    self.rename()?;
                    continue;
                }
                Attempt::Reply(reply) if is_transient(reply.status) => {
                    patience.heed(&reply);
                    format!("the service answered {}", reply.explain())
                }
                Attempt::Reply(reply) => return Err(self.bucket.refused(&self.what(), &reply)),
                Attempt::Broken(reason) => reason,
            };
            patience.wait(&self.what(), &reason)?;
        }
    }

    /// Only path and query are kept: bytes and tokens go to the configured host alone.
    fn session_of(&self, reply: &Reply) -> Result<String, StoreError> {
        reply
            .header("location")
            .and_then(|location| location.parse::<Uri>().ok())
            .and_then(|location| Some(location.path_and_query()?.as_str().to_owned()))
            .ok_or_else(|| self.failed("the service began an upload without saying where"))
    }

    /// Sends the first `length` unsent bytes.
    fn put(
        &mut self,
        range: &str,
        length: usize,
        crc32c: Option<String>,
        patience: &mut Patience,
    ) -> Result<Progress, StoreError> {
        let target = self.session(patience)?;
        let mut headers = vec![("content-range", range.to_owned())];
        if let Some(sum) = crc32c {
            headers.push(("x-goog-hash", format!("crc32c={sum}")));
        }
        let call = Call {
            method: Method::PUT,
            target,
            headers,
            body: &self.unsent[..length],
        };
        let reply = match self.bucket.client.once(&call)? {
            Attempt::Reply(reply) => reply,
            Attempt::Broken(reason) => return Ok(Progress::Unknown(reason)),
        };
        let explained = || format!("the service answered {}", reply.explain());
        match reply.status {
            StatusCode::PERMANENT_REDIRECT => self.confirmed_by(&reply).map(Progress::Confirmed),
            StatusCode::OK | StatusCode::CREATED => {
                let metadata = serde_json::from_slice(&reply.body).unwrap_or_default();
                Ok(Progress::Final(metadata))
            }
            StatusCode::PRECONDITION_FAILED => Ok(Progress::PreconditionFailed),
            // A checksum that does not match is a 400.
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::BAD_REQUEST => {
                Ok(Progress::Gone(explained()))
            }
            status if is_transient(status) => {
                patience.heed(&reply);
                Ok(Progress::Unknown(explained()))
            }
            _ => Err(self.bucket.refused(&self.what(), &reply)),
        }
    }

    /// Asks the session how many bytes it has.
    fn query(
        &mut self,
        total: Option<u64>,
        patience: &mut Patience,
    ) -> Result<Progress, StoreError> {
        let range = total.map_or("bytes */*".to_owned(), |total| format!("bytes */{total}"));
        self.put(&range, 0, None, patience)
    }

    /// After an answer that says nothing: waits, asks what has arrived, and goes on from there.
    fn ask(&mut self, reason: &str, end: u64, patience: &mut Patience) -> Result<(), StoreError> {
        patience.wait(&self.what(), reason)?;
        match self.query(None, patience)? {
            Progress::Confirmed(offset) if offset == self.confirmed => Ok(()),
            Progress::Confirmed(offset) => self.advance(offset, end, patience),
            Progress::Final(_) => {
                Err(self.failed("the service made the object final before its end"))
            }
            Progress::Gone(reason) => self.start_over(&reason),
            Progress::PreconditionFailed => self.rename(),
            Progress::Unknown(reason) => patience.wait(&self.what(), &reason),
        }
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
            .ok_or_else(|| self.failed(&format!("the service confirmed the range {range:?}")))
    }

    fn advance(
        &mut self,
        offset: u64,
        end: u64,
        patience: &mut Patience,
    ) -> Result<(), StoreError> {
        if offset < self.confirmed || offset > end {
            return Err(self.failed(&format!(
                "the service says that it has {offset} bytes, between {} and {end} are possible",
                self.confirmed
            )));
        }
        if offset == self.confirmed {
            return patience.wait(&self.what(), "the service took none of the bytes sent");
        }
        patience.reset();
        let taken = usize::try_from(offset - self.confirmed).unwrap_or(usize::MAX);
        self.unsent.drain(..taken);
        self.confirmed = offset;
        Ok(())
    }

    /// Forgets the session, which is possible while all bytes are still at hand.
    fn start_over(&mut self, reason: &str) -> Result<(), StoreError> {
        self.restarts += 1;
        if self.confirmed > 0 {
            return Err(self.failed(&format!("its upload session is lost: {reason}")));
        }
        if self.restarts > MAX_RESTARTS {
            return Err(self.failed(reason));
        }
        tracing::warn!("can't {} yet: {reason}; beginning anew", self.what());
        self.session = None;
        Ok(())
    }

    /// After a failed precondition: takes the next name, where that is the way out.
    fn rename(&mut self) -> Result<(), StoreError> {
        self.cancel();
        match &mut self.purpose {
            Purpose::Create { names, .. }
                if self.confirmed == 0 && self.restarts < MAX_RESTARTS =>
            {
                self.object = self.bucket.object(&names.next());
                self.restarts += 1;
                Ok(())
            }
            Purpose::Create { .. } => Err(self.failed("there is such an object already")),
            Purpose::Replace(_) => Err(StoreError::failed(format_args!(
                "{} was changed by another run",
                self.bucket.url_of_object(&self.object)
            ))
            .kind(StoreErrorKind::Conflict)),
        }
    }

    fn is_ours(&self, metadata: &Metadata, total: u64) -> bool {
        metadata.size.as_deref() == Some(&total.to_string())
            && metadata.crc32c.as_deref() == Some(&encode_crc32c(self.crc32c))
    }

    fn what(&self) -> String {
        format!("upload {}", self.bucket.url_of_object(&self.object))
    }

    fn failed(&self, reason: &str) -> StoreError {
        StoreError::failed(format_args!("can't {}: {reason}", self.what()))
            .hint("nothing of it was stored; run again")
    }
}

/// A checksum as the service writes it: base64 of four big-endian bytes.
pub fn encode_crc32c(sum: u32) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // 32 bits and four of padding make six digits of six bits.
    let bits = u64::from(sum) << 4;
    let digits = (0..6)
        .rev()
        .map(|place| DIGITS[(bits >> (6 * place) & 63) as usize] as char);
    digits.chain("==".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_as_the_service_writes_them() {
        // From Google's documentation of object metadata for an empty object, and a known sum.
        assert_eq!(encode_crc32c(0), "AAAAAA==");
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(encode_crc32c(0xe306_9283), "4waSgw==");
    }
}
