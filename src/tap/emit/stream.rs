//! One stream from its bookmark to its end: its events become messages, and its bookmark follows
//! what is written.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use super::messages::Messages;
use super::outlet::Outlet;
use super::pipeline::{Event, Pipeline};
use super::progress::Progress;
use super::standing::Standing;
use crate::tap::along::again::AskingAgain;
use crate::tap::along::asking::{Along, Complete};
use crate::tap::along::workers::Workers;
use crate::tap::api::client::Client;
use crate::tap::fault::Fault;
use crate::tap::plan::Plan;
use crate::tap::read::bookmark::Awaited;
use crate::tap::read::page::RecordJson;
use crate::tap::read::places::Place;
use crate::tap::read::stream::Wholeness;
use crate::tap::time::EpochSeconds;

/// What all streams of a run share.
#[derive(Debug)]
pub struct Shared {
    /// The client.
    pub client: Arc<Client>,
    /// The threads that fetch what goes with records.
    pub workers: Workers,
    /// When the run started.
    pub started: EpochSeconds,
}

impl Shared {
    /// For a run that starts now.
    #[must_use]
    pub fn new(client: Arc<Client>, started: EpochSeconds) -> Self {
        Self {
            workers: Workers::new(client.config().concurrency),
            client,
            started,
        }
    }

    /// Begins to read a stream by `client`, with what goes with its records asked for `ahead` records
    /// ahead.
    pub fn start<'a>(
        &'a self,
        client: &'a Arc<Client>,
        plan: &Plan,
        places: &[Place],
        awaited: &[Awaited],
        wholeness: Wholeness,
        ahead: usize,
    ) -> Result<Pipeline<'a>, Fault> {
        let along = Along::new(
            client,
            &self.workers,
            plan.stream,
            plan.children.iter().map(|(child, _)| *child).collect(),
            plan.output.is_some(),
            awaited.to_vec(),
            self.started,
        );
        let places = places.to_vec();
        Pipeline::start(plan, client, along, places, wholeness, self.started, ahead)
    }
}

/// A stream on its way out.
struct Emission<'a, W: Write> {
    plan: &'a Plan,
    messages: Messages<'a, W>,
    progress: &'a mut Progress,
    time_extracted: String,
    /// The records of the page that were looked at before the first of them is written.
    looked_at: VecDeque<RecordJson>,
    standing: Standing<'a>,
    /// Of the records, where they are a whole list and their versions are wanted.
    version: Option<u64>,
}

/// What became of a stream.
#[derive(Debug)]
pub struct StreamOutcome {
    /// All is read, or reading failed.
    pub end: Result<(), Fault>,
    /// What goes with its records and was given up, by name, and why.
    pub given_up: Vec<(String, String)>,
}

/// Reads a stream by `client` and writes all of it. However that ends, the STATE behind it is written.
pub fn emit<W: Write>(
    shared: &Shared,
    client: &Arc<Client>,
    plan: &Plan,
    standing: Standing<'_>,
    outlet: &Outlet<W>,
    progress: &mut Progress,
) -> StreamOutcome {
    let mut given_up = Vec::new();
    let messages = Messages::new(outlet, client.config());
    let end = emit_all(
        shared,
        client,
        plan,
        standing,
        messages,
        progress,
        &mut given_up,
    );
    StreamOutcome { end, given_up }
}

fn emit_all<W: Write>(
    shared: &Shared,
    client: &Arc<Client>,
    plan: &Plan,
    standing: Standing<'_>,
    mut messages: Messages<'_, W>,
    progress: &mut Progress,
    given_up: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    messages.schemas(plan)?;
    // Enough for all workers to have something to do while some answers are waited for.
    let ahead = 2 * client.config().concurrency;
    let wholeness = wholeness_of(plan);
    let (places, awaited) = (standing.places(), standing.awaited());
    let mut pipeline = shared.start(client, plan, places, awaited, wholeness, ahead)?;
    let mut emission = Emission {
        plan,
        messages,
        progress,
        time_extracted: crate::tap::time::now_to_millis(),
        looked_at: VecDeque::new(),
        standing,
        version: version_of(client, plan),
    };
    let mut result = emission.run(&mut pipeline);
    if result.is_ok() {
        result = emission.activate(pipeline.along());
    }
    let holes = Some((plan.stream.name, pipeline.holes())).filter(|(_, count)| *count > 0);
    let along = pipeline.along();
    emission.progress.missing(along.missing().chain(holes));
    emission.progress.schemas(emission.messages.schema_counts());
    let names = along.given_up();
    given_up.extend(names.map(|(name, why)| (name.to_owned(), why.to_owned())));
    let at_last = emission.finish(along);
    result.and(at_last)
}

impl<W: Write> Emission<'_, W> {
    fn run(&mut self, pipeline: &mut Pipeline<'_>) -> Result<(), Fault> {
        let end = loop {
            match pipeline.next_event()? {
                Event::Page(arrival) => {
                    self.progress.expect(arrival.total_count);
                    self.time_extracted = arrival.time_extracted;
                    self.look_at(arrival.records)?;
                }
                Event::Record(complete) => self.write(&complete)?,
                Event::Marks(marks) => {
                    let mut bookmarks = marks.iter().map(|mark| &mark.bookmark);
                    let begins_job = bookmarks.any(|bookmark| bookmark.exported.job.is_some());
                    self.standing.come(marks);
                    // A run that is killed any moment later must not leave it in the next one's way.
                    if begins_job {
                        self.remember(pipeline.along())?;
                        self.messages.state()?;
                    }
                }
                Event::NotYet => {}
                Event::End(end) => break end,
            }
            if self.standing.has_moved() && self.messages.is_state_due() {
                self.remember(pipeline.along())?;
            }
            self.messages.state_if_due()?;
        };
        let mut again = AskingAgain::begin(pipeline.along());
        let asked = self.ask_again(&mut again, pipeline.along());
        again.break_off(pipeline.along());
        asked.and(end)
    }

    fn ask_again(&mut self, again: &mut AskingAgain, along: &mut Along<'_>) -> Result<(), Fault> {
        while let Some(complete) = again.next(along)? {
            self.write(&complete)?;
        }
        Ok(())
    }

    /// Lets the schema follow a page before its first record is written.
    fn look_at(&mut self, records: Vec<RecordJson>) -> Result<(), Fault> {
        let Some(output) = &self.plan.output else {
            return Ok(());
        };
        for record in &records {
            self.messages.look_at(output, record.json())?;
        }
        self.messages.settle(output)?;
        self.looked_at = records.into();
        Ok(())
    }

    fn write(&mut self, complete: &Complete) -> Result<(), Fault> {
        if let (Some(output), Some(record)) = (&self.plan.output, &complete.record) {
            // With its lists complete, it is another than the page had.
            let in_page = self.looked_at.pop_front();
            if !in_page.is_some_and(|in_page| in_page.is_same_as(record)) {
                self.messages.look_at(output, record.json())?;
                self.messages.settle(output)?;
            }
            if self
                .messages
                .record(output, record.json(), &self.time_extracted, self.version)?
            {
                self.progress.records(output.name, 1);
            }
        }
        for (place, details) in &complete.children {
            let output = &self.plan.children[*place].1;
            if details.truncated > 0 {
                self.progress
                    .truncated(output.name, &complete.id, details.truncated);
            }
            let written =
                self.messages
                    .child_records(output, details, &self.time_extracted, self.version)?;
            self.progress.records(output.name, written);
        }
        Ok(())
    }

    /// The list was read to its end: says so of all that is complete.
    fn activate(&mut self, along: &Along<'_>) -> Result<(), Fault> {
        let Some(version) = self.version else {
            return Ok(());
        };
        for output in self.plan.outputs() {
            let is_complete = along.missing().all(|(name, _)| name != output.name);
            if is_complete {
                self.messages.activate_version(output, version)?;
            }
        }
        Ok(())
    }

    /// Puts where the outputs stand into the state.
    fn remember(&mut self, along: &Along<'_>) -> Result<(), Fault> {
        for (name, _) in along.given_up() {
            self.standing.give_up(name);
        }
        let (standing, messages) = (&mut self.standing, &mut self.messages);
        messages.remember(|state| standing.store(along.awaited(), state))
    }

    fn finish(&mut self, along: &Along<'_>) -> Result<(), Fault> {
        if self.standing.has_moved() || along.awaited() != self.standing.awaited() {
            self.remember(along)?;
        }
        self.messages.state()
    }
}

/// The version of a list: later ones are larger.
fn version_of(client: &Client, plan: &Plan) -> Option<u64> {
    let is_wanted = client.config().activate_versions;
    let is_list = wholeness_of(plan) == Wholeness::Lists;
    (is_wanted && is_list).then(crate::tap::time::now_in_milliseconds)
}

/// How much must be read before any of it is emitted.
fn wholeness_of(plan: &Plan) -> Wholeness {
    if plan.is_full_table || !plan.stream.is_incremental() {
        Wholeness::Lists
    } else {
        Wholeness::Pages
    }
}
