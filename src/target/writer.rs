//! One data object being written: a thread that compresses and stores blocks while the reader goes
//! on.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use flate2::write::GzEncoder;

use super::config::Compression;
use super::object_name::PathTemplate;
use super::store::blocks::SpareBlocks;
use super::store::names::{Clock, ObjectNames};
use super::store::{Store, StoreError, Writer};
use super::tally::LoadTally;

/// Blocks that may wait for the writer of one object, at most: about what it sends to a bucket at
/// once, so that the next chunk gathers while one is on its way.
const MOST_BLOCKS_AHEAD: usize = 8;
/// What may wait for all of them, about, in bytes.
const AHEAD_BUDGET: usize = 24 * 1024 * 1024;

/// Threads that are enough, however many streams there are.
const CROWD: usize = 100;
/// Threads that may still be busy with objects that are full, however small these are.
const MOST_SEALING: usize = 16;

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
    /// Who is at work.
    pub threads: Arc<WritingThreads>,
    /// What is counted for the run's report.
    pub tally: Arc<LoadTally>,
}

impl Workshop {
    /// Whether so many objects are open that it is time to finish some before the next is opened.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.threads.lock().running >= CROWD
    }
}

/// The threads that write objects: each has a file or an upload under way.
#[derive(Debug, Default)]
pub struct WritingThreads {
    counts: Mutex<Counts>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    running: usize,
    /// Objects that may still be given blocks.
    unsealed: usize,
}

impl WritingThreads {
    /// Counts one in, once few enough are left that only bring full objects to their end. Gives how
    /// many others there are.
    fn begin(&self) -> usize {
        let too_many = |counts: &mut Counts| counts.running >= counts.unsealed + MOST_SEALING;
        let mut counts = self
            .ended
            .wait_while(self.lock(), too_many)
            .unwrap_or_else(PoisonError::into_inner);
        counts.running += 1;
        counts.unsealed += 1;
        counts.running - 1
    }

    fn seal(&self) {
        self.lock().unsealed -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread at work, for as long as this lives.
struct AtWork(Arc<WritingThreads>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.ended.notify_all();
    }
}

/// A data object that takes blocks. Dropped, it leaves nothing behind. Sealed and waiting for a
/// STATE, it costs no thread, and in a directory no descriptor.
#[derive(Debug)]
pub struct ObjectWriter {
    /// `None` once it is sealed.
    blocks: Option<SyncSender<Vec<u8>>>,
    /// What has become of the blocks, once; `None` when that has been told.
    outcome: Option<Receiver<Result<Writer, StoreError>>>,
    abandoned: Arc<AtomicBool>,
    threads: Arc<WritingThreads>,
    /// Whose lines it takes.
    pub stream: Arc<str>,
    /// Bytes taken, before compression.
    pub bytes: u64,
}

impl ObjectWriter {
    /// Begins an object of `stream` whose first record came at `opened_at`, and whose lines come in
    /// blocks of about `block_bytes`.
    #[must_use]
    pub fn open(
        workshop: &Workshop,
        template: &Arc<PathTemplate>,
        stream: &Arc<str>,
        opened_at: DateTime<Utc>,
        block_bytes: usize,
    ) -> Self {
        let suffix = workshop.compression.suffix();
        let names = ObjectNames::new(template, stream, suffix, &workshop.clock, opened_at);
        let others = workshop.threads.begin();
        let at_work = AtWork(Arc::clone(&workshop.threads));
        let share = AHEAD_BUDGET / (others + 1) / block_bytes.max(1);
        let blocks_ahead = share.clamp(1, MOST_BLOCKS_AHEAD);
        let (sender, receiver) = sync_channel(blocks_ahead);
        let (tell, outcome) = sync_channel(1);
        let abandoned = Arc::new(AtomicBool::new(false));
        let begun = std::thread::Builder::new().spawn({
            let workshop = workshop.clone();
            let abandoned = Arc::clone(&abandoned);
            let tell = tell.clone();
            move || {
                let outcome = store_blocks(&workshop, names, &receiver, &abandoned);
                // Nobody waits for the thread's very end, which may come after the run's.
                drop((receiver, workshop, at_work));
                // Told in any case, since the other end waits for it before it goes.
                let _ = tell.send(outcome);
            }
        });
        if let Err(error) = begun {
            let _ = tell.send(Err(error.into()));
        }
        Self {
            blocks: Some(sender),
            outcome: Some(outcome),
            abandoned,
            threads: Arc::clone(&workshop.threads),
            stream: Arc::clone(stream),
            bytes: 0,
        }
    }

    /// Adds whole lines.
    pub fn write(&mut self, block: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += block.len() as u64;
        let Some(blocks) = &self.blocks else {
            return Err(io::Error::other("an object is written to after its end").into());
        };
        if blocks.send(block).is_ok() {
            return Ok(());
        }
        // The thread ends early only when it fails.
        self.outcome().and(Err(ended_unexpectedly()))
    }

    /// No more lines will come; what can be sent before the object appears is sent meanwhile.
    pub fn seal(&mut self) {
        if self.blocks.take().is_some() {
            self.threads.seal();
        }
    }

    /// It won't be finished: what is left to store isn't, so that others get their turn.
    pub fn abandon(&mut self) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.seal();
    }

    /// Makes the object appear, durably, and gives its name.
    pub fn finish(mut self) -> Result<String, StoreError> {
        self.seal();
        self.outcome()?.finish()
    }

    /// Waits for the thread's end.
    fn outcome(&mut self) -> Result<Writer, StoreError> {
        let told = self.outcome.take().and_then(|outcome| outcome.recv().ok());
        told.unwrap_or_else(|| Err(ended_unexpectedly()))
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if self.outcome.is_some() {
            self.abandon();
            // Dropping the writer that it gives back cancels the object.
            drop(self.outcome());
        }
        self.seal();
    }
}

fn ended_unexpectedly() -> StoreError {
    io::Error::other("a writing thread ended unexpectedly").into()
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
    let writer = workshop
        .store
        .create(names, content_type, &workshop.blocks)?;
    let mut encoder = Encoder::new(workshop.compression, writer)?;
    for block in blocks {
        if !abandoned.load(Ordering::Relaxed) {
            encoder.write_block(block, &workshop.blocks)?;
        }
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

    fn write_block(&mut self, block: Vec<u8>, spare: &SpareBlocks) -> Result<(), StoreError> {
        let used = match self {
            Self::None(writer) => writer.write_block(block)?,
            Self::Gzip(encoder) => encoder.write_all(&block).map(|()| Some(block))?,
            Self::Zstd(encoder) => encoder.write_all(&block).map(|()| Some(block))?,
        };
        if let Some(block) = used {
            spare.give(block);
        }
        Ok(())
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
            threads: Arc::default(),
            tally: Arc::default(),
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
            let mut object = ObjectWriter::open(workshop, &template, &Arc::from("s"), opened_at, 1);
            object.write(content.into()).unwrap();
            names.push(object.finish().unwrap());
            let counts = workshop.threads.lock();
            assert_eq!((counts.running, counts.unsealed), (0, 0));
        }
        assert_ne!(names[0], names[1]);
        let content = |name: &String| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(content(&names[0]), "first");
        assert_eq!(content(&names[1]), "second");
    }

    #[test]
    fn a_sealed_object_takes_nothing_more_and_holds_no_thread() {
        let folder = tempfile::tempdir().unwrap();
        let workshop = workshop(folder.path());
        let template = Arc::new(PathTemplate::parse("{stream}_{timestamp}", None).unwrap());
        let open = || ObjectWriter::open(&workshop, &template, &Arc::from("s"), Utc::now(), 1);
        let mut object = open();
        object.write("first".into()).unwrap();
        object.seal();
        let fault = object.write("second".into()).unwrap_err();
        assert_eq!(fault.message, "an object is written to after its end");
        let others: Vec<ObjectWriter> = (0..100)
            .map(|_| {
                let mut object = open();
                object.write("other".into()).unwrap();
                object.seal();
                object
            })
            .collect();
        assert!(workshop.threads.lock().running <= MOST_SEALING);
        drop(others);
        let name = object.finish().unwrap();
        let content = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(content, "first");
        let counts = workshop.threads.lock();
        assert_eq!((counts.running, counts.unsealed), (0, 0));
    }
}
