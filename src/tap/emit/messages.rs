//! The messages of one stream: what its catalog leaves out is cut, and its schema follows its data.

use std::collections::HashMap;
use std::io::Write;
use std::time::Instant;

use serde_json::{Value, json};

use super::outlet::Outlet;
use crate::cli::foreign;
use crate::schema::growth::GrowingSchema;
use crate::singer::metrics;
use crate::singer::outgoing::{MessageWriter, SchemaMessage};
use crate::singer::state::State;
use crate::tap::along::children::ChildRecords;
use crate::tap::config::Config;
use crate::tap::fault::Fault;
use crate::tap::plan::{Output, Plan};

/// So many bytes are handed over at once, at least, where no bookmark follows them.
const ENOUGH_BYTES: usize = 256 << 10;
/// So many of a stream's changes are told one by one.
const MOST_CHANGES_TOLD: usize = 100;
/// How many of those that one record or some brought are told one by one: a whole new kind of record may
/// bring hundreds.
const MOST_CHANGES_TOLD_AT_ONCE: usize = 10;
/// So many of its records that can't be written are.
const MOST_REFUSALS_TOLD: u64 = 20;

/// A stream's schema, which follows its data.
#[derive(Debug)]
struct Followed {
    schema: GrowingSchema,
    /// Records that were looked at and don't fit.
    unfit: Vec<String>,
    /// How many places changed so far.
    changed: usize,
    /// Whether some records may be left that don't fit, since their keys are of types that keys don't
    /// have.
    may_refuse: bool,
    refused: u64,
}

/// What a stream's schema came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemaCounts {
    /// Places at which it changed.
    pub changes: u64,
    /// Records that were left out, since their key isn't one.
    pub refused: u64,
}

/// The messages of a stream and of its children.
#[derive(Debug)]
pub struct Messages<'a, W: Write> {
    outlet: &'a Outlet<W>,
    /// What isn't handed over yet.
    lines: MessageWriter<Vec<u8>>,
    /// When the stream's bookmarks were last put into the state.
    remembered_at: Instant,
    follows_data: bool,
    schemas: HashMap<&'static str, Followed>,
    /// The record being looked at or written, as its projection leaves it.
    projected: String,
    /// The child record being looked at or written, with what it says of its parent.
    child: String,
}

impl<'a, W: Write> Messages<'a, W> {
    /// Writes through `outlet`.
    pub fn new(outlet: &'a Outlet<W>, config: &Config) -> Self {
        Self {
            outlet,
            lines: MessageWriter::new(Vec::new()),
            remembered_at: Instant::now(),
            follows_data: config.follows_data,
            schemas: HashMap::new(),
            projected: String::new(),
            child: String::new(),
        }
    }

    /// Writes the schemas of a stream and of its children.
    pub fn schemas(&mut self, plan: &Plan) -> Result<(), Fault> {
        for output in plan.outputs() {
            self.schema(output, &output.schema)?;
            if !self.follows_data {
                continue;
            }
            match GrowingSchema::new(&output.schema, &output.key_properties) {
                Ok(schema) => {
                    self.schemas.insert(output.name, Followed::new(schema));
                }
                Err(unusable) => tracing::warn!(
                    "schema {}: it can't be used, and so doesn't follow the data: {unusable}",
                    output.name
                ),
            }
        }
        Ok(())
    }

    /// Looks at a record that is to be written, for what its schema doesn't allow.
    pub fn look_at(&mut self, output: &Output, record: &str) -> Result<(), Fault> {
        let Some(followed) = self.schemas.get_mut(output.name) else {
            return Ok(());
        };
        let record = projected(output, record, &mut self.projected)?;
        if !followed.schema.fits(record) {
            followed.unfit.push(record.to_owned());
        }
        Ok(())
    }

    /// Lets the schema grow until all fit that were looked at, and writes it where it did.
    pub fn settle(&mut self, output: &Output) -> Result<(), Fault> {
        let Some(followed) = self.schemas.get_mut(output.name) else {
            return Ok(());
        };
        if followed.unfit.is_empty() || !followed.grow(output.name) {
            return Ok(());
        }
        let schema = followed.schema.schema().clone();
        self.schema(output, &schema)
    }

    fn schema(&mut self, output: &Output, schema: &Value) -> Result<(), Fault> {
        self.lines
            .schema(&SchemaMessage {
                stream: output.name,
                schema,
                key_properties: &output.key_properties,
                bookmark_properties: &output.bookmark_properties,
            })
            .map_err(|error| Fault::output(&error))
    }

    /// How often each stream's schema changed, and how many of its records were left out.
    pub fn schema_counts(&self) -> impl Iterator<Item = (&'static str, SchemaCounts)> {
        let counts = |followed: &Followed| SchemaCounts {
            changes: followed.changed as u64,
            refused: followed.refused,
        };
        self.schemas
            .iter()
            .map(move |(name, followed)| (*name, counts(followed)))
    }

    /// Writes a record that was looked at, without what its catalog leaves out. False where that
    /// can't be, since its key isn't one.
    pub fn record(
        &mut self,
        output: &Output,
        record: &str,
        time_extracted: &str,
        version: Option<u64>,
    ) -> Result<bool, Fault> {
        let record = projected(output, record, &mut self.projected)?;
        if let Some(followed) = self.schemas.get_mut(output.name)
            && followed.may_refuse
            && !followed.schema.fits(record)
        {
            followed.refuse(output);
            return Ok(false);
        }
        self.lines
            .record(output.name, record.as_bytes(), time_extracted, version)
            .map_err(|error| Fault::output(&error))?;
        if self.lines.out().len() >= ENOUGH_BYTES {
            self.hand_over()?;
        }
        Ok(true)
    }

    /// Writes the child records of one parent, behind a schema that fits them; returns how many.
    pub fn child_records(
        &mut self,
        output: &Output,
        details: &ChildRecords,
        time_extracted: &str,
        version: Option<u64>,
    ) -> Result<u64, Fault> {
        let mut child = std::mem::take(&mut self.child);
        for record in &details.records {
            details.complete(record, &mut child);
            self.look_at(output, &child)?;
        }
        self.settle(output)?;
        let mut written = 0;
        for record in &details.records {
            details.complete(record, &mut child);
            written += u64::from(self.record(output, &child, time_extracted, version)?);
        }
        self.child = child;
        Ok(written)
    }

    /// Says that the records of that version are all there are of a stream.
    pub fn activate_version(&mut self, output: &Output, version: u64) -> Result<(), Fault> {
        self.lines
            .activate_version(output.name, version)
            .map_err(|error| Fault::output(&error))
    }

    /// Hands over what is written so far.
    pub fn hand_over(&mut self) -> Result<(), Fault> {
        self.outlet.take(self.lines.out())
    }

    /// Whether it is time to put bookmarks into the state again.
    #[must_use]
    pub fn is_state_due(&self) -> bool {
        self.remembered_at.elapsed() >= self.outlet.state_interval()
    }

    /// Hands over what is written so far, and has the bookmarks behind it put into the state.
    pub fn remember(&mut self, store: impl FnOnce(&mut State)) -> Result<(), Fault> {
        self.remembered_at = Instant::now();
        self.outlet.take_with_bookmarks(self.lines.out(), store)
    }

    /// Writes the state where some stream has changed it, if it is time for it.
    pub fn state_if_due(&self) -> Result<(), Fault> {
        self.outlet.state_if_due()
    }

    /// Hands over what is written so far, and the state.
    pub fn state(&mut self) -> Result<(), Fault> {
        self.hand_over()?;
        self.outlet.state()
    }
}

impl Followed {
    fn new(schema: GrowingSchema) -> Self {
        Self {
            schema,
            unfit: Vec::new(),
            changed: 0,
            may_refuse: false,
            refused: 0,
        }
    }

    /// Lets the schema grow; tells and counts what is new. False where nothing is.
    fn grow(&mut self, stream: &str) -> bool {
        let grown = self.schema.grow(&self.unfit);
        self.may_refuse |= self.unfit.iter().any(|record| !self.schema.fits(record));
        self.unfit.clear();
        let untold = MOST_CHANGES_TOLD.saturating_sub(self.changed);
        let told = untold.min(MOST_CHANGES_TOLD_AT_ONCE).min(grown.news.len());
        for change in &grown.news[..told] {
            tracing::warn!("schema {stream}: {}", foreign::told(&change.to_string()));
        }
        let further = grown.news.len() - told;
        self.changed += grown.news.len();
        if further > 0 && untold > 0 {
            tracing::warn!("schema {stream}: and {further} further changes at once");
        }
        if self.changed > MOST_CHANGES_TOLD && untold > 0 {
            tracing::warn!("schema {stream}: what else changes is only counted");
        }
        if grown.changes > 0 {
            let tags = json!({"stream": stream});
            metrics::counter("schema_change", grown.changes, &tags);
        }
        grown.changes > 0
    }

    fn refuse(&mut self, output: &Output) {
        self.refused += 1;
        if self.refused <= MOST_REFUSALS_TOLD {
            tracing::warn!(
                "a record of {} is left out: its key ({}) is missing or of a type that keys don't have",
                output.name,
                output.key_properties.join(", ")
            );
        }
        metrics::counter("records_refused", 1, &json!({"stream": output.name}));
    }
}

/// A record without what its catalog leaves out; `buffer` is for one that lacks something.
fn projected<'a>(
    output: &Output,
    record: &'a str,
    buffer: &'a mut String,
) -> Result<&'a str, Fault> {
    if output.projection.keeps_all() {
        return Ok(record);
    }
    buffer.clear();
    let copied = output.projection.copy(record, buffer);
    copied.map_err(|error| {
        let name = output.name;
        Fault::Stream(format!("a record of {name} can't be read: {error}"))
    })?;
    Ok(buffer)
}
