//! What an upload has sent, kept on disk until its object is there: a lost session takes the bytes
//! with it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Objects that wait for a STATE may be many, and files that a process may have open few.
const MOST_FILES: usize = 100;
/// Files of the process, whatever bucket they are for.
static FILES: AtomicUsize = AtomicUsize::new(0);
/// Files that are free again, for the next object: to write where memory of the disk's is at hand takes
/// the system a tenth of what fresh memory takes.
static SPARE: Mutex<Vec<Nameless>> = Mutex::new(Vec::new());

/// A file without a name, so that it goes with the process.
#[derive(Debug)]
struct Nameless(File);

impl Nameless {
    fn take() -> io::Result<Self> {
        match spare().pop() {
            Some(file) => Ok(file),
            None => Self::make(),
        }
    }

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

fn spare() -> MutexGuard<'static, Vec<Nameless>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes sent so far. Most objects are sent in one piece and keep nothing.
#[derive(Debug, Default)]
pub struct Kept {
    file: Option<Nameless>,
    length: u64,
    is_given_up: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What is left in it is written over.
        spare().extend(self.file.take());
    }
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

    /// Adds bytes that were sent.
    pub fn append(&mut self, pieces: &[&[u8]]) {
        self.write_ahead(pieces);
        self.reach(pieces.iter().map(|piece| piece.len()).sum());
    }

    /// Counts so many bytes of those written ahead.
    pub fn reach(&mut self, bytes: usize) {
        self.length += bytes as u64;
    }

    /// Writes bytes that are about to be sent, which don't count yet. A full disk only takes away the
    /// second chance.
    pub fn write_ahead(&mut self, pieces: &[&[u8]]) {
        if self.is_given_up {
            return;
        }
        if let Err(error) = self.write(pieces) {
            tracing::warn!(
                "what is uploaded can't be kept in the temporary directory ({error}): a session \
                 that gets lost will fail the run"
            );
            // With what else is spare: the disk may be full.
            self.file = None;
            spare().clear();
            self.is_given_up = true;
        }
    }

    fn write(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let Nameless(file) = match &mut self.file {
            Some(file) => file,
            none => none.insert(Nameless::take()?),
        };
        file.seek(SeekFrom::Start(self.length))?;
        pieces.iter().try_for_each(|piece| file.write_all(piece))
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
