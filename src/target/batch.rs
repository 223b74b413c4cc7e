//! The files of a BATCH message: newline-delimited JSON on this machine, gzipped or not.
//!
//! Their names come from the tap, so only regular files below the roots are opened, and no more of
//! them is read than there was when they were.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::singer::messages::{BatchEncoding, at_column};

const BUFFER_BYTES: usize = 256 * 1024;

/// The directories below which files may be.
#[derive(Debug)]
pub struct BatchRoots {
    roots: Vec<PathBuf>,
}

impl BatchRoots {
    /// The root that was set, or else the usual places. The working directory isn't one where it is
    /// the top of all directories.
    #[must_use]
    pub fn new(set: Option<&Path>) -> Self {
        let working = || {
            let folder = std::env::current_dir().ok();
            folder.filter(|folder| folder.parent().is_some())
        };
        let roots = match set {
            Some(root) => vec![root.to_owned()],
            None => working()
                .into_iter()
                .chain([std::env::temp_dir()])
                .collect(),
        };
        Self { roots }
    }

    /// Opens a regular file below one of them, wherever links lead, and gives its size.
    fn open(&self, path: &Path) -> Result<(File, u64), String> {
        let path = fs::canonicalize(path).map_err(|error| error.to_string())?;
        let roots = self.roots.iter().flat_map(fs::canonicalize);
        if !roots.into_iter().any(|root| path.starts_with(root)) {
            let roots: Vec<_> = self
                .roots
                .iter()
                .map(|root| root.display().to_string())
                .collect();
            return Err(format!(
                "it is not below {}, see the setting `batch_root`",
                roots.join(" or ")
            ));
        }
        // Opening a pipe would wait for whoever writes to it.
        let found = fs::metadata(&path).map_err(|error| error.to_string())?;
        if !found.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        let file = File::open(&path).map_err(|error| error.to_string())?;
        Ok((file, found.len()))
    }
}

/// A file of records, read one at a time.
pub struct BatchFile {
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    line_number: u64,
    most_line_bytes: u64,
}

impl BatchFile {
    /// Opens a file by its URL. The error says what is wrong.
    pub fn open(
        url: &str,
        encoding: &BatchEncoding,
        roots: &BatchRoots,
        most_line_bytes: u64,
    ) -> Result<Self, String> {
        if encoding.format != "jsonl" {
            return Err(format!(
                "the format {:?} is unknown; jsonl is known",
                encoding.format
            ));
        }
        let (file, size) = roots.open(&path_of(url)?)?;
        let file = file.take(size);
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
            most_line_bytes,
        })
    }

    /// The next record and its line, from 1, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<(&str, u64)>, String> {
        loop {
            self.line.clear();
            self.line_number += 1;
            let read = Read::take(&mut self.reader, self.most_line_bytes + 1)
                .read_until(b'\n', &mut self.line)
                .map_err(|error| error.to_string())?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 > self.most_line_bytes {
                return Err(format!(
                    "line {} is longer than {} bytes",
                    self.line_number, self.most_line_bytes
                ));
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
    let path = match url.strip_prefix("file://") {
        // This machine may be named, no other one.
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None => url,
    };
    if path.contains("://") {
        return Err("only file:// is known".to_owned());
    }
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .map_err(|error| error.to_string())?;
    Ok(PathBuf::from(decoded.as_ref()))
}
