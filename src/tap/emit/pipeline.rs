//! From pages to messages: a thread reads pages ahead, workers fetch what goes with each record,
//! and this room emits all of it in the order of the pages, then the state that covers it.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use chrono::{SecondsFormat, Utc};

use super::progress::{Progress, Summary};
use crate::cli::Failure;
use crate::singer::outgoing::{MessageWriter, SchemaMessage};
use crate::singer::state::State;
use crate::tap::along::children::{self, Details, Parent};
use crate::tap::along::nested_lists;
use crate::tap::along::workers::{Ticket, Workers};
use crate::tap::api::client::Client;
use crate::tap::fault::Fault;
use crate::tap::plan::{Output, Plan};
use crate::tap::read::bookmark::{Awaited, Bookmark};
use crate::tap::read::page::{Record, Row};
use crate::tap::read::{self, Batch};
use crate::tap::run::identify;
use crate::tap::streams::{Child, ChildAnswer, ChildRequest, ChildSource};
use crate::tap::time::EpochSeconds;

/// How long a wait goes on before it looks for a signal again.
const LOOK_UP: Duration = Duration::from_millis(100);
/// How long a child record that isn't there yet is asked for.
const LONGEST_AWAITED: EpochSeconds = 7 * 24 * 3600;
/// How many such are remembered.
const MOST_AWAITED: usize = 1000;

/// One run over the chosen streams.
#[derive(Debug)]
pub struct Sync<W: Write> {
    client: Arc<Client>,
    workers: Workers,
    state: State,
    started: EpochSeconds,
    messages: MessageWriter<W>,
    /// The record being emitted, as its projection leaves it.
    projected: Vec<u8>,
    /// Records a stream at most, when only trying.
    limit: Option<u64>,
    summaries: Vec<Summary>,
}

/// A record that waits for its turn, and what was asked for along with it.
struct Waiting {
    row: Row,
    completed: Option<Ticket<Result<Record, Fault>>>,
    /// For each of the plan's children, in their order.
    details: Vec<Option<Ticket<Result<Details, Fault>>>>,
}

enum Item {
    Row(Box<Waiting>),
    /// All rows before are emitted: the bookmark moves.
    Mark(Bookmark),
}

type Pages = Receiver<Result<Batch, Fault>>;

impl<W: Write> Sync<W> {
    /// A run that started at `started` and goes on from `state`.
    pub fn new(client: Arc<Client>, state: State, started: EpochSeconds, out: W) -> Self {
        Self {
            workers: Workers::start(client.config().concurrency),
            client,
            state,
            started,
            messages: MessageWriter::new(out),
            projected: Vec::new(),
            limit: None,
            summaries: Vec::new(),
        }
    }

    /// Reads every planned stream. One that fails doesn't keep the others from being read.
    pub fn run(mut self, plans: &[Plan]) -> Result<(), Failure> {
        let mut bookmarks = Vec::new();
        for plan in plans {
            bookmarks.push(self.bookmark_of(plan)?);
        }
        let mut failures = Vec::new();
        for (plan, bookmark) in plans.iter().zip(bookmarks) {
            let result = self
                .sync_stream(plan, bookmark)
                .and_then(|()| self.write_state());
            match result {
                Ok(()) | Err(Fault::HungUp) => {}
                Err(Fault::Stream(message) | Fault::Gone { message }) => {
                    tracing::error!("stream {} failed: {message}", plan.stream.name);
                    failures.push((plan.stream.name, message));
                }
                Err(Fault::Abort(failure)) => {
                    // After a closed stdout this fails too, which changes nothing.
                    let _ = self.write_state();
                    return Err(failure);
                }
            }
        }
        self.finish(&failures)
    }

    /// Prints the schemas and nothing else.
    pub fn print_schemas(mut self, plans: &[Plan]) -> Result<(), Failure> {
        for plan in plans {
            self.write_schemas(plan).map_err(into_failure)?;
        }
        self.messages
            .flush()
            .map_err(|error| into_failure(Fault::output(&error)))
    }

    /// Reads at most one record of each stream, after a look at whose token it is.
    pub fn test(mut self, plans: &[Plan]) -> Result<(), Failure> {
        self.limit = Some(1);
        let workspace = identify(&self.client).map_err(into_failure)?;
        tracing::info!("the token is for {workspace}");
        let mut unreadable = Vec::new();
        for plan in plans {
            let name = plan.stream.name;
            match self.sync_stream(plan, Bookmark::default()) {
                Ok(()) | Err(Fault::HungUp) => tracing::info!("{name}: can be read"),
                Err(Fault::Stream(message) | Fault::Gone { message }) => {
                    tracing::error!("{name}: can't be read: {message}");
                    unreadable.push(name);
                }
                Err(Fault::Abort(failure)) => return Err(failure),
            }
        }
        self.messages
            .flush()
            .map_err(|error| into_failure(Fault::output(&error)))?;
        if unreadable.is_empty() {
            return Ok(());
        }
        let message = format!("these streams can't be read: {}", unreadable.join(", "));
        Err(Failure::failed(message)
            .hint("the lines above say why; deselect in the catalog those that you can do without"))
    }

    fn finish(mut self, failures: &[(&str, String)]) -> Result<(), Failure> {
        self.messages
            .flush()
            .map_err(|error| into_failure(Fault::output(&error)))?;
        for summary in &self.summaries {
            tracing::info!("{summary}");
        }
        if failures.is_empty() {
            return Ok(());
        }
        let mut message = String::from("these streams were not read to their end:");
        for (stream, why) in failures {
            message += &format!("\n  {stream}: {why}");
        }
        Err(Failure::failed(message).hint(
            "the other streams and their state are complete; the next run goes on from there",
        ))
    }

    fn bookmark_of(&self, plan: &Plan) -> Result<Bookmark, Failure> {
        if plan.stream.replication_key.is_none() || plan.is_full_table {
            return Ok(Bookmark::default());
        }
        let name = plan.stream.name;
        Bookmark::parse(self.state.bookmark(name), plan.replication_key()).map_err(|why| {
            Failure::usage(format_args!(
                "the bookmark of stream {name} in the state can't be used: {why}"
            ))
            .hint(format_args!(
                "mend or remove `bookmarks.{name}`; without it {name} is read anew"
            ))
        })
    }

    fn sync_stream(&mut self, plan: &Plan, bookmark: Bookmark) -> Result<(), Fault> {
        self.write_schemas(plan)?;
        let mut progress = Progress::start(plan, &self.client);
        let result = self.read_and_emit(plan, bookmark, &mut progress);
        // Reading one record is nothing to count.
        if self.limit.is_none() {
            self.summaries.extend(progress.finish(&self.client));
        }
        result
    }

    fn read_and_emit(
        &mut self,
        plan: &Plan,
        bookmark: Bookmark,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        let mut stream = StreamSync {
            plan,
            awaited: bookmark.awaited.clone(),
            bookmark: bookmark.clone(),
        };
        self.ask_for_awaited(&mut stream, progress)?;
        let pages = self.start_reading(plan, bookmark);
        let ahead = match self.limit {
            Some(_) => 1,
            None => 2 * self.client.config().concurrency,
        };
        let mut queue: VecDeque<Item> = VecDeque::new();
        let mut incoming: VecDeque<Row> = VecDeque::new();
        let mut mark = None;
        let mut is_open = true;
        // When reading fails, what was read before is still emitted.
        let mut result = Ok(());
        loop {
            while queue.len() < ahead {
                if let Some(row) = incoming.pop_front() {
                    queue.push_back(Item::Row(Box::new(self.ask_for_details(plan, row))));
                } else if let Some(bookmark) = mark.take() {
                    queue.push_back(Item::Mark(bookmark));
                } else if !is_open {
                    break;
                } else {
                    match self.next_batch(&pages, queue.is_empty())? {
                        Next::Batch(batch) => {
                            progress.expect(batch.total_count);
                            incoming.extend(batch.rows);
                            mark = batch.bookmark;
                        }
                        Next::NotYet => break,
                        Next::End(end) => {
                            is_open = false;
                            result = end;
                        }
                    }
                }
            }
            match queue.pop_front() {
                Some(Item::Row(waiting)) => {
                    self.emit(&mut stream, *waiting, progress)?;
                    if self.limit.is_some() {
                        return Ok(());
                    }
                }
                Some(Item::Mark(bookmark)) => {
                    stream.bookmark = bookmark;
                    self.remember(&stream)?;
                }
                None if is_open => {}
                None => break,
            }
            progress.tick(&self.client);
        }
        if stream.awaited != stream.bookmark.awaited {
            self.remember(&stream)?;
        }
        result
    }

    /// Starts the thread that reads pages, one ahead of what is emitted.
    fn start_reading(&self, plan: &Plan, bookmark: Bookmark) -> Pages {
        let (sender, pages) = mpsc::sync_channel(1);
        let client = Arc::clone(&self.client);
        let stream = plan.stream;
        let started = self.started;
        std::thread::spawn(move || {
            let mut sink = |batch| sender.send(Ok(batch)).map_err(|_| Fault::HungUp);
            if let Err(fault) = read::read(stream, &client, &bookmark, started, &mut sink) {
                // A reader that hung up needs no word of it.
                let _ = sender.send(Err(fault));
            }
        });
        pages
    }

    fn next_batch(&self, pages: &Pages, may_wait: bool) -> Result<Next, Fault> {
        let received = if may_wait {
            loop {
                match pages.recv_timeout(LOOK_UP) {
                    Ok(received) => break Some(received),
                    Err(RecvTimeoutError::Disconnected) => break None,
                    Err(RecvTimeoutError::Timeout) => self.check_signal()?,
                }
            }
        } else {
            match pages.try_recv() {
                Ok(received) => Some(received),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => return Ok(Next::NotYet),
            }
        };
        match received {
            Some(Ok(batch)) => Ok(Next::Batch(Box::new(batch))),
            Some(Err(abort @ Fault::Abort(_))) => Err(abort),
            Some(Err(fault)) => Ok(Next::End(Err(fault))),
            None => Ok(Next::End(Ok(()))),
        }
    }

    fn ask_for_details(&self, plan: &Plan, row: Row) -> Waiting {
        let mut details = Vec::with_capacity(plan.children.len());
        for (child, _) in &plan.children {
            let record = row.record.json();
            details.push(match &child.source {
                ChildSource::Request(request) if children::is_asked(request.asked, record) => {
                    Some(self.ask_for_child(child, request, Parent::from(&row)))
                }
                ChildSource::Request(_) | ChildSource::Inside(_) => None,
            });
        }
        let is_inside = |child: &Child| matches!(child.source, ChildSource::Inside(_));
        let needs_lists =
            plan.output.is_some() || plan.children.iter().any(|(child, _)| is_inside(child));
        let is_cut =
            plan.stream.has_nested_lists && needs_lists && nested_lists::are_cut(row.record.json());
        let completed = is_cut.then(|| {
            let client = Arc::clone(&self.client);
            let record = row.record.clone();
            self.workers
                .submit(move || nested_lists::complete(&client, &record))
        });
        Waiting {
            row,
            completed,
            details,
        }
    }

    fn ask_for_child(
        &self,
        child: &'static Child,
        request: &'static ChildRequest,
        parent: Parent,
    ) -> Ticket<Result<Details, Fault>> {
        let client = Arc::clone(&self.client);
        self.workers
            .submit(move || children::fetch(&client, child, request, &parent))
    }

    /// Emits a record and what goes with it.
    fn emit(
        &mut self,
        stream: &mut StreamSync<'_>,
        waiting: Waiting,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        self.check_signal()?;
        let Waiting {
            row,
            completed,
            details,
        } = waiting;
        let record = match completed {
            Some(ticket) => ticket.wait(self.client.stop())??,
            None => row.record.clone(),
        };
        if let Some(output) = &stream.plan.output {
            self.write_record(output, record.json(), progress)?;
        }
        for ((child, output), ticket) in stream.plan.children.iter().zip(details) {
            let details = match (&child.source, ticket) {
                (ChildSource::Inside(list), _) => {
                    children::inside(child, list, record.json(), &Parent::from(&row))?
                }
                (ChildSource::Request(_), Some(ticket)) => {
                    stream.awaited.retain(|awaited| awaited.parent != row.id);
                    ticket.wait(self.client.stop())??
                }
                (ChildSource::Request(_), None) => continue,
            };
            match details {
                Details::Records { records, cut } => {
                    self.write_children(output, &row.id, &records, cut, progress)?;
                }
                Details::NotYet => stream.wait_for(Awaited {
                    parent: row.id.clone(),
                    parent_updated_at: serde_json::from_str(row.updated_at_json())
                        .unwrap_or_default(),
                    since: self.started,
                }),
                Details::ParentGone => tracing::warn!(
                    "{} {} is gone; it has no {}",
                    stream.plan.stream.name,
                    row.id,
                    child.name
                ),
            }
        }
        Ok(())
    }

    /// Asks again for child records that earlier runs didn't find.
    fn ask_for_awaited(
        &mut self,
        stream: &mut StreamSync<'_>,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        let awaited = stream.plan.children.iter().find_map(|(child, output)| {
            let ChildSource::Request(request) = &child.source else {
                return None;
            };
            matches!(request.answer, ChildAnswer::Transcript { .. })
                .then_some((*child, request, output))
        });
        let Some((child, request, output)) = awaited else {
            return Ok(());
        };
        if self.limit.is_some() {
            return Ok(());
        }
        let mut asked = VecDeque::new();
        for awaited in std::mem::take(&mut stream.awaited) {
            let parent = Parent {
                id: awaited.parent.clone(),
                updated_at_json: awaited.parent_updated_at.to_string(),
            };
            asked.push_back((awaited, self.ask_for_child(child, request, parent)));
        }
        for (awaited, ticket) in asked {
            match ticket.wait(self.client.stop())?? {
                Details::Records { records, cut } => {
                    self.write_children(output, &awaited.parent, &records, cut, progress)?;
                }
                _ if awaited.since + LONGEST_AWAITED < self.started => tracing::warn!(
                    "{} {} has had no {} for seven days and is no longer asked for it",
                    stream.plan.stream.name,
                    awaited.parent,
                    child.name
                ),
                _ => stream.awaited.push(awaited),
            }
        }
        Ok(())
    }

    fn write_children(
        &mut self,
        output: &Output,
        parent: &str,
        records: &[String],
        cut: u64,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        if cut > 0 {
            progress.cut(output.name, parent, cut);
        }
        let limit = self.limit.map_or(records.len(), |_| records.len().min(1));
        for record in &records[..limit] {
            self.write_record(output, record, progress)?;
        }
        Ok(())
    }

    fn write_record(
        &mut self,
        output: &Output,
        record: &str,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        let mut bytes = record.as_bytes();
        if !output.projection.keeps_all() {
            self.projected.clear();
            output
                .projection
                .copy(record, &mut self.projected)
                .map_err(|error| {
                    Fault::Stream(format!(
                        "a record of {} can't be read: {error}",
                        output.name
                    ))
                })?;
            bytes = &self.projected;
        }
        self.messages
            .record(output.name, bytes, progress.time_extracted())
            .map_err(|error| Fault::output(&error))?;
        progress.record(output.name);
        Ok(())
    }

    fn write_schemas(&mut self, plan: &Plan) -> Result<(), Fault> {
        let outputs = plan
            .output
            .iter()
            .chain(plan.children.iter().map(|(_, output)| output));
        for output in outputs {
            self.messages
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

    /// Puts the stream's bookmark into the state and emits it.
    fn remember(&mut self, stream: &StreamSync<'_>) -> Result<(), Fault> {
        if stream.plan.is_full_table || self.limit.is_some() {
            return Ok(());
        }
        let bookmark = Bookmark {
            awaited: stream.awaited.clone(),
            ..stream.bookmark.clone()
        };
        self.state.set_bookmark(
            stream.plan.stream.name,
            bookmark.to_value(stream.plan.replication_key()),
        );
        self.write_state()
    }

    fn write_state(&mut self) -> Result<(), Fault> {
        self.messages
            .state(&self.state)
            .map_err(|error| Fault::output(&error))
    }

    fn check_signal(&self) -> Result<(), Fault> {
        match self.client.stop().received() {
            Some(signal) => Err(Fault::signal(signal)),
            None => Ok(()),
        }
    }
}

/// What changes while one stream is emitted.
struct StreamSync<'a> {
    plan: &'a Plan,
    /// What the next run knows, but for `awaited`.
    bookmark: Bookmark,
    awaited: Vec<Awaited>,
}

impl StreamSync<'_> {
    fn wait_for(&mut self, awaited: Awaited) {
        self.awaited.push(awaited);
        if self.awaited.len() > MOST_AWAITED {
            let forgotten = self.awaited.remove(0);
            tracing::warn!(
                "too many {} still lack what goes with them; {} is no longer asked for it",
                self.plan.stream.name,
                forgotten.parent
            );
        }
    }
}

/// What came from the thread that reads pages.
enum Next {
    Batch(Box<Batch>),
    NotYet,
    /// No more will come: all is read, or reading failed.
    End(Result<(), Fault>),
}

/// A fault that ends a run on its own.
fn into_failure(fault: Fault) -> Failure {
    match fault {
        Fault::Abort(failure) => failure,
        Fault::Stream(message) | Fault::Gone { message } => Failure::failed(message),
        Fault::HungUp => Failure::failed("reading was broken off"),
    }
}

/// Now, as `time_extracted` has it.
#[must_use]
pub fn time_extracted() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
