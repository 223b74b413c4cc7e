//! The files of a BATCH message: newline-delimited JSON on this machine, gzipped or not.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::singer::messages::{BatchEncoding, at_column};

const BUFFER_BYTES: usize = 256 * 1024;

/// A file of records, read one at a time.
pub struct BatchFile {
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    line_number: u64,
}

impl BatchFile {
    /// Opens a file by its URL. The error says what is wrong.
    pub fn open(url: &str, encoding: &BatchEncoding) -> Result<Self, String> {
        if encoding.format != "jsonl" {
            return Err(format!(
                "the format {:?} is unknown; jsonl is known",
                encoding.format
            ));
        }
        let file = File::open(path_of(url)?).map_err(|error| error.to_string())?;
        let reader: Box<dyn BufRead> = match encoding.compression.as_deref() {
            None | Some("none" | "") => Box::new(BufReader::with_capacity(BUFFER_BYTES, file)),
            Some("gzip") => Box::new(BufReader::with_capacity(
                BUFFER_BYTES,
                MultiGzDecoder::new(file),
            )),
            Some(other) => {
                return Err(format!(
                    "the compression {other:?} is unknown; gzip and none are known"
                ));
            }
        };
        Ok(Self {
            reader,
            line: Vec::new(),
            line_number: 0,
        })
    }

    /// The next record and its line, from 1, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<(&str, u64)>, String> {
        loop {
            self.line.clear();
            self.line_number += 1;
            let read = self
                .reader
                .read_until(b'\n', &mut self.line)
                .map_err(|error| error.to_string())?;
            if read == 0 {
                return Ok(None);
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        serde_json::from_slice::<&RawValue>(&self.line)
            .map(|record| Some((record.get(), self.line_number)))
            .map_err(|error| format!("line {}: {}", self.line_number, at_column(&error)))
    }
}

fn path_of(url: &str) -> Result<PathBuf, String> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    if path.contains("://") {
        return Err("only file:// is known".to_owned());
    }
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .map_err(|error| error.to_string())?;
    Ok(PathBuf::from(decoded.as_ref()))
}
