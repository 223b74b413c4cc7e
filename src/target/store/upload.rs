//! One resumable upload session: chunks out, confirmed offsets back, until the object is final.
//!
//! Every object goes through a session, the smallest too: a session makes its object once, so that
//! after a lost reply the session is asked, where a plain upload could only guess.

use std::sync::Arc;

use super::blocks::{SpareBlocks, Unsent};
use super::bucket::{Bucket, CHUNK_UNIT, LARGEST_CHUNK, Metadata, UploadPurpose};
use super::error::{StoreError, StoreErrorKind};
use super::http::Retries;
use super::kept::Kept;
use super::names::ObjectNames;
use super::session::{Session, UploadProgress};

/// How often an upload whose bytes are all at hand begins anew, or under another name.
const MAX_RESTARTS: u32 = 3;
const DAMAGED: &str = "its bytes were damaged on the way";
const WITHOUT_EVIDENCE: &str = "the service answered 200 without saying what it has stored";

/// An object on its way to the service.
#[derive(Debug)]
pub struct Upload {
    bucket: Arc<Bucket>,
    /// With the destination's prefix.
    object: String,
    purpose: UploadPurpose,
    /// The session, once it is begun.
    session: Option<Session>,
    /// How many bytes the service has.
    confirmed: u64,
    /// What it has had once, to be sent again where it is lost.
    kept: Kept,
    /// What follows that.
    unsent: Unsent,
    /// Of all bytes.
    crc32c: u32,
    /// How often it has begun anew.
    restarts: u32,
}

impl Upload {
    /// Prepares the upload of a new object. Nothing is sent yet.
    pub fn create(
        bucket: Arc<Bucket>,
        mut names: ObjectNames,
        content_type: &'static str,
        spare: &Arc<SpareBlocks>,
    ) -> Self {
        let object = bucket.object(&names.next());
        let purpose = UploadPurpose::Create {
            names,
            content_type,
        };
        Self::new(bucket, object, purpose, spare)
    }

    /// Prepares the upload of a small object that must have this generation, 0 meaning that there
    /// is none; `None`: any.
    pub fn replace(bucket: Arc<Bucket>, object: String, generation: Option<i64>) -> Self {
        Self::new(
            bucket,
            object,
            UploadPurpose::Replace(generation),
            &Arc::default(),
        )
    }

    fn new(
        bucket: Arc<Bucket>,
        object: String,
        purpose: UploadPurpose,
        spare: &Arc<SpareBlocks>,
    ) -> Self {
        Self {
            bucket,
            object,
            purpose,
            session: None,
            confirmed: 0,
            kept: Kept::default(),
            unsent: Unsent::new(spare),
            crc32c: 0,
            restarts: 0,
        }
    }

    /// Adds bytes, sending full chunks of `chunk_bytes`. At least one byte is always held back:
    /// the object becomes final with it.
    pub fn write(&mut self, bytes: &[u8], chunk_bytes: usize) -> Result<(), StoreError> {
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.unsent.extend(bytes);
        self.send_chunks(chunk_bytes)
    }

    /// The same with a block that it keeps, for as long as it needs its bytes.
    pub fn write_block(&mut self, block: Vec<u8>, chunk_bytes: usize) -> Result<(), StoreError> {
        self.crc32c = crc32c::crc32c_append(self.crc32c, &block);
        self.unsent.push(block);
        self.send_chunks(chunk_bytes)
    }

    fn send_chunks(&mut self, chunk_bytes: usize) -> Result<(), StoreError> {
        while self.unsent.length() > chunk_bytes {
            // More than one chunk when chunks have become smaller meanwhile.
            let whole = (self.unsent.length() - 1) / CHUNK_UNIT * CHUNK_UNIT;
            self.send(whole.min(LARGEST_CHUNK))?;
        }
        Ok(())
    }

    /// Sends what can be sent before the last piece.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        let whole = self.unsent.length().saturating_sub(1) / CHUNK_UNIT * CHUNK_UNIT;
        self.send(whole)?;
        self.unsent.shrink();
        Ok(())
    }

    /// Sends the first `length` unsent bytes, a multiple of [`CHUNK_UNIT`].
    fn send(&mut self, length: usize) -> Result<(), StoreError> {
        let end = self.confirmed + length as u64;
        let mut retries = self.bucket.client.retries();
        loop {
            self.catch_up(&mut retries)?;
            if self.confirmed >= end {
                return Ok(());
            }
            let chunk = usize::try_from(end - self.confirmed).unwrap_or(usize::MAX);
            let progress = self.put_and_keep(chunk, &mut retries)?;
            if let Some(offset) = self.confirmed_by(progress, end, &mut retries)? {
                let taken = usize::try_from(offset - self.confirmed).unwrap_or(usize::MAX);
                self.kept.reach(taken);
                self.unsent.advance(taken);
                self.confirmed = offset;
            }
        }
    }

    /// Writes the first unsent bytes to disk and sends them; how many of them count as kept, the
    /// service's answer says. A thread of its own for the writing would cost more than it gains: what is
    /// written waits in memory of the system's.
    fn put_and_keep(
        &mut self,
        chunk: usize,
        retries: &mut Retries,
    ) -> Result<UploadProgress, StoreError> {
        let unsent = self.take_unsent();
        let pieces = unsent.front(chunk);
        self.kept.write_ahead(&pieces);
        let progress = self.put(&pieces, None, retries);
        self.unsent = unsent;
        progress
    }

    /// What is unsent, for as long as it is borrowed for sending.
    fn take_unsent(&mut self) -> Unsent {
        std::mem::replace(&mut self.unsent, Unsent::new(&Arc::default()))
    }

    /// Sends again what the service has had before it lost it.
    fn catch_up(&mut self, retries: &mut Retries) -> Result<(), StoreError> {
        while self.confirmed < self.kept.length() {
            let left = self.kept.length() - self.confirmed;
            let chunk = usize::try_from(left).map_or(LARGEST_CHUNK, |left| left.min(LARGEST_CHUNK));
            let bytes = self.kept.read(self.confirmed, chunk).map_err(|error| {
                self.failed("what was sent can't be read again")
                    .caused_by(error)
            })?;
            let end = self.confirmed + bytes.len() as u64;
            let progress = self.put(&[&bytes], None, retries)?;
            if let Some(offset) = self.confirmed_by(progress, end, retries)? {
                self.confirmed = offset;
            }
        }
        Ok(())
    }

    /// What the service's word on bytes that don't end the object means: how many it has now, or
    /// `None` where it has to be tried again.
    fn confirmed_by(
        &mut self,
        progress: UploadProgress,
        end: u64,
        retries: &mut Retries,
    ) -> Result<Option<u64>, StoreError> {
        match progress {
            UploadProgress::Confirmed(offset) => return self.advance(offset, end, retries),
            UploadProgress::Final(metadata) if metadata.is_evidence() => {
                return Err(self.failed("the service made the object final before its end"));
            }
            UploadProgress::Final(_) => retries.wait(&self.what(), WITHOUT_EVIDENCE)?,
            UploadProgress::Gone(reason) => {
                self.start_over("its upload session is lost", &reason)?;
            }
            UploadProgress::Damaged(reason) => self.start_over(DAMAGED, &reason)?,
            UploadProgress::PreconditionFailed => self.rename()?,
            UploadProgress::Unknown(reason) => retries.wait(&self.what(), &reason)?,
        }
        Ok(None)
    }

    /// Sends the last piece. The object then exists, under the name that this gives.
    pub fn finish(&mut self) -> Result<(String, Metadata), StoreError> {
        let mut retries = self.bucket.client.retries();
        let metadata = loop {
            self.catch_up(&mut retries)?;
            let total = self.confirmed + self.unsent.length() as u64;
            let end = (total, encode_crc32c(self.crc32c));
            let unsent = self.take_unsent();
            let progress = self.put(&unsent.front(unsent.length()), Some(&end), &mut retries);
            self.unsent = unsent;
            match progress? {
                UploadProgress::Final(metadata) if metadata.is_evidence() => break metadata,
                // Anybody may say that all is well: the object is asked for.
                UploadProgress::Final(_) => match self.bucket.metadata(&self.object)? {
                    Some(metadata) if metadata.is_evidence() => break metadata,
                    _ => retries.wait(&self.what(), WITHOUT_EVIDENCE)?,
                },
                UploadProgress::Gone(reason) => {
                    // It may have ended by making the object, with the reply lost.
                    match self.bucket.metadata(&self.object)? {
                        Some(metadata) if self.is_ours(&metadata, total) => break metadata,
                        _ => self.start_over("its upload session is lost", &reason)?,
                    }
                }
                other => {
                    if let Some(offset) = self.confirmed_by(other, total, &mut retries)? {
                        let taken = usize::try_from(offset - self.confirmed).unwrap_or(usize::MAX);
                        self.kept.append(&self.unsent.front(taken));
                        self.unsent.advance(taken);
                        self.confirmed = offset;
                    }
                }
            }
        };
        let total = self.confirmed + self.unsent.length() as u64;
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
            session.cancel();
        }
    }

    /// Sends bytes that follow the confirmed ones, until the service says what became of them; `end`
    /// is the object's size and checksum, with the bytes that end it.
    fn put(
        &mut self,
        bytes: &[&[u8]],
        end: Option<&(u64, String)>,
        retries: &mut Retries,
    ) -> Result<UploadProgress, StoreError> {
        let sum = end.map(|(_, sum)| sum.as_str());
        let size = end.map(|(size, _)| *size);
        let total = size.map_or("*".to_owned(), |size| size.to_string());
        let length: usize = bytes.iter().map(|piece| piece.len()).sum();
        let range = if length == 0 {
            format!("bytes */{total}")
        } else {
            let last = self.confirmed + length as u64 - 1;
            format!("bytes {}-{last}/{total}", self.confirmed)
        };
        loop {
            let session = match self.session.take() {
                Some(session) => session,
                None => self.begin(retries)?,
            };
            let mut progress = session.send(range.clone(), bytes, sum, retries);
            let mut has_waited = false;
            if let Ok(UploadProgress::Unknown(reason)) = progress {
                progress = self.ask(&session, size, reason, retries);
                has_waited = true;
            }
            self.session = Some(session);
            match progress? {
                // Nothing has arrived, as was to be expected: the bytes go out again.
                UploadProgress::Confirmed(offset) if has_waited && offset == self.confirmed => {}
                known => return Ok(known),
            }
        }
    }

    fn begin(&mut self, retries: &mut Retries) -> Result<Session, StoreError> {
        loop {
            match Session::begin(&self.bucket, &self.object, &self.purpose, retries)? {
                Some(session) => return Ok(session),
                None => self.rename()?,
            }
        }
    }

    /// After an answer that says nothing: asks until it is known what has arrived.
    fn ask(
        &self,
        session: &Session,
        size: Option<u64>,
        mut reason: String,
        retries: &mut Retries,
    ) -> Result<UploadProgress, StoreError> {
        loop {
            retries.wait(&self.what(), &reason)?;
            match session.query(size, retries)? {
                UploadProgress::Unknown(again) => reason = again,
                known => return Ok(known),
            }
        }
    }

    /// Checks how many bytes the service says to have now; `None` when it took none of those sent.
    fn advance(
        &self,
        offset: u64,
        end: u64,
        retries: &mut Retries,
    ) -> Result<Option<u64>, StoreError> {
        if offset < self.confirmed || offset > end {
            return Err(self.failed(&format!(
                "the service says that it has {offset} bytes, between {} and {end} are possible",
                self.confirmed
            )));
        }
        if offset == self.confirmed {
            retries.wait(&self.what(), "the service took none of the bytes sent")?;
            return Ok(None);
        }
        retries.reset();
        Ok(Some(offset))
    }

    /// Forgets the session, which is possible while all bytes are still at hand.
    fn start_over(&mut self, loss: &str, reason: &str) -> Result<(), StoreError> {
        // It is most likely gone already; if not, it must not linger.
        self.cancel();
        self.restarts += 1;
        if !self.kept.is_whole() || self.restarts > MAX_RESTARTS {
            return Err(self.failed(&format!("{loss}: {reason}")));
        }
        tracing::warn!(
            "can't {} yet: {loss}: {reason}; beginning anew",
            self.what()
        );
        self.confirmed = 0;
        Ok(())
    }

    /// After a failed precondition: takes the next name, where that is the way out.
    fn rename(&mut self) -> Result<(), StoreError> {
        self.cancel();
        match &mut self.purpose {
            UploadPurpose::Create { names, .. }
                if self.kept.is_whole() && self.restarts < MAX_RESTARTS =>
            {
                self.object = self.bucket.object(&names.next());
                self.restarts += 1;
                self.confirmed = 0;
                Ok(())
            }
            UploadPurpose::Create { .. } => Err(self
                .failed("another writer has made an object of that name meanwhile")
                .kind(StoreErrorKind::NameTaken)),
            UploadPurpose::Replace(_) => Err(StoreError::failed(format_args!(
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
