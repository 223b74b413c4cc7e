//! Keys sorted in little memory, however many there are: what is full is sorted, written to a file
//! without a name, and merged in the end.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use tempfile::SpooledTempFile;

use crate::cli::Failure;

/// What is held before it is sorted and written, in bytes.
const HELD_BYTES: usize = 2 * 1024 * 1024;
/// Files that are merged at once; more become one.
const MOST_RUNS: usize = 64;
const BUFFER_BYTES: usize = 16 * 1024;

/// Of which entries one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Of each key the one of the highest version, the last of these.
    Newest,
    /// Of each key one of each value.
    Distinct,
}

/// Something found of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Of the key: what entries are sorted by first.
    pub hash: u64,
    /// JSON text.
    pub key: String,
    /// Higher is newer.
    pub version: i64,
    /// Where it was found: later is newer where versions are the same.
    pub place: u64,
    /// JSON text.
    pub value: String,
}

impl KeyEntry {
    /// Of a key that was found at a place.
    #[must_use]
    pub fn new(key: String, version: i64, place: u64, value: String) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Self {
            hash: hasher.finish(),
            key,
            version,
            place,
            value,
        }
    }

    fn compare(&self, other: &Self, kind: Keeping) -> Ordering {
        let by_key = (self.hash, &self.key).cmp(&(other.hash, &other.key));
        by_key.then_with(|| match kind {
            Keeping::Newest => (other.version, other.place).cmp(&(self.version, self.place)),
            Keeping::Distinct => self.value.cmp(&other.value),
        })
    }

    fn is_same(&self, other: &Self, kind: Keeping) -> bool {
        self.hash == other.hash
            && self.key == other.key
            && (kind == Keeping::Newest || self.value == other.value)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.capacity() + self.value.capacity() + 32
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.hash.to_le_bytes())?;
        out.write_all(&self.version.to_le_bytes())?;
        out.write_all(&self.place.to_le_bytes())?;
        for text in [&self.key, &self.value] {
            let length = u32::try_from(text.len()).map_err(io::Error::other)?;
            out.write_all(&length.to_le_bytes())?;
            out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// `None` at the end.
    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut hash = [0; 8];
        match from.read_exact(&mut hash) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let (mut version, mut place) = ([0; 8], [0; 8]);
        from.read_exact(&mut version)?;
        from.read_exact(&mut place)?;
        Ok(Some(Self {
            hash: u64::from_le_bytes(hash),
            version: i64::from_le_bytes(version),
            place: u64::from_le_bytes(place),
            key: read_text(from)?,
            value: read_text(from)?,
        }))
    }
}

fn read_text(from: &mut impl Read) -> io::Result<String> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    let mut text = vec![0; length];
    from.read_exact(&mut text)?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// A sorted part in a file.
type Run = BufReader<SpooledTempFile>;

/// Takes entries in any order.
#[derive(Debug)]
pub struct Sorter {
    kind: Keeping,
    held: Vec<KeyEntry>,
    held_bytes: usize,
    runs: Vec<Run>,
}

impl Sorter {
    /// Without entries.
    #[must_use]
    pub fn new(kind: Keeping) -> Self {
        Self {
            kind,
            held: Vec::new(),
            held_bytes: 0,
            runs: Vec::new(),
        }
    }

    /// Takes one.
    pub fn push(&mut self, entry: KeyEntry) -> io::Result<()> {
        self.held_bytes += entry.bytes();
        self.held.push(entry);
        if self.held_bytes < HELD_BYTES {
            return Ok(());
        }
        self.write_out()
    }

    /// Takes all of another's.
    pub fn join(&mut self, mut other: Self) -> io::Result<()> {
        other.write_out()?;
        self.runs.append(&mut other.runs);
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let kind = self.kind;
        self.held
            .sort_unstable_by(|one, other| one.compare(other, kind));
        self.held.dedup_by(|later, kept| later.is_same(kept, kind));
        self.held_bytes = 0;
        let run = run_of(self.held.drain(..).map(Ok))?;
        self.runs.push(run);
        if self.runs.len() >= MOST_RUNS {
            let merged = Sorted::merge(std::mem::take(&mut self.runs), kind)?;
            self.runs.push(run_of(merged)?);
        }
        Ok(())
    }

    /// All of them in order, one for each key, or for each key and value.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        self.write_out()?;
        while self.runs.len() > MOST_RUNS {
            let some = self.runs.split_off(self.runs.len() - MOST_RUNS);
            let merged = run_of(Sorted::merge(some, self.kind)?)?;
            self.runs.insert(0, merged);
        }
        Sorted::merge(self.runs, self.kind)
    }
}

fn run_of(entries: impl Iterator<Item = io::Result<KeyEntry>>) -> io::Result<Run> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, tempfile::spooled_tempfile(BUFFER_BYTES));
    for entry in entries {
        entry?.write(&mut out)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, file))
}

/// Entries in order.
#[derive(Debug)]
pub struct Sorted {
    kind: Keeping,
    runs: Vec<Run>,
    next: BinaryHeap<Reverse<Candidate>>,
    last: Option<KeyEntry>,
}

/// The next entry of a run.
#[derive(Debug)]
struct Candidate {
    entry: KeyEntry,
    run: usize,
    kind: Keeping,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.entry.compare(&other.entry, self.kind)
    }
}

impl Sorted {
    fn merge(runs: Vec<Run>, kind: Keeping) -> io::Result<Self> {
        let mut sorted = Self {
            kind,
            next: BinaryHeap::with_capacity(runs.len()),
            runs,
            last: None,
        };
        for run in 0..sorted.runs.len() {
            sorted.refill(run)?;
        }
        Ok(sorted)
    }

    fn refill(&mut self, run: usize) -> io::Result<()> {
        if let Some(entry) = KeyEntry::read(&mut self.runs[run])? {
            let kind = self.kind;
            self.next.push(Reverse(Candidate { entry, run, kind }));
        }
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<KeyEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Reverse(Candidate { entry, run, kind }) = self.next.pop()?;
            if let Err(error) = self.refill(run) {
                return Some(Err(error));
            }
            let is_repeated = self
                .last
                .as_ref()
                .is_some_and(|last| last.is_same(&entry, kind));
            if !is_repeated {
                self.last = Some(entry.clone());
                return Some(Ok(entry));
            }
        }
    }
}

/// Why sorting fails: the disk's fault.
#[must_use]
pub fn unsortable(error: &io::Error) -> Failure {
    Failure::failed(format_args!(
        "the keys can't be sorted in the temporary directory: {error}"
    ))
    .hint("make room there, or name another with TMPDIR")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Entries in an order of no meaning, enough for several files.
    fn shuffled(count: u64) -> impl Iterator<Item = KeyEntry> {
        (0..count).map(move |number| {
            let number = number.wrapping_mul(7919) % count;
            let (key, version) = (number % 1000, number / 1000);
            KeyEntry::new(
                format!("\"{key}\""),
                i64::try_from(version).unwrap(),
                number,
                format!("{}{}", version % 3, " ".repeat(200)),
            )
        })
    }

    #[test]
    fn the_newest_of_each_key_is_left() {
        let mut sorters = [Sorter::new(Keeping::Newest), Sorter::new(Keeping::Newest)];
        for (number, entry) in shuffled(40_000).enumerate() {
            sorters[number % 2].push(entry).unwrap();
        }
        let [mut all, other] = sorters;
        all.join(other).unwrap();
        assert!(all.runs.len() > 1);
        let found: BTreeMap<String, i64> = all
            .sorted()
            .unwrap()
            .map(|entry| entry.map(|entry| (entry.key, entry.version)).unwrap())
            .collect();
        assert_eq!(found.len(), 1000);
        assert!(found.values().all(|version| *version == 39));
    }

    #[test]
    fn each_value_of_a_key_is_left_once() {
        let mut sorter = Sorter::new(Keeping::Distinct);
        for entry in shuffled(40_000) {
            sorter.push(entry).unwrap();
        }
        let mut count = 0;
        let mut seen = BTreeSet::new();
        for entry in sorter.sorted().unwrap() {
            let entry = entry.unwrap();
            seen.insert((entry.key, entry.value));
            count += 1;
        }
        assert_eq!((count, seen.len()), (3000, 3000));
    }
}
