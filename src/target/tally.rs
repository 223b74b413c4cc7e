//! What a run has done, counted for its report.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

/// Counts that all threads add to.
#[derive(Debug, Default)]
pub struct LoadTally {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    streams: BTreeMap<String, StreamCounts>,
    files: Vec<Value>,
    state_before: Value,
    state_after: Value,
    storage: Value,
}

#[derive(Debug, Default)]
struct StreamCounts {
    records: u64,
    invalid_records: u64,
    schemas: u64,
    files: u64,
    bytes: u64,
}

impl LoadTally {
    /// A SCHEMA has come.
    pub fn schema(&self, stream: &str) {
        self.lock().of(stream).schemas += 1;
    }

    /// What has come of a stream in all, and how many of these records were invalid.
    pub fn records(&self, stream: &str, records: u64, invalid: u64) {
        let mut counts = self.lock();
        let counts = counts.of(stream);
        counts.records = records;
        counts.invalid_records = invalid;
    }

    /// A file is stored; `bytes` before compression.
    pub fn stored(&self, stream: &str, place: &str, bytes: u64) {
        let mut counts = self.lock();
        let of_stream = counts.of(stream);
        of_stream.files += 1;
        of_stream.bytes += bytes;
        let file = json!({ "stream": stream, "place": place, "bytes": bytes });
        counts.files.push(file);
    }

    /// What was stored of the tap's state when the run began.
    pub fn began_with(&self, state: Value) {
        let mut counts = self.lock();
        counts.state_after = state.clone();
        counts.state_before = state;
    }

    /// What is stored of it now.
    pub fn ended_with(&self, state: Value) {
        self.lock().state_after = state;
    }

    /// What was asked of the storage service in all.
    pub fn asked(&self, storage: Value) {
        self.lock().storage = storage;
    }

    /// For a report.
    #[must_use]
    pub fn facts(&self) -> Map<String, Value> {
        let counts = self.lock();
        let streams: Map<String, Value> = counts
            .streams
            .iter()
            .map(|(name, counts)| {
                let counts = json!({
                    "records": counts.records,
                    "invalid_records": counts.invalid_records,
                    "schemas": counts.schemas,
                    "files": counts.files,
                    "bytes": counts.bytes,
                });
                (name.clone(), counts)
            })
            .collect();
        let mut facts = Map::new();
        facts.insert("streams".to_owned(), Value::Object(streams));
        facts.insert("files".to_owned(), json!(counts.files));
        facts.insert("storage".to_owned(), counts.storage.clone());
        facts.insert("state_before".to_owned(), counts.state_before.clone());
        facts.insert("state_after".to_owned(), counts.state_after.clone());
        facts
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn of(&mut self, stream: &str) -> &mut StreamCounts {
        self.streams.entry(stream.to_owned()).or_default()
    }
}
