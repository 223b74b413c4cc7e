//! Messages as a target receives them: whole lines from a pipe, each parsed in one pass. What a
//! record, a schema or a state holds is not looked at, so its bytes stay as they came.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use memchr::{memchr, memrchr};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json::members::unquoted;
use crate::json::scanner::Scanner;

/// A reading buffer starts this large, in bytes, and grows with the longest line.
const BLOCK_BYTES: usize = 256 * 1024;
/// A buffer that a very long line has made larger than this is not kept for reuse.
const KEPT_BYTES: usize = 4 * BLOCK_BYTES;
/// Blocks that may wait for the reader of [`Input`].
const BLOCKS_AHEAD: usize = 4;

/// One message; `record`, `schema` and `value` are the sender's own bytes.
#[derive(Debug)]
pub enum Message<'a> {
    /// A row of a stream.
    Record(Record<'a>),
    /// What the following rows of a stream look like.
    Schema(Schema<'a>),
    /// How far the tap has come: any JSON value.
    State(&'a RawValue),
    /// The version of a full table that replaces older ones.
    ActivateVersion {
        /// The stream's name.
        stream: Cow<'a, str>,
    },
    /// Rows left in files.
    Batch(Batch<'a>),
    /// A message type that this program does not know.
    Other(Cow<'a, str>),
}

/// A RECORD message.
#[derive(Debug)]
pub struct Record<'a> {
    /// The stream's name.
    pub stream: Cow<'a, str>,
    /// The row, as JSON text.
    pub record: &'a str,
    /// When the tap read it, as JSON text, if it says so.
    pub time_extracted: Option<&'a str>,
    /// The table's version, as JSON text, if it has one.
    pub version: Option<&'a str>,
}

/// A SCHEMA message.
#[derive(Debug)]
pub struct Schema<'a> {
    /// The stream's name.
    pub stream: Cow<'a, str>,
    /// A JSON Schema.
    pub schema: &'a RawValue,
    /// The properties that every row must have.
    pub key_properties: Vec<String>,
}

/// A BATCH message.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The stream's name.
    pub stream: Cow<'a, str>,
    /// How the files are written.
    pub encoding: BatchEncoding,
    /// The files, as URLs.
    pub manifest: Vec<String>,
}

/// How the files of a BATCH are written.
#[derive(Debug, Default, Deserialize)]
pub struct BatchEncoding {
    /// `jsonl`, or something else.
    pub format: String,
    /// `gzip`, or absent.
    pub compression: Option<String>,
}

/// Why a line is not a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The line is not JSON, or a field has the wrong type.
    #[error("invalid message: {}", at_column(.0))]
    Json(#[from] serde_json::Error),
    /// The line is not a JSON object.
    #[error("invalid message: not a JSON object")]
    NotAnObject,
    /// A field that this type of message needs is missing.
    #[error("{kind} message without `{field}`")]
    Missing {
        /// The message's type.
        kind: &'static str,
        /// The field's name.
        field: &'static str,
    },
}

/// A parser's words, with the column only: it has seen nothing but one line.
#[must_use]
pub fn at_column(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(words) => format!("{words} at column {}", error.column()),
        None => text,
    }
}

/// Every field of every message type.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    // A state may be null, which an Option alone would take for a missing field.
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    time_extracted: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    key_properties: Option<Vec<String>>,
    encoding: Option<BatchEncoding>,
    manifest: Option<Vec<String>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Message<'a> {
    /// Reads one line.
    pub fn parse(line: &'a [u8]) -> Result<Self, MessageError> {
        if let Some(record) = Record::scan(line) {
            return Ok(Message::Record(record));
        }
        // Serde would take an array for a struct.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(MessageError::NotAnObject);
        }
        let fields: Fields<'a> = serde_json::from_slice(line)?;
        match &*fields.kind {
            "RECORD" => Ok(Message::Record(Record {
                stream: named("RECORD", fields.stream)?,
                record: need("RECORD", "record", fields.record)?.get(),
                time_extracted: fields.time_extracted.map(RawValue::get),
                version: fields.version.map(RawValue::get),
            })),
            "SCHEMA" => Ok(Message::Schema(Schema {
                stream: named("SCHEMA", fields.stream)?,
                schema: need("SCHEMA", "schema", fields.schema)?,
                key_properties: fields.key_properties.unwrap_or_default(),
            })),
            "STATE" => Ok(Message::State(need("STATE", "value", fields.value)?)),
            "ACTIVATE_VERSION" => Ok(Message::ActivateVersion {
                stream: named("ACTIVATE_VERSION", fields.stream)?,
            }),
            "BATCH" => Ok(Message::Batch(Batch {
                stream: named("BATCH", fields.stream)?,
                encoding: need("BATCH", "encoding", fields.encoding)?,
                manifest: need("BATCH", "manifest", fields.manifest)?,
            })),
            _ => Ok(Message::Other(fields.kind)),
        }
    }
}

impl<'a> Record<'a> {
    /// Reads a line that is a RECORD message of the usual form, in one fast pass. All else is left
    /// to the general way.
    fn scan(line: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut scanner = Scanner::new(text);
        let (mut kind, mut stream, mut record) = (None, None, None);
        let (mut time_extracted, mut version) = (None, None);
        scanner.object(|scanner, name| {
            let field = match name {
                "\"type\"" => &mut kind,
                "\"stream\"" => &mut stream,
                "\"record\"" => &mut record,
                "\"time_extracted\"" => &mut time_extracted,
                "\"version\"" => &mut version,
                _ => return scanner.value().map(drop),
            };
            let value = scanner.value()?;
            // A field that comes twice is not of the usual form.
            field.replace(value).is_none().then_some(())
        })?;
        if !scanner.is_at_end() || kind != Some("\"RECORD\"") {
            return None;
        }
        let is_given = |value: &&str| *value != "null";
        Some(Self {
            stream: unquoted(stream?).filter(|stream| !stream.is_empty())?,
            record: record.filter(is_given)?,
            time_extracted: time_extracted.filter(is_given),
            version: version.filter(is_given),
        })
    }
}

fn need<T>(kind: &'static str, field: &'static str, value: Option<T>) -> Result<T, MessageError> {
    value.ok_or(MessageError::Missing { kind, field })
}

fn named<'a>(kind: &'static str, stream: Cow<'a, str>) -> Result<Cow<'a, str>, MessageError> {
    if stream.is_empty() {
        return Err(MessageError::Missing {
            kind,
            field: "stream",
        });
    }
    Ok(stream)
}

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

/// What the input had next.
#[derive(Debug)]
pub enum Next {
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
    blocks: Receiver<io::Result<Block>>,
    used: SyncSender<Vec<u8>>,
}

impl Input {
    /// Starts reading. Lines may be of any length.
    pub fn start(source: impl Read + Send + 'static) -> Self {
        let (block_sender, blocks) = sync_channel(BLOCKS_AHEAD);
        let (used, used_receiver) = sync_channel(BLOCKS_AHEAD);
        // The thread is not joined: a read from a terminal or an idle pipe can't be broken off.
        std::thread::spawn(move || read_blocks(source, &block_sender, &used_receiver));
        Self { blocks, used }
    }

    /// The next lines, or [`Next::Waiting`] when none came within `patience`.
    pub fn next(&self, patience: Duration) -> io::Result<Next> {
        match self.blocks.recv_timeout(patience) {
            Ok(block) => block.map(Next::Lines),
            Err(RecvTimeoutError::Timeout) => Ok(Next::Waiting),
            Err(RecvTimeoutError::Disconnected) => Ok(Next::End),
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
    blocks: &SyncSender<io::Result<Block>>,
    used: &Receiver<Vec<u8>>,
) {
    let mut buffer = vec![0; BLOCK_BYTES];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
        let read = match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // The receiver is gone only when the program is ending anyway.
                let _ = blocks.send(Err(error));
                return;
            }
        };
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
            return;
        }
    }
    if filled > 0 {
        // As above.
        let _ = blocks.send(Ok(Block { buffer, filled }));
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

    fn lines_of(text: &[u8], step: usize) -> Vec<(Vec<u8>, bool)> {
        let input = Input::start(Dribble(text.to_vec(), step));
        let mut lines = Vec::new();
        loop {
            match input.next(Duration::from_secs(10)).unwrap() {
                Next::Lines(block) => {
                    lines.extend(block.lines().map(|(line, ended)| (line.to_vec(), ended)));
                    input.reuse(block);
                }
                Next::Waiting => panic!("the reader hangs"),
                Next::End => return lines,
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
    fn record_bytes_are_kept() {
        let line = br#"{"type":"RECORD","stream":"s","record":{"a": 1e400,"b":-0.0,"c":"\u00e9"}}"#;
        let Message::Record(record) = Message::parse(line).unwrap() else {
            panic!("not a record");
        };
        assert_eq!(record.record, r#"{"a": 1e400,"b":-0.0,"c":"\u00e9"}"#);
    }

    #[test]
    fn a_null_state_is_a_state() {
        let line = br#"{"type":"STATE","value":null}"#;
        assert!(matches!(
            Message::parse(line).unwrap(),
            Message::State(value) if value.get() == "null"
        ));
    }

    #[test]
    fn missing_fields_are_named() {
        let fault = |line: &str| Message::parse(line.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(fault(r#"{"type":"RECORD","record":{}}"#), @"RECORD message without `stream`");
        insta::assert_snapshot!(fault(r#"{"type":"RECORD","stream":"s"}"#), @"RECORD message without `record`");
        insta::assert_snapshot!(fault(r#"{"type":"STATE"}"#), @"STATE message without `value`");
        insta::assert_snapshot!(fault(r#"{"type":"RECORD","str"#), @"invalid message: EOF while parsing a string at column 21");
        insta::assert_snapshot!(fault("[1]"), @"invalid message: not a JSON object");
    }
}
