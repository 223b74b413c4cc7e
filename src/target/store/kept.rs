//! What an upload has sent, kept on disk until its object is there: a lost session takes the bytes
//! with it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Objects that wait for a STATE may be many, and files that a process may have open few.
const MOST_FILES: usize = 100;
/// Files of the process, whatever bucket they are for.
static FILES: AtomicUsize = AtomicUsize::new(0);

/// A file without a name, so that it goes with the process.
#[derive(Debug)]
struct Nameless(File);

impl Nameless {
    fn make() -> io::Result<Self> {
        if FILES.fetch_add(1, Ordering::Relaxed) >= MOST_FILES {
            FILES.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::other("too many objects wait for a STATE"));
        }
        match tempfile::tempfile() {
            Ok(file) => Ok(Self(file)),
            Err(error) => {
                FILES.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}

impl Drop for Nameless {
    fn drop(&mut self) {
        FILES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The bytes sent so far. Most objects are sent in one piece and keep nothing.
#[derive(Debug, Default)]
pub struct Kept {
    file: Option<Nameless>,
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
        let Nameless(file) = match &mut self.file {
            Some(file) => file,
            none => none.insert(Nameless::make()?),
        };
        file.seek(SeekFrom::Start(self.length))?;
        file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Reads `length` bytes from `offset` on.
    pub fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let Some(Nameless(file)) = &mut self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
