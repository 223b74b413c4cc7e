//! One data object being written: a thread that compresses and stores blocks while the reader goes
//! on.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use flate2::write::GzEncoder;

use super::config::Compression;
use super::object_name::PathTemplate;
use super::store::{Store, StoreError, Writer};

/// Blocks that may wait for the writer of one object, at most: about what it sends to a bucket at
/// once, so that the next chunk gathers while one is on its way.
const MOST_BLOCKS_AHEAD: usize = 8;
/// Blocks that may wait for all of them, about.
const BLOCKS_AHEAD_BUDGET: usize = 16;
/// Used blocks that are kept for their memory, and up to which size, in bytes.
const KEPT_BLOCKS: usize = 8;
const KEPT_BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// Open objects that are enough, however many streams there are.
const CROWD: usize = 100;

/// The time, never the same twice: names are made of it.
#[derive(Debug, Default)]
pub struct Clock {
    last_microseconds: AtomicI64,
}

impl Clock {
    /// Now, or a microsecond after the last answer.
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now().timestamp_micros();
        let next = |last: i64| now.max(last + 1);
        let last = self
            .last_microseconds
            .update(Ordering::Relaxed, Ordering::Relaxed, next);
        DateTime::from_timestamp_micros(next(last)).unwrap_or_default()
    }
}

/// The names that one data object may get, the next one when the last was taken.
#[derive(Clone, Debug)]
pub struct ObjectNames {
    template: Arc<PathTemplate>,
    stream: Arc<str>,
    suffix: &'static str,
    clock: Arc<Clock>,
    opened_at: Option<DateTime<Utc>>,
}

impl ObjectNames {
    /// The next name: the first one is that of the object's opening.
    pub fn next(&mut self) -> String {
        let instant = self.opened_at.take().unwrap_or_else(|| self.clock.now());
        self.template.render(&self.stream, instant) + self.suffix
    }
}

/// What all data objects have in common.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// Where they go.
    pub store: Store,
    /// How they are compressed.
    pub compression: Compression,
    /// What time it is.
    pub clock: Arc<Clock>,
    /// Memory to use again.
    pub blocks: Arc<SpareBlocks>,
    /// How many objects are open: each one is a thread, and a file or an upload session.
    pub open_objects: Arc<AtomicUsize>,
}

impl Workshop {
    /// Whether so many objects are open that it is time to finish some before the next is opened.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.open_objects.load(Ordering::Relaxed) >= CROWD
    }
}

/// Memory to use again: fresh pages cost as much as filling them.
#[derive(Debug, Default)]
pub struct SpareBlocks {
    blocks: Mutex<Vec<Vec<u8>>>,
}

impl SpareBlocks {
    /// An empty block.
    pub fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    fn give(&self, mut block: Vec<u8>) {
        let mut blocks = self.lock();
        if blocks.len() < KEPT_BLOCKS && block.capacity() <= KEPT_BLOCK_BYTES {
            block.clear();
            blocks.push(block);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A data object that takes blocks. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct ObjectWriter {
    blocks: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<Result<Writer, StoreError>>>,
    abandoned: Arc<AtomicBool>,
    open_objects: Arc<AtomicUsize>,
    /// Bytes taken, before compression.
    pub bytes: u64,
}

impl ObjectWriter {
    /// Begins an object of `stream` whose first record came at `opened_at`.
    #[must_use]
    pub fn open(
        workshop: &Workshop,
        template: &Arc<PathTemplate>,
        stream: &Arc<str>,
        opened_at: DateTime<Utc>,
    ) -> Self {
        let names = ObjectNames {
            template: Arc::clone(template),
            stream: Arc::clone(stream),
            suffix: workshop.compression.suffix(),
            clock: Arc::clone(&workshop.clock),
            opened_at: Some(opened_at),
        };
        let others = workshop.open_objects.fetch_add(1, Ordering::Relaxed);
        let blocks_ahead = (BLOCKS_AHEAD_BUDGET / (others + 1)).clamp(1, MOST_BLOCKS_AHEAD);
        let (sender, receiver) = sync_channel(blocks_ahead);
        let abandoned = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let workshop = workshop.clone();
            let abandoned = Arc::clone(&abandoned);
            move || store_blocks(&workshop, names, &receiver, &abandoned)
        });
        Self {
            blocks: Some(sender),
            thread: Some(thread),
            abandoned,
            open_objects: Arc::clone(&workshop.open_objects),
            bytes: 0,
        }
    }

    /// Adds whole lines.
    pub fn write(&mut self, block: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += block.len() as u64;
        let sent = self.blocks.as_ref().map(|blocks| blocks.send(block));
        match sent {
            Some(Ok(())) => Ok(()),
            // The thread ends early only when it fails.
            _ => self.join().map(drop),
        }
    }

    /// No more lines will come; what can be sent before the object appears is sent meanwhile.
    pub fn seal(&mut self) {
        self.blocks = None;
    }

    /// Makes the object appear, durably, and gives its name.
    pub fn finish(mut self) -> Result<String, StoreError> {
        self.seal();
        self.join()?.finish()
    }

    fn join(&mut self) -> Result<Writer, StoreError> {
        self.blocks = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(io::Error::other("a writing thread ended unexpectedly").into()),
        }
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        self.open_objects.fetch_sub(1, Ordering::Relaxed);
        if self.thread.is_some() {
            self.abandoned.store(true, Ordering::Relaxed);
            // Dropping the writer that it gives back cancels the object.
            drop(self.join());
        }
    }
}

fn store_blocks(
    workshop: &Workshop,
    names: ObjectNames,
    blocks: &Receiver<Vec<u8>>,
    abandoned: &AtomicBool,
) -> Result<Writer, StoreError> {
    let content_type = match workshop.compression {
        Compression::None => "application/x-ndjson",
        Compression::Gzip => "application/gzip",
        Compression::Zstd => "application/zstd",
    };
    let writer = workshop.store.create(names, content_type)?;
    let mut encoder = Encoder::new(workshop.compression, writer)?;
    for block in blocks {
        if !abandoned.load(Ordering::Relaxed) {
            encoder.write_all(&block)?;
        }
        workshop.blocks.give(block);
    }
    let mut writer = encoder.finish()?;
    if !abandoned.load(Ordering::Relaxed) {
        writer.seal()?;
    }
    Ok(writer)
}

/// Compresses, or not.
enum Encoder {
    None(Writer),
    Gzip(GzEncoder<Writer>),
    Zstd(zstd::Encoder<'static, Writer>),
}

impl Encoder {
    fn new(compression: Compression, writer: Writer) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(writer),
            Compression::Gzip => Self::Gzip(GzEncoder::new(writer, flate2::Compression::default())),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(writer, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None(writer) => writer.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<Writer> {
        match self {
            Self::None(writer) => Ok(writer),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stop::Stop;
    use crate::target::config::Destination;

    fn workshop(folder: &std::path::Path) -> Workshop {
        let destination = Destination::Directory(folder.to_owned());
        Workshop {
            store: Store::open(&destination, &Stop::default()).unwrap(),
            compression: Compression::None,
            clock: Arc::default(),
            blocks: Arc::default(),
            open_objects: Arc::default(),
        }
    }

    #[test]
    fn objects_of_one_microsecond_get_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let opened_at = Utc::now();
        // Two programs that do not know of each other.
        let workshops = [workshop(folder.path()), workshop(folder.path())];
        let mut names = Vec::new();
        for (workshop, content) in workshops.iter().zip(["first", "second"]) {
            let template = Arc::new(PathTemplate::parse("{stream}_{timestamp}", None).unwrap());
            let mut object = ObjectWriter::open(workshop, &template, &Arc::from("s"), opened_at);
            object.write(content.into()).unwrap();
            names.push(object.finish().unwrap());
            assert_eq!(workshop.open_objects.load(Ordering::Relaxed), 0);
        }
        assert_ne!(names[0], names[1]);
        let content = |name: &String| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(content(&names[0]), "first");
        assert_eq!(content(&names[1]), "second");
    }
}
