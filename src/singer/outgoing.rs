//! Writing messages. A record's bytes go out as they came in.

use std::io::{self, Write};

use memchr::memchr2;
use serde::Serialize;
use serde_json::Value;

use super::state::State;

/// Writes Singer messages, one JSON object a line.
#[derive(Debug)]
pub struct MessageWriter<W> {
    out: W,
}

/// The SCHEMA message of a stream.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "SCHEMA")]
pub struct SchemaMessage<'a> {
    /// The stream's name.
    pub stream: &'a str,
    /// JSON Schema of its records.
    pub schema: &'a Value,
    /// Names of the properties that identify a record.
    pub key_properties: &'a [String],
    /// Names of the properties that bookmarks are made of.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub bookmark_properties: &'a [String],
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "ACTIVATE_VERSION")]
struct ActivateVersionMessage<'a> {
    stream: &'a str,
    version: u64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "STATE")]
struct StateMessage<'a> {
    value: &'a serde_json::Map<String, Value>,
}

impl<W: Write> MessageWriter<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes a SCHEMA message.
    pub fn schema(&mut self, message: &SchemaMessage<'_>) -> io::Result<()> {
        self.line(message)
    }

    /// Writes a RECORD message. `record` is a JSON object; `time_extracted` is RFC 3339 in UTC;
    /// `version` is that of the list that it belongs to.
    pub fn record(
        &mut self,
        stream: &str,
        record: &[u8],
        time_extracted: &str,
        version: Option<u64>,
    ) -> io::Result<()> {
        self.out.write_all(b"{\"type\":\"RECORD\",\"stream\":\"")?;
        self.out.write_all(stream.as_bytes())?;
        self.out.write_all(b"\",\"record\":")?;
        if memchr2(b'\n', b'\r', record).is_none() {
            self.out.write_all(record)?;
        } else {
            write_on_one_line(&mut self.out, record)?;
        }
        self.out.write_all(b",\"time_extracted\":\"")?;
        self.out.write_all(time_extracted.as_bytes())?;
        match version {
            Some(version) => writeln!(self.out, "\",\"version\":{version}}}"),
            None => self.out.write_all(b"\"}\n"),
        }
    }

    /// Writes an `ACTIVATE_VERSION` message: the records of that version are the whole list.
    pub fn activate_version(&mut self, stream: &str, version: u64) -> io::Result<()> {
        self.line(&ActivateVersionMessage { stream, version })
    }

    /// Writes a STATE message and flushes: what it covers must not wait behind it.
    pub fn state(&mut self, state: &State) -> io::Result<()> {
        self.line(&StateMessage {
            value: state.value(),
        })?;
        self.out.flush()
    }

    /// What it writes to.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn line(&mut self, message: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, message)?;
        self.out.write_all(b"\n")
    }
}

/// JSON has line breaks only between tokens; there they mean nothing.
fn write_on_one_line(out: &mut impl Write, json: &[u8]) -> io::Result<()> {
    for piece in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.write_all(piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_bytes_and_stays_on_one_line() {
        let mut out = Vec::new();
        let mut messages = MessageWriter::new(&mut out);
        let record = b"{\"a\":\r\n 1e2, \"b\":\"x\\ny\"\n}";
        messages
            .record("contacts", record, "2026-01-01T00:00:00Z", None)
            .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"type\":\"RECORD\",\"stream\":\"contacts\",\"record\":{\"a\": 1e2, \"b\":\"x\\ny\"},\
             \"time_extracted\":\"2026-01-01T00:00:00Z\"}\n"
        );
    }
}
