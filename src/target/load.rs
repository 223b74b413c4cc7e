//! Messages into sinks: what each type of message does, and what makes a line a fault.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use serde_json::Value;

use super::admission::{Admission, Inadmissible, SchemaFault};
use super::batch::{BatchFile, BatchRoots};
use super::commit::Committer;
use super::config::Config;
use super::intake::{Intake, RecordFault};
use super::keys::{KeyRule, replication_key};
use super::quarantine::Origin;
use super::record::KeyProperties;
use super::storable;
use super::store::StoreError;
use super::writer::Workshop;
use crate::cli::Failure;
use crate::cli::foreign::told;
use crate::cli::stop::Stop;
use crate::json::surrogates;
use crate::schema::validator::{Unusable, Validator};
use crate::singer::lines::{InputFault, LineLength};
use crate::singer::messages::{BatchMessage, Message, RecordMessage, Schema};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Unknown types that are warned of, and schemas: whoever sends more has been told enough.
const MOST_WARNINGS: usize = 100;

/// What is wrong with a schema like `{"type": "object"}` where no key is named and no record comes.
const SAYS_NOTHING: &str = "it has no `properties`, and neither a key nor a record has come";

const NEXT_RUN: &str = "what the STATE messages before it cover is stored; the rest is not, and comes again with the next run";

/// How much of a BATCH is loaded between two looks at signals and commits, in bytes.
const BATCH_BLOCK_BYTES: usize = 1024 * 1024;

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

/// One run: its streams, and its commits.
#[derive(Debug)]
pub struct Loader {
    intake: Intake,
    committer: Committer,
    validate_records: bool,
    max_line_bytes: usize,
    line_number: u64,
    types_warned_of: HashSet<String>,
    schemas_warned_of: HashSet<String>,
    batch_roots: BatchRoots,
    stop: Stop,
}

impl Loader {
    /// A run that has seen nothing.
    #[must_use]
    pub fn new(config: &Config, workshop: Workshop, committer: Committer, stop: &Stop) -> Self {
        Self {
            intake: Intake::new(config, workshop),
            committer,
            validate_records: config.validate_records,
            max_line_bytes: config.max_line_bytes,
            line_number: 0,
            types_warned_of: HashSet::new(),
            schemas_warned_of: HashSet::new(),
            batch_roots: BatchRoots::new(config.batch_root.as_deref()),
            stop: stop.clone(),
        }
    }

    /// Takes one line of input; `ended` says whether it had its line feed.
    pub fn line(&mut self, mut line: &[u8], ended: bool) -> Result<(), LoadFault> {
        self.line_number += 1;
        if line.len() > self.max_line_bytes {
            let length = LineLength::Bytes(line.len() as u64);
            let most = self.max_line_bytes;
            return Err(self.fault(InputFault::TooLong { length, most }));
        }
        if self.line_number == 1
            && let Some(rest) = line.strip_prefix(BYTE_ORDER_MARK)
        {
            tracing::warn!("line 1: it begins with a byte order mark, which is passed over");
            line = rest;
        }
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
            Message::Schema(schema) => {
                self.schema(schema);
                Ok(())
            }
            Message::State(state) => self.state(state),
            Message::Batch(batch) => self.batch(&batch),
            Message::ActivateVersion { stream, version } => {
                self.intake.activate(&stream, version.unwrap_or("null"));
                tracing::info!(
                    "stream {}: a version is whole; older files stay, for files are only added",
                    told(&stream)
                );
                Ok(())
            }
            Message::Other(kind) => {
                if is_new(&mut self.types_warned_of, &kind) {
                    tracing::warn!(
                        "line {}: messages of type \"{}\" are unknown and ignored",
                        self.line_number,
                        told(&kind)
                    );
                }
                Ok(())
            }
        }
    }

    /// Takes a line that is none.
    pub fn no_line(&mut self, fault: &InputFault) -> LoadFault {
        self.line_number += 1;
        self.fault(fault)
    }

    /// The input has ended with a whole line. What was announced in error and left at that is told.
    pub fn end_of_input(&mut self) -> Result<(), LoadFault> {
        let Some(suspect) = self.intake.first_suspect() else {
            return Ok(());
        };
        let refusal = Inadmissible::NoSchema(suspect.fault.clone());
        let stream = Arc::clone(&suspect.stream);
        Err(self.record_fault(&stream, RecordFault::Refused(refusal)))
    }

    /// Fails as soon as a signal has come or it is known that a commit has failed. To be called
    /// between two blocks of input.
    pub fn check(&mut self) -> Result<(), LoadFault> {
        self.heed_signals()?;
        self.committer.check().map_err(LoadFault::Storage)
    }

    /// Fails as soon as a signal has come.
    pub fn heed_signals(&self) -> Result<(), LoadFault> {
        match self.stop.received() {
            Some(signal) => Err(LoadFault::Input(Failure::signal(signal))),
            None => Ok(()),
        }
    }

    /// Commits what waits for it, when it has waited long enough.
    pub fn commit_if_due(&mut self) -> Result<(), LoadFault> {
        if self.committer.is_due() && self.may_end_files() {
            self.commit().map_err(LoadFault::Storage)?;
        }
        Ok(())
    }

    /// A list that isn't whole yet keeps its file open, so that one file has all of it: for a while.
    fn may_end_files(&self) -> bool {
        !self.intake.versions.are_open() || self.committer.is_overdue()
    }

    /// The whole input was good: all records are covered by having come to its end.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.count();
        let committer = &self.committer;
        self.intake
            .leave_empty_lists(|stream| committer.names(stream));
        self.intake.cover()?;
        self.commit()?;
        let waited = self.committer.wait();
        self.count();
        waited?;
        self.intake.tell_records();
        self.intake.tell_invalid_records();
        Ok(())
    }

    /// The input ended badly: keeps what STATEs cover, drops the rest.
    pub fn salvage(mut self) -> Result<(), Failure> {
        let discarded = self.intake.discard_uncovered();
        let result = self.commit().and_then(|()| self.committer.wait());
        self.count();
        self.intake.tell_invalid_records();
        // After what counts: little time may be left.
        drop(discarded);
        result
    }

    /// Takes stock for the run's report.
    pub fn count(&self) {
        self.intake.count();
        if let Some(state) = self.committer.state() {
            self.intake.workshop.tally.ended_with(state);
        }
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let Intake {
            sinks,
            workshop,
            limits,
            ..
        } = &mut self.intake;
        self.committer.commit(sinks, workshop, limits)?;
        self.intake.release_days();
        Ok(())
    }

    fn record(&mut self, message: &RecordMessage<'_>) -> Result<(), LoadFault> {
        let index = self.index_of(&message.stream, "RECORD")?;
        let origin = Origin {
            line: self.line_number,
            batch: None,
        };
        self.intake
            .take(index, message, &origin)
            .map_err(|fault| self.record_fault(&message.stream, fault))
    }

    fn record_fault(&mut self, place: &dyn Display, fault: RecordFault) -> LoadFault {
        let refusal = match fault {
            RecordFault::Storage(error) => return error.into(),
            RecordFault::Refused(refusal) => refusal,
        };
        if let Inadmissible::NoSchema(fault) = &refusal {
            self.line_number = fault.line;
        }
        let settings = if refusal.is_of_schema() {
            "`validate_records: false` loads the stream without looking at its schema"
        } else {
            "the setting `on_invalid_record` can have such records put aside or kept (`quarantine`, `keep`), and `validate_records: false` doesn't hold them against their schema"
        };
        let failure = self.failure(format_args!("stream {place}: {refusal}"));
        LoadFault::Input(failure.hint(format_args!("{settings}; {NEXT_RUN}")))
    }

    fn schema(&mut self, message: Schema<'_>) {
        let stream = &*message.stream;
        let schema =
            surrogates::parse(message.schema).map_err(|error| Unusable::unreadable(&error));
        let is_nothing = message.key_properties.is_empty() && schema.as_ref().is_ok_and(is_nothing);
        let mut updated_by = None;
        if let Ok(schema) = &schema {
            updated_by = replication_key(&message.bookmark_properties, schema);
            let (key, bookmark) = (&message.key_properties, &message.bookmark_properties);
            let rule = KeyRule::to_remember(key, bookmark, schema);
            self.committer.knows_key(stream, rule);
        }
        let validator = schema.and_then(|schema| Validator::new(&schema));
        let fault = |reason: String| SchemaFault {
            line: self.line_number,
            reason,
        };
        let validator = validator.map_err(|unusable| fault(unusable.to_string()));
        let (validator, suspicion) = match validator {
            _ if !self.validate_records => {
                if let Err(fault) = validator {
                    self.warn_of_schema(stream, &fault);
                }
                (Ok(None), None)
            }
            Ok(_) if is_nothing => (validator.map(Some), Some(fault(SAYS_NOTHING.to_owned()))),
            Ok(validator) => (Ok(Some(validator)), None),
            Err(fault) => (Err(fault.clone()), Some(fault)),
        };
        let admission = Admission {
            key_properties: KeyProperties::new(message.key_properties),
            validator,
        };
        if self.intake.announce(stream, admission, updated_by) {
            self.committer.loads(stream);
        }
        if let Some(fault) = suspicion {
            self.intake.suspect(stream, fault);
        }
    }

    fn warn_of_schema(&mut self, stream: &str, fault: &SchemaFault) {
        if is_new(&mut self.schemas_warned_of, stream) {
            tracing::warn!(
                "line {}: stream {}: the schema can't be used: {}; `validate_records` is off, so nothing depends on it",
                fault.line,
                told(stream),
                told(&fault.reason)
            );
        }
    }

    fn state(&mut self, state: &str) -> Result<(), LoadFault> {
        if !state.starts_with('{') && state != "null" {
            return Err(self.fault("the value of a STATE must be an object"));
        }
        // Before it covers anything: what can't be stored as a state must not make data final.
        let is_stream = |name: &str| self.intake.find(name).is_some();
        if let Some(fault) = storable::fault_of(state, is_stream) {
            return Err(self.fault(format_args!("the value of the STATE {fault}")));
        }
        // Open objects may have piled up that a commit can finish.
        let wants_commit = self.intake.cover()? && self.may_end_files();
        let wants_commit = wants_commit || self.intake.workshop.is_crowded();
        self.committer.receive(state).map_err(LoadFault::Input)?;
        if wants_commit {
            return self.commit().map_err(LoadFault::Storage);
        }
        self.commit_if_due()
    }

    fn batch(&mut self, message: &BatchMessage<'_>) -> Result<(), LoadFault> {
        let index = self.index_of(&message.stream, "BATCH")?;
        let fault = |loader: &Self, url: &str, reason: &dyn Display| {
            loader.fault(format_args!("stream {}: {url}: {reason}", message.stream))
        };
        for url in &message.manifest {
            let longest = self.max_line_bytes as u64;
            let mut file = BatchFile::open(url, &message.encoding, &self.batch_roots, longest)
                .map_err(|reason| fault(self, url, &reason))?;
            let mut unchecked_bytes = 0;
            while let Some((record, line)) =
                file.next().map_err(|reason| fault(self, url, &reason))?
            {
                unchecked_bytes += record.len();
                if unchecked_bytes >= BATCH_BLOCK_BYTES {
                    unchecked_bytes = 0;
                    self.check()?;
                }
                let row = RecordMessage {
                    stream: message.stream.clone(),
                    record,
                    time_extracted: None,
                    version: None,
                };
                let origin = Origin {
                    line: self.line_number,
                    batch: Some((url, line)),
                };
                if let Err(fault) = self.intake.take(index, &row, &origin) {
                    let place = format!("{}: {url} line {line}", message.stream);
                    return Err(self.record_fault(&place, fault));
                }
            }
        }
        Ok(())
    }

    fn index_of(&mut self, stream: &str, kind: &str) -> Result<usize, LoadFault> {
        let found = self.intake.find(stream);
        found.ok_or_else(|| self.fault(format_args!("stream {stream}: {kind} before its SCHEMA")))
    }

    fn fault(&self, reason: impl Display) -> LoadFault {
        LoadFault::Input(self.failure(reason).hint(NEXT_RUN))
    }

    fn failure(&self, reason: impl Display) -> Failure {
        let reason = told(&reason.to_string());
        Failure::failed(format_args!("line {}: {reason}", self.line_number))
    }
}

/// Whether a name hasn't been warned of yet.
fn is_new(warned_of: &mut HashSet<String>, name: &str) -> bool {
    warned_of.len() < MOST_WARNINGS
        && !warned_of.contains(name)
        && warned_of.insert(name.to_owned())
}

/// Whether a schema says of its records no more than that they are objects.
fn is_nothing(schema: &Value) -> bool {
    match schema {
        Value::Object(keywords) => keywords
            .keys()
            .all(|keyword| matches!(keyword.as_str(), "type" | "$schema")),
        _ => schema == &Value::Bool(true),
    }
}
