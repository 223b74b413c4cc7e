//! Reading the body of an answer whole, within the budget of memory.

use std::fs::File;
use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;
use ureq::Body;

use super::memory::{PageRoom, Turn};
use super::pace::Permit;
use crate::cli::stop::Stop;

/// More than any page of the API; an answer that never ends must not fill the memory.
const LARGEST_BODY: u64 = 512 << 20;
/// Smaller bodies aren't worth a look at the budget.
const SMALL: usize = 64 << 10;
/// How much more of a larger one is read before the next look.
const STEP: usize = 1 << 20;
/// What some gateways put before a text to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What every gzip stream begins with, and no JSON or text.
const GZIP_MARK: &[u8] = b"\x1f\x8b";
/// How often a body may be packed, besides what its header says. There are streams that unpack to
/// themselves.
const MOST_PACKINGS: usize = 3;

/// Why a body wasn't read.
#[derive(Debug)]
pub enum BodyFault {
    /// It was cut or damaged on the way.
    Lost(ureq::Error),
    /// A signal of this number came.
    Stopped(i32),
}

/// A body and how many bytes the budget holds for it.
#[derive(Debug, Default)]
pub struct WholeBody {
    /// Its bytes, unpacked.
    pub bytes: Vec<u8>,
    /// What the turn holds for it.
    pub held: u64,
    /// The room that it takes until it is taken apart.
    pub room: Option<PageRoom>,
}

/// Reads a body to its end. What is made of it takes as much again, so that twice its size is held.
pub fn read(
    body: Body,
    turn: Option<&Turn>,
    stop: &Stop,
    permit: &mut Permit<'_>,
) -> Result<WholeBody, BodyFault> {
    // What it says of its length is only a hint: packed bodies have none.
    let expected = body.content_length().map_or(SMALL, |length| {
        usize::try_from(length).map_or(STEP, |length| length.min(STEP))
    });
    let reader = body.into_with_config().limit(LARGEST_BODY).reader();
    let mut reader = unpacked(Box::new(reader))
        .map_err(|error| BodyFault::Lost(error.into()))?
        .take(LARGEST_BODY);
    let mut whole = WholeBody {
        // Room for one byte more shows its end without growing.
        bytes: Vec::with_capacity(expected + 1),
        held: 0,
        room: None,
    };
    let result = read_on(&mut reader, &mut whole, turn, stop, permit);
    if let (Err(_), Some(turn)) = (&result, turn) {
        turn.give_back(whole.held);
    }
    result?;
    // It may wait for its turn, beside many others.
    whole.bytes.shrink_to_fit();
    if whole.bytes.starts_with(BYTE_ORDER_MARK) {
        whole.bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(whole)
}

/// What is packed although its header doesn't say so in the one form that is understood (`gzip`, but
/// neither `GZIP` nor `x-gzip` nor `gzip, gzip`), as what it means.
fn unpacked<'a>(mut reader: Box<dyn Read + 'a>) -> io::Result<Box<dyn Read + 'a>> {
    for _ in 0..MOST_PACKINGS {
        let mut mark = Vec::with_capacity(GZIP_MARK.len());
        (&mut reader)
            .take(GZIP_MARK.len() as u64)
            .read_to_end(&mut mark)?;
        let is_packed = mark == GZIP_MARK;
        let whole = Cursor::new(mark).chain(reader);
        if !is_packed {
            return Ok(Box::new(whole));
        }
        reader = Box::new(Unpacking(MultiGzDecoder::new(whole)));
    }
    Ok(reader)
}

/// A gzip stream whose faults are told as those of streams that their header names.
struct Unpacking<R>(MultiGzDecoder<R>);

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let cause = error.get_ref();
            let of_transport = cause.and_then(|cause| cause.downcast_ref::<ureq::Error>());
            if of_transport.is_some() {
                error
            } else {
                ureq::Error::Decompress("gzip", error).into_io()
            }
        })
    }
}

/// Writes a body to a temporary file, which goes with the process.
pub fn keep(body: Body, stop: &Stop) -> Result<File, BodyFault> {
    let mut reader = body.into_with_config().limit(u64::MAX).reader();
    let mut file = tempfile::tempfile().map_err(|error| BodyFault::Lost(error.into()))?;
    loop {
        if let Some(signal) = stop.received() {
            return Err(BodyFault::Stopped(signal));
        }
        let copied = io::copy(&mut (&mut reader).take(STEP as u64), &mut file);
        if copied.map_err(|error| BodyFault::Lost(error.into()))? == 0 {
            return Ok(file);
        }
    }
}

fn read_on(
    reader: &mut impl Read,
    whole: &mut WholeBody,
    turn: Option<&Turn>,
    stop: &Stop,
    permit: &mut Permit<'_>,
) -> Result<(), BodyFault> {
    let bytes = &mut whole.bytes;
    loop {
        let most = if bytes.len() < SMALL { SMALL } else { STEP };
        let before = bytes.len();
        match reader.take(most as u64).read_to_end(bytes) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_behind_the_end(&error, bytes) => return Ok(()),
            Err(error) => return Err(BodyFault::Lost(error.into())),
        }
        if let Some(turn) = turn.filter(|_| bytes.len() > SMALL) {
            let more = 2 * (bytes.len() - before) as u64;
            if !turn.try_hold(more) {
                // Whom this one waits for must not wait for it.
                permit.step_aside();
                turn.hold(more, stop).map_err(BodyFault::Stopped)?;
            }
            whole.held += more;
        }
    }
}

/// Whether unpacking failed on what follows a whole gzip stream: padding of a gateway. A stream that
/// was cut fails in the same way where those bytes are few, so that then only what looks like whole
/// JSON counts.
fn is_behind_the_end(error: &io::Error, bytes: &[u8]) -> bool {
    let unpacking = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<ureq::Error>());
    let Some(ureq::Error::Decompress(_, error)) = unpacking else {
        return false;
    };
    let bytes = bytes.trim_ascii();
    let is_whole = matches!(
        (bytes.first(), bytes.last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
    );
    match error.kind() {
        io::ErrorKind::InvalidInput => !bytes.is_empty(),
        io::ErrorKind::UnexpectedEof => is_whole,
        _ => false,
    }
}
