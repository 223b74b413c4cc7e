//! A data file, line by line: what is found of each record, and where lines aren't any.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Mutex, PoisonError};

use flate2::read::MultiGzDecoder;

use super::rule::KeyRule;
use super::sorter::{KeyEntry, Sorter, unsortable};
use crate::cli::Failure;
use crate::cli::foreign::told;
use crate::json::scanner::Scanner;
use crate::target::bookmark::instant_in;
use crate::target::config::Compression;
use crate::target::lake::DataFile;
use crate::target::store::{Store, StoreError};

const BLOCK_BYTES: usize = 256 * 1024;
/// Of a place in a destination, the line: the rest is the file.
const LINE_BITS: u32 = 40;

/// What was no record, for all files.
#[derive(Debug, Default)]
pub struct Faults {
    told: Mutex<Vec<String>>,
}

impl Faults {
    fn add(&self, fault: String) {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    /// Fails if there were any, and tells some of them.
    pub fn tell(&self, most: usize) -> Result<(), Failure> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_empty() {
            return Ok(());
        }
        told.sort();
        for fault in told.iter().take(most) {
            tracing::error!("{fault}");
        }
        Err(Failure::failed(format_args!(
            "{} places are no records; what is printed lacks them",
            told.len()
        ))
        .hint("put back whole files, or delete these to have their records loaded again"))
    }
}

/// What is looked for in a record.
pub type Look<'a> = dyn Fn(&LakeLine<'_>) -> Result<KeyEntry, String> + Sync + 'a;

/// A file that is being read.
pub struct Scan {
    place: String,
    lines: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
    max_line_bytes: usize,
}

impl Scan {
    /// Opens a file.
    pub fn open(store: &Store, file: &DataFile, max_line_bytes: usize) -> Result<Self, Failure> {
        let reader = store.reader(&file.object)?;
        let reader: Box<dyn Read + Send> = match file.name.compression {
            Compression::None => reader,
            Compression::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Compression::Zstd => Box::new(zstd::Decoder::new(reader).map_err(StoreError::from)?),
        };
        Ok(Self {
            place: store.place_of(&file.object.name),
            lines: BufReader::with_capacity(BLOCK_BYTES, reader),
            line: Vec::new(),
            number: 0,
            max_line_bytes,
        })
    }

    /// The next line that isn't empty, without its end; `None` at the end. What is no whole line is a
    /// fault, behind which nothing can be read.
    pub fn next_line(&mut self) -> Result<Option<&str>, LineFault> {
        loop {
            self.line.clear();
            self.number += 1;
            let most = self.max_line_bytes as u64 + 1;
            let read = (&mut self.lines)
                .take(most)
                .read_until(b'\n', &mut self.line);
            match read.map_err(LineFault::of)? {
                0 => return Ok(None),
                _ if self.line.last() != Some(&b'\n') => {
                    return Err(LineFault::Torn("it ends within a line".to_owned()));
                }
                _ if self.line.iter().all(u8::is_ascii_whitespace) => {}
                _ => break,
            }
        }
        let text = std::str::from_utf8(&self.line[..self.line.len() - 1]);
        text.map(Some)
            .map_err(|_| LineFault::Line("it is not UTF-8".to_owned()))
    }

    /// Has all that `look` finds sorted; `number` is the file's place among those of its stream.
    pub fn read(
        &mut self,
        number: usize,
        look: &Look<'_>,
        sorter: &mut Sorter,
        faults: &Faults,
    ) -> Result<(), Failure> {
        let file = (number as u64) << LINE_BITS;
        loop {
            let place = file | (self.number + 1);
            let found = match self.next_line() {
                Ok(None) => return Ok(()),
                Ok(Some(line)) => look(&LakeLine { text: line, place }).map_err(LineFault::Line),
                Err(fault) => Err(fault),
            };
            match found {
                Ok(entry) => sorter.push(entry).map_err(|error| unsortable(&error))?,
                Err(LineFault::Store(error)) => return Err(error.into()),
                Err(LineFault::Line(reason)) => faults.add(self.told(&reason)),
                Err(LineFault::Torn(reason)) => {
                    faults.add(self.told(&reason));
                    return Ok(());
                }
            }
        }
    }

    fn told(&self, reason: &str) -> String {
        format!(
            "{} line {}: {}",
            told(&self.place),
            self.number,
            told(reason)
        )
    }
}

/// Why a line can't be had.
pub enum LineFault {
    /// This one alone is bad.
    Line(String),
    /// Nothing behind it can be read.
    Torn(String),
    /// Storage is at fault.
    Store(StoreError),
}

impl LineFault {
    fn of(error: io::Error) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) => Self::Store(error),
            Err(error) => Self::Torn(format!("it can't be read on: {error}")),
        }
    }
}

/// A line and its place in the destination.
pub struct LakeLine<'a> {
    text: &'a str,
    place: u64,
}

impl LakeLine<'_> {
    /// The key and the version.
    pub fn version_of(&self, rule: &KeyRule) -> Result<KeyEntry, String> {
        let names: Vec<&str> = rule
            .key
            .iter()
            .map(String::as_str)
            .chain(rule.version.as_deref())
            .collect();
        let values = self.values(&names)?;
        let key = key_of(&rule.key, &values)?;
        let version = values.get(rule.key.len()).copied().flatten();
        let value = version.unwrap_or("null");
        Ok(KeyEntry::new(
            key,
            order_of(value),
            self.place,
            value.to_owned(),
        ))
    }

    /// The record that a part belongs to, and the part's own key.
    pub fn link_of(&self, link: &str, rule: &KeyRule) -> Result<KeyEntry, String> {
        let names: Vec<&str> = rule.key.iter().map(String::as_str).chain([link]).collect();
        let values = self.values(&names)?;
        let part = key_of(&rule.key, &values)?;
        let owner = values[rule.key.len()].ok_or_else(|| format!("it has no `{link}`"))?;
        Ok(KeyEntry::new(owner.to_owned(), 0, self.place, part))
    }

    /// The values of these members; of two of one name the last one counts.
    fn values(&self, names: &[&str]) -> Result<Vec<Option<&str>>, String> {
        let mut values = vec![None; names.len()];
        let mut scanner = Scanner::new(self.text);
        let passed = scanner.object(|scanner, name| {
            let value = scanner.value()?;
            for (wanted, found) in names.iter().zip(&mut values) {
                if name.is(wanted) {
                    *found = Some(value);
                }
            }
            Some(())
        });
        if passed.is_some() && scanner.is_at_end() {
            return Ok(values);
        }
        Err("it is no JSON object".to_owned())
    }
}

fn key_of(names: &[String], values: &[Option<&str>]) -> Result<String, String> {
    let mut parts = Vec::with_capacity(names.len());
    for (name, value) in names.iter().zip(values) {
        match value {
            Some(value) if *value != "null" => parts.push(*value),
            _ => return Err(format!("it has no `{name}`")),
        }
    }
    Ok(match parts.as_slice() {
        [only] => (*only).to_owned(),
        several => format!("[{}]", several.join(",")),
    })
}

/// A version as a number: microseconds where it is a time.
fn order_of(value: &str) -> i64 {
    if let Ok(seconds) = value.parse::<i64>() {
        return seconds.saturating_mul(1_000_000);
    }
    if let Some(text) = value
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        return instant_in(text).map_or(i64::MIN, |instant| instant.timestamp_micros());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too large for it is the largest"
    )]
    let number = value
        .parse::<f64>()
        .map_or(i64::MIN, |seconds| (seconds * 1e6) as i64);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_order() {
        let instants = [
            "null",
            "5",
            "\"2025-11-22T08:26:40Z\"",
            "1763800001",
            "1763800001.5",
            "\"2025-11-22T09:26:42+01:00\"",
        ];
        assert!(
            instants
                .windows(2)
                .all(|pair| order_of(pair[0]) < order_of(pair[1]))
        );
    }

    #[test]
    fn keys_are_as_they_came() {
        let rule = KeyRule {
            key: vec!["a".to_owned(), "b".to_owned()],
            version: Some("at".to_owned()),
        };
        let look = |text| LakeLine { text, place: 7 }.version_of(&rule);
        let entry = look(r#"{"b": 1.0, "\u0061": "x", "at": 5, "c": {"a": 1}}"#).unwrap();
        assert_eq!(
            (entry.key.as_str(), entry.value.as_str()),
            (r#"["x",1.0]"#, "5")
        );
        assert_eq!(look(r#"{"a":1,"b":null}"#).unwrap_err(), "it has no `b`");
        for torn in ["{\"a\":1,\"b\":2", "[]", "{\"a\":1,\"b\":2} x", ""] {
            assert_eq!(look(torn).unwrap_err(), "it is no JSON object");
        }
    }
}
