//! The lake's keys as they are given: checked line by line, and put aside by stream, since they come in
//! any order and may come but once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use super::line::{Key, KeyLine, hash_of};
use crate::cli::Failure;
use crate::cli::foreign::told;
use crate::tap::streams;
use crate::tap::time::EpochSeconds;

/// No line of keys is longer.
const MOST_LINE_BYTES: usize = 1 << 20;

/// All that is given, by stream.
#[derive(Debug, Default)]
pub struct Keys {
    streams: BTreeMap<&'static str, KeysOf>,
    /// Streams that this tap doesn't know.
    foreign: BTreeSet<String>,
}

/// The keys of one stream, in a temporary file without a name.
#[derive(Debug)]
pub struct KeysOf {
    file: BufWriter<File>,
    count: usize,
}

impl Keys {
    /// Reads a file, or, for `-`, standard input.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Self::read(io::stdin().lock(), "standard input");
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| {
            Failure::usage(format_args!("the keys {name} can't be read: {error}"))
        })?;
        Self::read(BufReader::new(file), &name)
    }

    fn read(mut input: impl BufRead, name: &str) -> Result<Self, Failure> {
        let mut keys = Self::default();
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = io::Read::take(&mut input, MOST_LINE_BYTES as u64)
                .read_until(b'\n', &mut line)
                .map_err(|error| {
                    Failure::failed(format_args!("the keys in {name} can't be read: {error}"))
                })?;
            if read == 0 {
                break;
            }
            keys.take(&line).map_err(|fault| match fault {
                LineFault::Text(why) => Failure::usage(format_args!(
                    "line {number} of the keys in {name} can't be used: {}",
                    told(&why)
                ))
                .hint(
                    "a line is one JSON object with `stream`, `key`, `updated_at` and `parts`, as \
                     `target-gcs --read-keys` prints it",
                ),
                LineFault::Disk(error) => unusable(&error),
            })?;
        }
        Ok(keys)
    }

    fn take(&mut self, line: &[u8]) -> Result<(), LineFault> {
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let line = KeyLine::parse(text)?;
        let Some((name, properties)) = known(&line.stream) else {
            self.foreign.insert(told(&line.stream));
            return Ok(());
        };
        let found = line.key.properties;
        if found != properties {
            return Err(LineFault::Text(format!(
                "a key of {name} has {properties} properties, and this one {found}"
            )));
        }
        if !self.streams.contains_key(name) {
            let file = BufWriter::new(tempfile::tempfile()?);
            self.streams.insert(name, KeysOf { file, count: 0 });
        }
        if let Some(keys) = self.streams.get_mut(name) {
            keys.file.write_all(text.as_bytes())?;
            keys.file.write_all(b"\n")?;
            keys.count += 1;
        }
        Ok(())
    }

    /// The streams that there are keys of.
    pub fn streams(&self) -> impl Iterator<Item = &'static str> {
        self.streams.keys().copied()
    }

    /// The streams that nothing here knows.
    #[must_use]
    pub fn foreign(&self) -> &BTreeSet<String> {
        &self.foreign
    }

    /// The keys of a stream, to be used up.
    #[must_use]
    pub fn take_stream(&mut self, name: &str) -> Option<KeysOf> {
        self.streams.remove(name)
    }
}

impl KeysOf {
    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Looks at each line again, in the order in which they were given.
    pub fn each<E: From<Failure>>(
        &mut self,
        mut look: impl FnMut(KeyLine<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.flush().map_err(|error| unusable(&error))?;
        let mut file = self.file.get_ref();
        file.rewind().map_err(|error| unusable(&error))?;
        let mut file = BufReader::new(file);
        let mut text = String::new();
        loop {
            text.clear();
            if file
                .read_line(&mut text)
                .map_err(|error| unusable(&error))?
                == 0
            {
                return Ok(());
            }
            let line = KeyLine::parse(text.trim_end()).map_err(Failure::failed)?;
            look(line)?;
        }
    }
}

/// Why a line can't be taken.
enum LineFault {
    Text(String),
    Disk(io::Error),
}

impl From<String> for LineFault {
    fn from(why: String) -> Self {
        Self::Text(why)
    }
}

impl From<io::Error> for LineFault {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The name of a stream or child of the table, and how many properties its key has.
fn known(stream: &str) -> Option<(&'static str, usize)> {
    streams::all().find_map(|row| {
        if row.name == stream {
            return Some((row.name, row.key.len()));
        }
        let child = row.children.iter().find(|child| child.name == stream)?;
        Some((child.name, child.key.len()))
    })
}

fn unusable(error: &io::Error) -> Failure {
    Failure::failed(format_args!(
        "the keys can't be held in a temporary file in {}: {error}",
        std::env::temp_dir().display()
    ))
    .hint("make room there, or name another directory with TMPDIR")
}

/// Of which records an earlier audit has told that they are gone, and when.
#[derive(Debug, Default)]
pub struct Told {
    found_at: HashMap<u64, EpochSeconds>,
}

impl Told {
    /// Of the keys of such records, made of a stream's name and a key.
    pub fn of(keys: Option<KeysOf>) -> Result<Self, Failure> {
        let mut told = Self::default();
        let Some(mut keys) = keys else {
            return Ok(told);
        };
        keys.each(|line| {
            let found_at = line.updated_at.unwrap_or(EpochSeconds::MAX);
            let newest = told
                .found_at
                .entry(hash_of(&line.key.text))
                .or_insert(found_at);
            *newest = found_at.max(*newest);
            Ok::<(), Failure>(())
        })?;
        Ok(told)
    }

    /// Whether it is told of this one, and the lake has nothing newer of it.
    #[must_use]
    pub fn has(&self, stream: &str, key: &str, version: Option<EpochSeconds>) -> bool {
        let key = Key::of_texts(vec![stream.to_owned(), key.to_owned()]);
        let found_at = key.and_then(|key| self.found_at.get(&hash_of(&key.text)).copied());
        found_at.is_some_and(|found_at| version.is_none_or(|version| version <= found_at))
    }
}
