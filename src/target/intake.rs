//! Records on their way into sinks: which are let in, and what becomes of the others.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::admission::{Admission, Inadmissible, SchemaFault};
use super::config::{Config, OnInvalidRecord};
use super::days::{Days, day_of};
use super::object_name::PathTemplate;
use super::quarantine::{self, Origin};
use super::record::RecordMetadata;
use super::sink::{Limits, Sink};
use super::store::StoreError;
use super::versions::Versions;
use super::writer::{ObjectWriter, Workshop};
use crate::cli::foreign::told;
use crate::singer::messages::RecordMessage;
use crate::singer::metrics;

/// The streams of a run and their sinks.
#[derive(Debug)]
pub struct Intake {
    /// What the sinks write with.
    pub workshop: Workshop,
    /// How much each sink may hold.
    pub limits: Limits,
    /// All sinks; those of invalid records are among them.
    pub sinks: Vec<Sink>,
    max_file_bytes: u64,
    on_invalid_record: OnInvalidRecord,
    add_record_metadata: bool,
    path_template: Arc<PathTemplate>,
    days: Days,
    quarantine_template: Arc<PathTemplate>,
    streams: Vec<Stream>,
    indices: HashMap<Arc<str>, usize>,
    /// The stream of the last record: most often that of the next one.
    last_index: usize,
    /// Sinks that hold what no STATE covers.
    dirty: Vec<usize>,
    suspects: Vec<SuspectSchema>,
    /// Of full tables.
    pub versions: Versions,
}

/// A stream as its last SCHEMA describes it.
#[derive(Debug)]
struct Stream {
    name: Arc<str>,
    admission: Admission,
    /// What tells when its records were updated.
    replication_key: Option<String>,
    /// The place of its sink among all: of all its records, or of those without a day.
    sink: usize,
    /// The same for its invalid records, once there was one.
    quarantine: Option<usize>,
    /// Records that were written.
    records: u64,
    /// Records that weren't as they must be.
    invalid: u64,
    /// Those of them that were put aside.
    put_aside: u64,
}

/// A SCHEMA that announces what can't be loaded, and after which nothing has come yet: no record of
/// its stream, and no STATE, which would say that there was none to come.
#[derive(Debug)]
pub struct SuspectSchema {
    /// The stream's name.
    pub stream: Arc<str>,
    /// The SCHEMA's line, from 1, and what is wrong with it.
    pub fault: SchemaFault,
}

/// Why a record isn't taken.
#[derive(Debug)]
pub enum RecordFault {
    /// It isn't as it must be.
    Refused(Inadmissible),
    /// It can't be stored.
    Storage(StoreError),
}

impl From<StoreError> for RecordFault {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

impl Intake {
    /// Without streams.
    #[must_use]
    pub fn new(config: &Config, workshop: Workshop) -> Self {
        Self {
            workshop,
            limits: Limits::new(config.max_file_bytes, 1),
            sinks: Vec::new(),
            max_file_bytes: config.max_file_bytes,
            on_invalid_record: config.on_invalid_record,
            add_record_metadata: config.add_record_metadata,
            path_template: Arc::new(config.path_template.clone()),
            days: Days::new(config.max_open_files),
            quarantine_template: Arc::new(quarantine::path_template()),
            streams: Vec::new(),
            indices: HashMap::new(),
            last_index: 0,
            dirty: Vec::new(),
            suspects: Vec::new(),
            versions: Versions::default(),
        }
    }

    /// The place of a stream that was announced.
    pub fn find(&mut self, stream: &str) -> Option<usize> {
        if let Some(last) = self.streams.get(self.last_index)
            && *last.name == *stream
        {
            return Some(self.last_index);
        }
        self.last_index = *self.indices.get(stream)?;
        Some(self.last_index)
    }

    /// Takes what a SCHEMA says, `replication_key` with it. Gives whether it is the stream's first.
    pub fn announce(
        &mut self,
        name: &str,
        admission: Admission,
        replication_key: Option<String>,
    ) -> bool {
        self.workshop.tally.schema(name);
        self.suspects.retain(|suspect| *suspect.stream != *name);
        if let Some(index) = self.find(name) {
            let stream = &mut self.streams[index];
            stream.admission = admission;
            stream.replication_key = replication_key;
            return false;
        }
        let name: Arc<str> = Arc::from(name);
        let sink = self.add_sink(Sink::new(&name, &self.path_template));
        self.indices.insert(Arc::clone(&name), self.streams.len());
        self.streams.push(Stream {
            name,
            admission,
            replication_key,
            sink,
            quarantine: None,
            records: 0,
            invalid: 0,
            put_aside: 0,
        });
        true
    }

    /// Takes note of what is wrong with the SCHEMA that was announced last.
    pub fn suspect(&mut self, stream: &str, fault: SchemaFault) {
        let stream = Arc::from(stream);
        self.suspects.push(SuspectSchema { stream, fault });
    }

    /// The first of those that have been left without a record and a STATE.
    #[must_use]
    pub fn first_suspect(&self) -> Option<&SuspectSchema> {
        self.suspects.first()
    }

    /// Takes a record of the stream at that place, and does with an invalid one what the settings
    /// say.
    pub fn take(
        &mut self,
        index: usize,
        message: &RecordMessage<'_>,
        origin: &Origin<'_>,
    ) -> Result<(), RecordFault> {
        let stream = &mut self.streams[index];
        let sink = stream.sink;
        if !self.suspects.is_empty() {
            self.suspects
                .retain(|suspect| suspect.stream != stream.name);
        }
        if let Some(version) = message.version
            && self.versions.record(index, version)
        {
            self.sinks[sink].begin_list(&self.workshop, &self.limits)?;
        }
        let Err(refusal) = stream.admission.check(message.record) else {
            return Ok(self.append(index, message)?);
        };
        let stops = self.on_invalid_record == OnInvalidRecord::Fail;
        if stops || refusal.is_of_schema() {
            return Err(RecordFault::Refused(refusal));
        }
        stream.invalid += 1;
        if stream.invalid == 1 {
            self.warn_of_first(index, origin, &refusal);
        }
        if self.on_invalid_record == OnInvalidRecord::Keep {
            return Ok(self.append(index, message)?);
        }
        self.streams[index].put_aside += 1;
        let sink = self.quarantine_of(index);
        self.append_line(sink, |line, _| {
            quarantine::append(message, origin, &refusal, line);
        })?;
        Ok(())
    }

    /// A version of a stream is whole.
    pub fn activate(&mut self, stream: &str, version: &str) {
        if let Some(index) = self.find(stream) {
            self.versions.activate(index, version);
        }
    }

    /// Has an empty file for each list that is whole and has no record, so that the newest file is the
    /// whole list. A stream with a bookmark is none: it brings only what is new.
    pub fn leave_empty_lists(&mut self, has_bookmark: impl Fn(&str) -> bool) {
        for index in self.versions.empty() {
            let stream = &self.streams[index];
            let sink = &mut self.sinks[stream.sink];
            if stream.records == 0 && !has_bookmark(&stream.name) {
                sink.leave_empty(&self.workshop, &self.limits);
            }
        }
    }

    fn append(&mut self, index: usize, message: &RecordMessage<'_>) -> Result<(), StoreError> {
        let sink = if self.path_template.is_by_update() {
            self.sink_of_day(index, message.record)?
        } else {
            self.streams[index].sink
        };
        self.streams[index].records += 1;
        let add_record_metadata = self.add_record_metadata;
        self.append_line(sink, |line, opened_at| {
            if add_record_metadata {
                RecordMetadata {
                    extracted_at: message.time_extracted,
                    received_at: Utc::now(),
                    batched_at: opened_at,
                    table_version: message.version,
                }
                .append(message.record, line);
            } else {
                line.extend_from_slice(message.record.as_bytes());
            }
        })
    }

    fn append_line(
        &mut self,
        index: usize,
        write: impl FnOnce(&mut Vec<u8>, DateTime<Utc>),
    ) -> Result<(), StoreError> {
        let sink = &mut self.sinks[index];
        if !sink.is_dirty() {
            self.dirty.push(index);
        }
        let (buffer, opened_at) = sink.begin_line(&self.workshop, &self.limits);
        write(buffer, opened_at);
        buffer.push(b'\n');
        sink.appended(&self.workshop, &self.limits)
    }

    /// The place of the sink of the day on which a record was updated.
    fn sink_of_day(&mut self, index: usize, record: &str) -> Result<usize, StoreError> {
        let stream = &self.streams[index];
        let key = stream.replication_key.as_deref();
        let Some(day) = key.and_then(|key| day_of(record, key)) else {
            return Ok(stream.sink);
        };
        let span = (index, self.path_template.first_day(day));
        if let Some(sink) = self.days.find(span) {
            return Ok(sink);
        }
        let template = Arc::new(self.path_template.updated_on(Some(day)));
        let sink = Sink::new(&stream.name, &template);
        while let Some(oldest) = self.days.close_oldest() {
            self.sinks[oldest].close(&self.workshop, &self.limits)?;
        }
        let place = match self.days.take_free() {
            Some(place) => {
                self.sinks[place] = sink;
                place
            }
            None => self.add_sink(sink),
        };
        self.days.open(span, place);
        self.share_room();
        Ok(place)
    }

    /// After a commit: sinks of days that hold nothing more may be those of other days.
    pub fn release_days(&mut self) {
        self.days.release(&self.sinks);
        self.share_room();
    }

    /// The place of the sink of a stream's invalid records.
    fn quarantine_of(&mut self, index: usize) -> usize {
        if let Some(sink) = self.streams[index].quarantine {
            return sink;
        }
        let sink = Sink::new(&self.streams[index].name, &self.quarantine_template);
        let sink = self.add_sink(sink);
        self.streams[index].quarantine = Some(sink);
        sink
    }

    fn add_sink(&mut self, sink: Sink) -> usize {
        self.sinks.push(sink);
        self.share_room();
        self.sinks.len() - 1
    }

    /// Has all sinks that take records hold as much as the others.
    fn share_room(&mut self) {
        let sinks = self.sinks.len() - self.days.idle();
        self.limits = Limits::new(self.max_file_bytes, sinks);
    }

    /// A STATE, or the input's good end, covers all that has come. Gives whether there are full
    /// objects for a commit.
    pub fn cover(&mut self) -> Result<bool, StoreError> {
        self.suspects.clear();
        let mut wants_commit = self.days.have_closed();
        for index in self.dirty.drain(..) {
            let sink = &mut self.sinks[index];
            sink.cover(&self.workshop, &self.limits)?;
            wants_commit |= sink.wants_commit();
        }
        Ok(wants_commit)
    }

    /// Takes out what no STATE covers.
    pub fn discard_uncovered(&mut self) -> Vec<ObjectWriter> {
        let mut discarded = Vec::new();
        for index in self.dirty.drain(..) {
            discarded.append(&mut self.sinks[index].discard_uncovered());
        }
        discarded
    }

    /// Counts for the run's report.
    pub fn count(&self) {
        for stream in &self.streams {
            let records = stream.records + stream.put_aside;
            let tally = &self.workshop.tally;
            tally.records(&stream.name, records, stream.invalid);
        }
    }

    /// Says how many records were loaded.
    pub fn tell_records(&self) {
        for stream in &self.streams {
            let records = stream.records;
            tracing::info!("stream {}: {records} records", told(&stream.name));
        }
    }

    /// Says how many records were invalid, in streams that had any.
    pub fn tell_invalid_records(&self) {
        for stream in self.streams.iter().filter(|stream| stream.invalid > 0) {
            tracing::warn!(
                "stream {}: {} invalid records came, which {}",
                told(&stream.name),
                stream.invalid,
                self.fate_of_invalid(stream)
            );
            let tags = json!({ "stream": *stream.name });
            metrics::counter("invalid_records", stream.invalid, &tags);
        }
    }

    fn warn_of_first(&self, index: usize, origin: &Origin<'_>, refusal: &Inadmissible) {
        let stream = &self.streams[index];
        tracing::warn!(
            "line {}: stream {}: {}; such records {}",
            origin.line,
            told(&stream.name),
            told(&refusal.to_string()),
            self.fate_of_invalid(stream)
        );
    }

    /// Follows "records".
    fn fate_of_invalid(&self, stream: &Stream) -> String {
        match self.on_invalid_record {
            OnInvalidRecord::Quarantine => format!("go to _invalid/{}/", told(&stream.name)),
            _ => "are written like any other".to_owned(),
        }
    }
}
