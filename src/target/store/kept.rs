//! What an upload has sent, kept on disk until its object is there: a lost session takes the bytes
//! with it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The bytes sent so far. Most objects are sent in one piece and keep nothing.
#[derive(Debug, Default)]
pub struct Kept {
    /// Without a name, so that it goes with the process.
    file: Option<File>,
    length: u64,
    is_given_up: bool,
}

impl Kept {
    /// How many bytes were sent.
    pub fn length(&self) -> u64 {
        if self.is_given_up { 0 } else { self.length }
    }

    /// Whether all of them can be read again.
    pub fn is_whole(&self) -> bool {
        !self.is_given_up
    }

    /// Adds bytes that were sent. A full disk only takes away the second chance.
    pub fn append(&mut self, bytes: &[u8]) {
        if self.is_given_up {
            return;
        }
        if let Err(error) = self.write(bytes) {
            tracing::warn!(
                "what is uploaded can't be kept in the temporary directory ({error}): a session \
                 that gets lost will fail the run"
            );
            self.file = None;
            self.is_given_up = true;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.length))?;
        file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Reads `length` bytes from `offset` on.
    pub fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let Some(file) = &mut self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
