//! An object of a bucket, read piece by piece: any of them may be asked for again, and only a few are
//! in memory at a time. The whole is checked in the end.

use std::io::{self, Read};
use std::sync::Arc;

use ureq::http::StatusCode;

use super::bucket::{Bucket, encode, get};
use super::error::StoreError;
use super::stored::Listed;
use super::upload::encode_crc32c;

/// What is asked for at once, in bytes: enough to be worth a request, little enough for several
/// readers side by side.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Reads one object.
#[derive(Debug)]
pub struct Pieces {
    bucket: Arc<Bucket>,
    object: Listed,
    /// How many bytes have come.
    offset: u64,
    crc32c: u32,
    piece: Vec<u8>,
    /// How much of the piece has been read.
    taken: usize,
}

impl Pieces {
    pub fn new(bucket: Arc<Bucket>, object: &Listed) -> Self {
        Self {
            bucket,
            object: object.clone(),
            offset: 0,
            crc32c: 0,
            piece: Vec::new(),
            taken: 0,
        }
    }

    /// Asks for the next piece; in the end for none.
    fn fetch(&mut self) -> Result<(), StoreError> {
        self.piece.clear();
        self.taken = 0;
        if self.offset >= self.object.bytes {
            return self.check();
        }
        let name = self.bucket.object(&self.object.name);
        let what = format!("read {}", self.bucket.url_of_object(&name));
        let mut target = format!("{}?alt=media", self.bucket.target_of(&name));
        if let Some(generation) = self.object.generation {
            target += &format!("&generation={}", encode(&generation.to_string()));
        }
        let end = self.object.bytes.min(self.offset + PIECE_BYTES);
        let mut call = get(target);
        let range = format!("bytes={}-{}", self.offset, end - 1);
        call.headers.push(("range", range));
        let wanted = usize::try_from(end - self.offset).unwrap_or(usize::MAX);
        let mut retries = self.bucket.client.retries();
        loop {
            let reply = self
                .bucket
                .client
                .send_patiently(&call, &what, &mut retries)?;
            let is_whole = reply.status == StatusCode::OK && self.offset == 0;
            if !is_whole && reply.status != StatusCode::PARTIAL_CONTENT {
                return Err(self.bucket.refused(&what, &reply));
            }
            // A service that knows no ranges gives all of it.
            let expected = if is_whole {
                self.object.bytes
            } else {
                wanted as u64
            };
            if reply.body.len() as u64 == expected {
                self.offset += expected;
                self.crc32c = crc32c::crc32c_append(self.crc32c, &reply.body);
                self.piece = reply.body;
                return Ok(());
            }
            retries.wait(&what, "the answer has not the bytes that were asked for")?;
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let is_damaged = |sum: &String| *sum != encode_crc32c(self.crc32c);
        if self.object.crc32c.as_ref().is_some_and(is_damaged) {
            let name = self.bucket.object(&self.object.name);
            let url = self.bucket.url_of_object(&name);
            return Err(StoreError::failed(format_args!(
                "can't read {url}: its bytes were damaged on the way"
            ))
            .hint("run again"));
        }
        Ok(())
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            self.fetch()?;
        }
        let length = buffer.len().min(self.piece.len() - self.taken);
        buffer[..length].copy_from_slice(&self.piece[self.taken..self.taken + length]);
        self.taken += length;
        Ok(length)
    }
}
