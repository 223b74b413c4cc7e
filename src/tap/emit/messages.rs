//! The only place that writes SCHEMA, RECORD and STATE, and the keeper of the state: a bookmark is
//! put into it once what it covers is written, so that no STATE is ever ahead of its data.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::singer::outgoing::{MessageWriter, SchemaMessage};
use crate::singer::state::State;
use crate::tap::fault::Fault;
use crate::tap::plan::{Output, Plan};

/// The messages of a run.
#[derive(Debug)]
pub struct Messages<W: Write> {
    out: MessageWriter<W>,
    state: State,
    state_interval: Duration,
    last_state: Instant,
    /// The record being written, as its projection leaves it.
    projected: Vec<u8>,
}

impl<W: Write> Messages<W> {
    /// Writes to `out`, which should be buffered, and goes on from `state`, which is
    /// due every `state_interval`.
    pub fn new(out: W, state: State, state_interval: Duration) -> Self {
        Self {
            out: MessageWriter::new(out),
            state,
            state_interval,
            last_state: Instant::now(),
            projected: Vec::new(),
        }
    }

    /// Writes the schemas of a stream and of its children.
    pub fn schemas(&mut self, plan: &Plan) -> Result<(), Fault> {
        for output in plan.outputs() {
            self.out
                .schema(&SchemaMessage {
                    stream: output.name,
                    schema: &output.schema,
                    key_properties: &output.key_properties,
                    bookmark_properties: &output.bookmark_properties,
                })
                .map_err(|error| Fault::output(&error))?;
        }
        Ok(())
    }

    /// Writes a record without what its catalog leaves out.
    pub fn record(
        &mut self,
        output: &Output,
        record: &str,
        time_extracted: &str,
    ) -> Result<(), Fault> {
        let mut bytes = record.as_bytes();
        if !output.projection.keeps_all() {
            self.projected.clear();
            let copied = output.projection.copy(record, &mut self.projected);
            copied.map_err(|error| {
                let name = output.name;
                Fault::Stream(format!("a record of {name} can't be read: {error}"))
            })?;
            bytes = &self.projected;
        }
        self.out
            .record(output.name, bytes, time_extracted)
            .map_err(|error| Fault::output(&error))
    }

    /// What the state remembers of a stream.
    #[must_use]
    pub fn bookmark(&self, stream: &str) -> Option<&Value> {
        self.state.bookmark(stream)
    }

    /// Puts a stream's bookmark into the state, all that it covers being written.
    pub fn set_bookmark(&mut self, stream: &str, bookmark: Value) {
        self.state.set_bookmark(stream, bookmark);
    }

    /// Whether it is time for a STATE.
    #[must_use]
    pub fn is_state_due(&self) -> bool {
        self.last_state.elapsed() >= self.state_interval
    }

    /// Writes the state and hands over all that is buffered.
    pub fn state(&mut self) -> Result<(), Fault> {
        self.last_state = Instant::now();
        self.out
            .state(&self.state)
            .map_err(|error| Fault::output(&error))
    }

    /// Hands over what is buffered.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.out.flush().map_err(|error| Fault::output(&error))
    }
}
