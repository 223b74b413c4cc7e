//! One stream from its bookmark to its end: its events become messages, and its bookmark follows
//! what is written.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use super::messages::Messages;
use super::pipeline::{Event, Pipeline};
use super::progress::Progress;
use crate::tap::along::asking::{Along, Complete};
use crate::tap::along::workers::Workers;
use crate::tap::api::client::Client;
use crate::tap::fault::Fault;
use crate::tap::plan::Plan;
use crate::tap::read::bookmark::{Awaited, Bookmark};
use crate::tap::read::page::Record;
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
            workers: Workers::start(client.config().concurrency),
            client,
            started,
        }
    }

    /// Begins to read a stream, with what goes with its records asked for `ahead` records ahead.
    pub fn start(
        &self,
        plan: &Plan,
        bookmark: Bookmark,
        ahead: usize,
    ) -> Result<Pipeline<'_>, Fault> {
        let along = Along::new(
            &self.client,
            &self.workers,
            plan.stream,
            plan.children.iter().map(|(child, _)| *child).collect(),
            plan.output.is_some(),
            bookmark.awaited.clone(),
            self.started,
        );
        Pipeline::start(plan, &self.client, along, bookmark, self.started, ahead)
    }
}

/// A stream on its way out.
struct Emission<'a, W: Write> {
    plan: &'a Plan,
    messages: &'a mut Messages<W>,
    progress: &'a mut Progress,
    time_extracted: String,
    /// The child record being written, with what it says of its parent.
    child: String,
    /// The records of the page that were looked at before the first of them is written.
    looked_at: VecDeque<Record>,
    /// As of what is written.
    bookmark: Bookmark,
    /// Whether the state doesn't hold it yet.
    has_moved: bool,
}

/// What became of a stream.
#[derive(Debug)]
pub struct Outcome {
    /// All is read, or reading failed.
    pub end: Result<(), Fault>,
    /// What goes with its records and was given up, by name, and why.
    pub given_up: Vec<(String, String)>,
}

/// Reads a stream and writes all of it. However that ends, the STATE behind it is written.
pub fn emit<W: Write>(
    shared: &Shared,
    plan: &Plan,
    bookmark: Bookmark,
    messages: &mut Messages<W>,
    progress: &mut Progress,
) -> Outcome {
    let mut given_up = Vec::new();
    let end = emit_all(shared, plan, bookmark, messages, progress, &mut given_up);
    Outcome { end, given_up }
}

fn emit_all<W: Write>(
    shared: &Shared,
    plan: &Plan,
    bookmark: Bookmark,
    messages: &mut Messages<W>,
    progress: &mut Progress,
    given_up: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    messages.schemas(plan)?;
    // Enough for all workers to have something to do while some answers are waited for.
    let ahead = 2 * shared.client.config().concurrency;
    let mut pipeline = shared.start(plan, bookmark.clone(), ahead)?;
    let mut emission = Emission {
        plan,
        messages,
        progress,
        time_extracted: crate::tap::time::now_to_millis(),
        child: String::new(),
        looked_at: VecDeque::new(),
        bookmark,
        has_moved: false,
    };
    let result = emission.run(&mut pipeline, &shared.client);
    let along = pipeline.along();
    emission.progress.missing(along.missing());
    let names = along.given_up();
    given_up.extend(names.map(|(name, why)| (name.to_owned(), why.to_owned())));
    let at_last = emission.finish(along.awaited());
    result.and(at_last)
}

impl<W: Write> Emission<'_, W> {
    fn run(&mut self, pipeline: &mut Pipeline<'_>, client: &Client) -> Result<(), Fault> {
        let end = loop {
            match pipeline.next_event()? {
                Event::Page(arrival) => {
                    self.progress.expect(arrival.total_count);
                    self.time_extracted = arrival.time_extracted;
                    self.look_at(arrival.records)?;
                }
                Event::Record(complete) => self.write(&complete)?,
                Event::Mark(bookmark) => {
                    self.bookmark = bookmark;
                    self.has_moved = true;
                }
                Event::NotYet => {}
                Event::End(end) => break end,
            }
            if self.has_moved && self.messages.is_state_due() {
                self.remember(pipeline.along().awaited());
                self.messages.state()?;
            }
            self.progress.tick(client);
        };
        while let Some(complete) = pipeline.along().next_again()? {
            self.write(&complete)?;
            self.progress.tick(client);
        }
        end
    }

    /// Lets the schema follow a page before its first record is written.
    fn look_at(&mut self, records: Vec<Record>) -> Result<(), Fault> {
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
                .record(output, record.json(), &self.time_extracted)?
            {
                self.progress.record(output.name);
            }
        }
        for (place, details) in &complete.children {
            let output = &self.plan.children[*place].1;
            if details.cut > 0 {
                self.progress.cut(output.name, &complete.id, details.cut);
            }
            for record in &details.records {
                details.complete(record, &mut self.child);
                self.messages.look_at(output, &self.child)?;
            }
            self.messages.settle(output)?;
            for record in &details.records {
                details.complete(record, &mut self.child);
                if self
                    .messages
                    .record(output, &self.child, &self.time_extracted)?
                {
                    self.progress.record(output.name);
                }
            }
        }
        Ok(())
    }

    /// Puts the bookmark into the state.
    fn remember(&mut self, awaited: &[Awaited]) {
        self.has_moved = false;
        if self.plan.is_full_table {
            return;
        }
        self.bookmark.awaited = awaited.to_vec();
        let bookmark = self.bookmark.to_value(self.plan.replication_key());
        self.messages.set_bookmark(self.plan.stream.name, bookmark);
    }

    fn finish(&mut self, awaited: &[Awaited]) -> Result<(), Fault> {
        if self.has_moved || awaited != self.bookmark.awaited {
            self.remember(awaited);
        }
        self.messages.state()
    }
}
