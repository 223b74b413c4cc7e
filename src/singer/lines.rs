//! Whole lines from a pipe, read ahead by a thread of its own. How long a line may be is bounded,
//! and with it the memory that one can take.

use std::fmt;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use memchr::{memchr, memrchr};

/// A reading buffer starts this large, in bytes, and grows with the longest line.
const BLOCK_BYTES: usize = 256 * 1024;
/// A buffer that a very long line has made larger than this is not kept for reuse.
const KEPT_BYTES: usize = 4 * BLOCK_BYTES;
/// Blocks that may wait for the reader of [`Input`].
const BLOCKS_AHEAD: usize = 4;
/// How far the end of a line that is too long is looked for, in bytes, beyond as much as it may have.
const LOOKED_AT_FOR_LENGTH: u64 = 64 * 1024 * 1024;

/// Some whole lines of the input. Only the last line of the last block may lack its line feed.
#[derive(Debug)]
pub struct Block {
    /// Always initialised to its full length; what follows `filled` is left over.
    buffer: Vec<u8>,
    filled: usize,
}

impl Block {
    /// The lines without their line feeds, and whether each one had it.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let mut rest = &self.buffer[..self.filled];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            if let Some(end) = memchr(b'\n', rest) {
                let line = &rest[..end];
                rest = &rest[end + 1..];
                Some((line, true))
            } else {
                Some((std::mem::take(&mut rest), false))
            }
        })
    }
}

/// Why there are no more lines.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    /// Reading failed.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// A line is longer than lines may be.
    #[error("the line is longer than `max_line_bytes` ({most}): {length}")]
    TooLong {
        /// Its length.
        length: LineLength,
        /// The longest that it may be, in bytes.
        most: usize,
    },
}

/// How long a line is that is too long, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineLength {
    /// Just that.
    Bytes(u64),
    /// Its end wasn't looked for any longer.
    AtLeast(u64),
}

impl fmt::Display for LineLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "it has {bytes} bytes"),
            Self::AtLeast(bytes) => write!(formatter, "it has {bytes} bytes and more"),
        }
    }
}

/// What the input had next.
#[derive(Debug)]
pub enum NextLine {
    /// Some lines.
    Lines(Block),
    /// Nothing yet.
    Waiting,
    /// Nothing any more.
    End,
}

/// The input, read ahead by a thread of its own, so that its user can look up from waiting.
#[derive(Debug)]
pub struct Input {
    blocks: Receiver<Result<Block, InputFault>>,
    used: SyncSender<Vec<u8>>,
}

impl Input {
    /// Starts reading. Lines that have more than `max_line_bytes` may come in blocks of shorter
    /// ones all the same.
    pub fn start(source: impl Read + Send + 'static, max_line_bytes: usize) -> Self {
        let (block_sender, blocks) = sync_channel(BLOCKS_AHEAD);
        let (used, used_receiver) = sync_channel(BLOCKS_AHEAD);
        // The thread is not joined: a read from a terminal or an idle pipe can't be broken off.
        std::thread::spawn(move || {
            let read = read_blocks(source, max_line_bytes, &block_sender, &used_receiver);
            if let Err(fault) = read {
                // The receiver is gone only when the program is ending anyway.
                let _ = block_sender.send(Err(fault));
            }
        });
        Self { blocks, used }
    }

    /// The next lines, or [`NextLine::Waiting`] when none came within `patience`.
    pub fn next(&self, patience: Duration) -> Result<NextLine, InputFault> {
        match self.blocks.recv_timeout(patience) {
            Ok(block) => block.map(NextLine::Lines),
            Err(RecvTimeoutError::Timeout) => Ok(NextLine::Waiting),
            Err(RecvTimeoutError::Disconnected) => Ok(NextLine::End),
        }
    }

    /// Gives a block's memory back.
    pub fn reuse(&self, block: Block) {
        if block.buffer.len() <= KEPT_BYTES {
            // A full queue means that there is enough memory about already.
            let _ = self.used.try_send(block.buffer);
        }
    }
}

fn read_blocks(
    mut source: impl Read,
    max_line_bytes: usize,
    blocks: &SyncSender<Result<Block, InputFault>>,
    used: &Receiver<Vec<u8>>,
) -> Result<(), InputFault> {
    let mut buffer = vec![0; BLOCK_BYTES];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled > max_line_bytes {
                return Err(too_long(&mut source, &mut buffer, max_line_bytes)?);
            }
            // A buffer that is full of the longest line that may be has room for its line feed.
            buffer.resize((2 * filled).min(max_line_bytes.saturating_add(1)), 0);
        }
        let read = read_some(&mut source, &mut buffer[filled..])?;
        if read == 0 {
            break;
        }
        let unsearched = filled;
        filled += read;
        let Some(line_feed) = memrchr(b'\n', &buffer[unsearched..filled]) else {
            continue;
        };
        let whole = unsearched + line_feed + 1;
        let mut next = used.try_recv().unwrap_or_else(|_| vec![0; BLOCK_BYTES]);
        let begun = filled - whole;
        if next.len() < begun {
            next.resize(begun, 0);
        }
        next[..begun].copy_from_slice(&buffer[whole..filled]);
        let full = std::mem::replace(&mut buffer, next);
        filled = begun;
        let block = Block {
            buffer: full,
            filled: whole,
        };
        if blocks.send(Ok(block)).is_err() {
            return Ok(());
        }
    }
    if filled > 0 {
        // The receiver is gone only when the program is ending anyway.
        let _ = blocks.send(Ok(Block { buffer, filled }));
    }
    Ok(())
}

/// Reads on over a line whose beginning fills the buffer, to tell how long it is; some way only, for
/// it may have no end.
fn too_long(
    source: &mut impl Read,
    buffer: &mut [u8],
    max_line_bytes: usize,
) -> io::Result<InputFault> {
    let most_read = 2 * buffer.len() as u64 + LOOKED_AT_FOR_LENGTH;
    let mut length = buffer.len() as u64;
    let length = loop {
        let read = read_some(source, buffer)?;
        if let Some(end) = memchr(b'\n', &buffer[..read]) {
            break LineLength::Bytes(length + end as u64);
        }
        length += read as u64;
        if read == 0 {
            break LineLength::Bytes(length);
        }
        if length >= most_read {
            break LineLength::AtLeast(length);
        }
    };
    Ok(InputFault::TooLong {
        length,
        most: max_line_bytes,
    })
}

fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its text out a few bytes at a time.
    struct Dribble(Vec<u8>, usize);

    impl Read for Dribble {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0.drain(..length);
            Ok(length)
        }
    }

    const MOST_BYTES: usize = 4 * BLOCK_BYTES;

    fn lines_of(text: &[u8], step: usize) -> Vec<(Vec<u8>, bool)> {
        let input = Input::start(Dribble(text.to_vec(), step), MOST_BYTES);
        let mut lines = Vec::new();
        loop {
            match input.next(Duration::from_secs(10)).unwrap() {
                NextLine::Lines(block) => {
                    lines.extend(block.lines().map(|(line, ended)| (line.to_vec(), ended)));
                    input.reuse(block);
                }
                NextLine::Waiting => panic!("the reader hangs"),
                NextLine::End => return lines,
            }
        }
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let long = "x".repeat(3 * BLOCK_BYTES);
        let text = format!("a\n\nbc\n{long}\nlast");
        for step in [1000, 65_536, 10_000_000] {
            let lines = lines_of(text.as_bytes(), step);
            let texts: Vec<&[u8]> = lines.iter().map(|(line, _)| line.as_slice()).collect();
            let wanted: Vec<&[u8]> = vec![b"a", b"", b"bc", long.as_bytes(), b"last"];
            assert!(texts == wanted, "read {step} bytes at a time");
            let ended: Vec<bool> = lines.iter().map(|(_, ended)| *ended).collect();
            assert_eq!(ended, [true, true, true, true, false]);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_measured() {
        let fault_of = |text: Vec<u8>| {
            let input = Input::start(Dribble(text, 100_000), MOST_BYTES);
            loop {
                match input.next(Duration::from_secs(10)) {
                    Ok(NextLine::End) => return None,
                    Ok(_) => {}
                    Err(fault) => return Some(fault.to_string()),
                }
            }
        };
        let line =
            |length: usize, rest: &str| [b"a\n".to_vec(), vec![b'x'; length], rest.into()].concat();
        assert_eq!(fault_of(line(MOST_BYTES, "\nb\n")), None);
        assert_eq!(fault_of(line(MOST_BYTES, "")), None);
        let told = |length: &str| {
            Some(format!(
                "the line is longer than `max_line_bytes` (1048576): it has {length}"
            ))
        };
        assert_eq!(
            fault_of(line(MOST_BYTES + 7, "\nb\n")),
            told("1048583 bytes")
        );
        assert_eq!(fault_of(line(MOST_BYTES + 7, "")), told("1048583 bytes"));
        let endless = Input::start(io::repeat(b'x'), MOST_BYTES);
        let fault = loop {
            match endless.next(Duration::from_secs(10)) {
                Ok(NextLine::Waiting) => {}
                other => break other.unwrap_err(),
            }
        };
        let InputFault::TooLong {
            length: LineLength::AtLeast(length),
            ..
        } = fault
        else {
            panic!("{fault}");
        };
        assert!(length < 4 * MOST_BYTES as u64 + LOOKED_AT_FOR_LENGTH);
    }
}
