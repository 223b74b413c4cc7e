//! Messages into sinks: what each type of message does, and what makes a line a fault.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::batch::BatchFile;
use super::commit::Committer;
use super::config::Config;
use super::record::{KeyProperties, RecordMetadata};
use super::sink::{Limits, Sink};
use super::store::StoreError;
use super::writer::Workshop;
use crate::cli::Failure;
use crate::json::members::member;
use crate::schema::validator::{Rejection, Validator};
use crate::singer::messages::{Batch, Message, Record, Schema};

/// Why loading stops.
#[derive(Debug)]
pub enum LoadFault {
    /// The input is at fault: what STATEs cover is still good.
    Input(Failure),
    /// Storage is at fault: nothing can be promised any more.
    Storage(Failure),
}

impl From<StoreError> for LoadFault {
    fn from(error: StoreError) -> Self {
        Self::Storage(error.into())
    }
}

/// All streams of one run.
#[derive(Debug)]
pub struct Loader {
    workshop: Workshop,
    limits: Limits,
    validate_records: bool,
    add_record_metadata: bool,
    max_file_bytes: u64,
    sinks: Vec<Sink>,
    indices: HashMap<String, usize>,
    /// The stream of the last record: most often that of the next one.
    last_index: usize,
    /// Sinks that hold what no STATE covers.
    dirty: Vec<usize>,
    committer: Committer,
    line_number: u64,
    types_warned_of: HashSet<String>,
}

impl Loader {
    /// A run that has seen nothing.
    #[must_use]
    pub fn new(config: &Config, workshop: Workshop, committer: Committer) -> Self {
        Self {
            workshop,
            limits: Limits::new(config.max_file_bytes, 1),
            validate_records: config.validate_records,
            add_record_metadata: config.add_record_metadata,
            max_file_bytes: config.max_file_bytes,
            sinks: Vec::new(),
            indices: HashMap::new(),
            last_index: 0,
            dirty: Vec::new(),
            committer,
            line_number: 0,
            types_warned_of: HashSet::new(),
        }
    }

    /// Takes one line of input; `ended` says whether it had its line feed.
    pub fn line(&mut self, line: &[u8], ended: bool) -> Result<(), LoadFault> {
        self.line_number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let message = Message::parse(line).map_err(|error| {
            if ended {
                self.fault(error)
            } else {
                self.fault(format_args!("the input ends within a line ({error})"))
            }
        })?;
        match message {
            Message::Record(record) => self.record(&record),
            Message::Schema(schema) => self.schema(schema),
            Message::State(state) => self.state(state),
            Message::Batch(batch) => self.batch(&batch),
            Message::ActivateVersion { stream } => {
                tracing::info!(
                    "stream {stream}: ACTIVATE_VERSION needs nothing done, files are only added"
                );
                Ok(())
            }
            Message::Other(kind) => {
                if self.types_warned_of.insert(kind.to_string()) {
                    tracing::warn!(
                        "line {}: messages of type {kind:?} are unknown and ignored",
                        self.line_number
                    );
                }
                Ok(())
            }
        }
    }

    /// Fails as soon as it is known that a commit has failed.
    pub fn check(&mut self) -> Result<(), LoadFault> {
        self.committer.check().map_err(LoadFault::Storage)
    }

    /// Commits what waits for it, when it has waited long enough.
    pub fn commit_if_due(&mut self) -> Result<(), LoadFault> {
        if self.committer.is_due() {
            self.commit().map_err(LoadFault::Storage)?;
        }
        Ok(())
    }

    /// The whole input was good: all records are covered by having come to its end.
    pub fn finish(mut self) -> Result<(), Failure> {
        for index in std::mem::take(&mut self.dirty) {
            self.sinks[index].cover(&self.workshop, &self.limits)?;
        }
        self.commit()?;
        self.committer.wait()?;
        for sink in &self.sinks {
            tracing::info!("stream {}: {} records", sink.stream, sink.records);
        }
        Ok(())
    }

    /// The input ended badly: keeps what STATEs cover, drops the rest.
    pub fn salvage(mut self) -> Result<(), Failure> {
        let mut discarded = Vec::new();
        for index in std::mem::take(&mut self.dirty) {
            discarded.append(&mut self.sinks[index].discard_uncovered());
        }
        let result = self.commit().and_then(|()| self.committer.wait());
        // After what counts: little time may be left.
        drop(discarded);
        result
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.committer
            .commit(&mut self.sinks, &self.workshop, &self.limits)
    }

    fn record(&mut self, message: &Record<'_>) -> Result<(), LoadFault> {
        let index = self.index_of(&message.stream, "RECORD")?;
        self.append(index, message.record, message)
            .map_err(|stop| match stop {
                RecordFault::Invalid(reason) => {
                    self.fault(format_args!("stream {}: {reason}", message.stream))
                }
                RecordFault::Storage(error) => error.into(),
            })
    }

    fn append(
        &mut self,
        index: usize,
        record: &str,
        message: &Record<'_>,
    ) -> Result<(), RecordFault> {
        let sink = &mut self.sinks[index];
        if !record.starts_with('{') {
            return Err(RecordFault::Invalid(
                "the record is not an object".to_owned(),
            ));
        }
        if let Some(key) = sink.key_properties.missing_in(record) {
            return Err(RecordFault::Invalid(format!(
                "the record lacks the key property `{key}`"
            )));
        }
        if let Some(validator) = &sink.validator {
            validator.check(record).map_err(|rejection| {
                RecordFault::Invalid(match rejection {
                    Rejection::Invalid(faults) => {
                        format!("the record does not match the schema: {}", faults[0])
                    }
                    Rejection::TooCostly => "checking the record takes too long".to_owned(),
                })
            })?;
        }
        if !sink.is_dirty() {
            self.dirty.push(index);
        }
        let (buffer, opened_at) = sink.begin_line(&self.workshop);
        if self.add_record_metadata {
            RecordMetadata {
                extracted_at: message.time_extracted,
                received_at: chrono::Utc::now(),
                batched_at: opened_at,
                table_version: message.version,
            }
            .append(record, buffer);
        } else {
            buffer.extend_from_slice(record.as_bytes());
        }
        buffer.push(b'\n');
        sink.appended(&self.workshop, &self.limits)
            .map_err(RecordFault::Storage)
    }

    fn schema(&mut self, message: Schema<'_>) -> Result<(), LoadFault> {
        let stream = message.stream;
        let unusable = |reason: &str| {
            self.fault(format_args!(
                "stream {stream}: the schema can't be used: {reason}"
            ))
        };
        // A schema is compiled for its faults' sake even when records are not checked.
        let text = message.schema.get();
        if text.starts_with('{') && !member(text, "properties").is_ok_and(|found| found.is_some()) {
            return Err(unusable("it has no `properties`"));
        }
        let validator =
            Validator::from_text(text).map_err(|reason| unusable(&reason.to_string()))?;
        let validator = self.validate_records.then_some(validator);
        let key_properties = KeyProperties::new(message.key_properties);
        if let Some(index) = self.indices.get(&*stream) {
            let sink = &mut self.sinks[*index];
            sink.validator = validator;
            sink.key_properties = key_properties;
        } else {
            self.committer.loads(&stream);
            self.indices.insert(stream.to_string(), self.sinks.len());
            self.sinks
                .push(Sink::new(&stream, key_properties, validator));
            self.limits = Limits::new(self.max_file_bytes, self.sinks.len());
        }
        Ok(())
    }

    fn state(&mut self, state: &RawValue) -> Result<(), LoadFault> {
        let value = state.get();
        if !value.starts_with('{') && value != "null" {
            return Err(self.fault("the value of a STATE must be an object"));
        }
        let mut wants_commit = false;
        for index in self.dirty.drain(..) {
            let sink = &mut self.sinks[index];
            sink.cover(&self.workshop, &self.limits)?;
            wants_commit |= sink.wants_commit();
        }
        // Open objects have piled up that a commit can finish.
        wants_commit |= self.workshop.is_crowded();
        self.committer.receive(value).map_err(LoadFault::Input)?;
        if wants_commit {
            return self.commit().map_err(LoadFault::Storage);
        }
        self.commit_if_due()
    }

    fn batch(&mut self, message: &Batch<'_>) -> Result<(), LoadFault> {
        let index = self.index_of(&message.stream, "BATCH")?;
        let fault = |loader: &Self, url: &str, reason: &dyn std::fmt::Display| {
            loader.fault(format_args!("stream {}: {url}: {reason}", message.stream))
        };
        for url in &message.manifest {
            let mut file = BatchFile::open(url, &message.encoding)
                .map_err(|reason| fault(self, url, &reason))?;
            while let Some(record) = file.next().map_err(|reason| fault(self, url, &reason))? {
                let row = Record {
                    stream: message.stream.clone(),
                    record,
                    time_extracted: None,
                    version: None,
                };
                if let Err(stop) = self.append(index, record, &row) {
                    return Err(match stop {
                        RecordFault::Invalid(reason) => {
                            let place = format!("{url} line {}", file.line_number());
                            fault(self, &place, &reason)
                        }
                        RecordFault::Storage(error) => error.into(),
                    });
                }
            }
        }
        Ok(())
    }

    fn index_of(&mut self, stream: &str, kind: &str) -> Result<usize, LoadFault> {
        if self
            .sinks
            .get(self.last_index)
            .is_some_and(|sink| *sink.stream == *stream)
        {
            return Ok(self.last_index);
        }
        match self.indices.get(stream) {
            Some(index) => {
                self.last_index = *index;
                Ok(*index)
            }
            None => Err(self.fault(format_args!("stream {stream}: {kind} before its SCHEMA"))),
        }
    }

    fn fault(&self, reason: impl std::fmt::Display) -> LoadFault {
        LoadFault::Input(
            Failure::failed(format_args!("line {}: {reason}", self.line_number))
                .hint("what the STATE messages before it cover is stored; the rest is not, and comes again with the next run"),
        )
    }
}

enum RecordFault {
    Invalid(String),
    Storage(StoreError),
}
