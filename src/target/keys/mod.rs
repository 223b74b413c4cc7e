//! The newest version of every key that a destination holds: read side by side, sorted on disk where
//! it is too much for memory, printed as JSON lines.

mod counts;
mod rule;
mod scan;
mod sorter;

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use super::config::Config;
use super::lake::{DataFile, Lake};
use super::store::Store;
use crate::cli::Failure;
use crate::cli::foreign::told;
use crate::cli::nearest::slip_of;
use counts::Counts;
pub use rule::{KeyRule, replication_key};
use scan::{Faults, Scan};
use sorter::{Keeping, Sorted, Sorter, unsortable};

/// Files that are read at once, at most: each has its buffers, and a service its latency.
const AT_ONCE: usize = 8;
/// Faults that are told one by one.
const MOST_TOLD: usize = 20;

/// A destination that is being read.
pub struct LakeReading<'a> {
    store: &'a Store,
    lake: Lake,
    /// What is remembered of the keys of streams that don't tell them themselves.
    rules: HashMap<String, KeyRule>,
    max_line_bytes: usize,
    faults: Faults,
}

impl<'a> LakeReading<'a> {
    /// Lists a destination.
    pub fn new(
        store: &'a Store,
        config: &Config,
        rules: HashMap<String, KeyRule>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            store,
            lake: Lake::list(store, config)?,
            rules,
            max_line_bytes: config.max_line_bytes,
            faults: Faults::default(),
        })
    }

    /// Prints the keys of these streams, or of all. What can't be read as a record is told, by file and
    /// line, and fails in the end.
    pub fn print(&self, streams: &[String], out: &mut impl Write) -> Result<(), Failure> {
        self.look_for(streams)?;
        for name in self.lake.foreign.iter().take(MOST_TOLD) {
            tracing::warn!("{} is no data file by its name, and left out", told(name));
        }
        for stream in self.lake.streams.keys() {
            if streams.is_empty() || streams.contains(stream) {
                self.print_stream(stream, out)?;
            }
        }
        out.flush().map_err(|error| unwritable(&error))?;
        self.faults.tell(MOST_TOLD)
    }

    fn look_for(&self, streams: &[String]) -> Result<(), Failure> {
        let known = || self.lake.streams.keys().map(String::as_str);
        for stream in streams {
            if self.lake.streams.contains_key(stream) {
                continue;
            }
            if let Some(meant) = slip_of(stream, known()) {
                return Err(
                    Failure::usage(format_args!("no file is there of a stream {stream}"))
                        .hint(format_args!("did you mean {}?", told(meant))),
                );
            }
            tracing::info!("no file is there of {stream} yet");
        }
        Ok(())
    }

    fn print_stream(&self, stream: &str, out: &mut impl Write) -> Result<(), Failure> {
        let files = &self.lake.streams[stream];
        let Some(rule) = self.rule_of(stream, files)? else {
            tracing::warn!(
                "stream {}: it has no key that is known, so it is left out",
                told(stream)
            );
            return Ok(());
        };
        let mut counts = self.counts_of(stream)?;
        let name = serde_json::Value::from(stream).to_string();
        for entry in self.sorted(files, Keeping::Newest, &|scan| scan.version_of(&rule))? {
            let entry = entry.map_err(|error| unsortable(&error))?;
            let parts = match &mut counts {
                None => "null".to_owned(),
                Some(counts) => counts
                    .of(entry.hash, &entry.key)
                    .map_err(|error| unsortable(&error))?
                    .to_string(),
            };
            writeln!(
                out,
                r#"{{"stream":{name},"key":{},"updated_at":{},"parts":{parts}}}"#,
                entry.key, entry.value
            )
            .map_err(|error| unwritable(&error))?;
        }
        Ok(())
    }

    /// How many parts belong to each record of a stream, where there is a stream of its parts.
    fn counts_of(&self, stream: &str) -> Result<Option<Counts>, Failure> {
        let Some((child, link)) = rule::parts_of(stream) else {
            return Ok(None);
        };
        let Some(files) = self.lake.streams.get(&child) else {
            return Ok(None);
        };
        let Some(rule) = self.rule_of(&child, files)? else {
            return Ok(None);
        };
        let sorted = self.sorted(files, Keeping::Distinct, &|scan| scan.link_of(&link, &rule))?;
        Ok(Some(Counts::new(sorted)))
    }

    fn rule_of(&self, stream: &str, files: &[DataFile]) -> Result<Option<KeyRule>, Failure> {
        if let Some(rule) = self.rules.get(stream) {
            return Ok(Some(rule.clone()));
        }
        // The newest record tells best what records are like now.
        for file in files.iter().rev() {
            let mut scan = Scan::open(self.store, file, self.max_line_bytes)?;
            if let Ok(Some(line)) = scan.next_line() {
                return Ok(KeyRule::of_record(line));
            }
        }
        Ok(None)
    }

    /// What `look` finds in each line of the files, sorted.
    fn sorted(
        &self,
        files: &[DataFile],
        kind: Keeping,
        look: &scan::Look<'_>,
    ) -> Result<Sorted, Failure> {
        let waiting = Mutex::new(files.iter().enumerate());
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next()
        };
        let work = || -> Result<Sorter, Failure> {
            let mut sorter = Sorter::new(kind);
            while let Some((number, file)) = next() {
                let mut scan = Scan::open(self.store, file, self.max_line_bytes)?;
                scan.read(number, look, &mut sorter, &self.faults)?;
            }
            Ok(sorter)
        };
        let sorters: Vec<Result<Sorter, Failure>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..files.len().min(AT_ONCE))
                .map(|_| scope.spawn(work))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        let mut all = Sorter::new(kind);
        for sorter in sorters {
            all.join(sorter?).map_err(|error| unsortable(&error))?;
        }
        all.sorted().map_err(|error| unsortable(&error))
    }
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::failed(format_args!("stdout can't be written to: {error}"))
}
