//! What a stream comes to, event by event: a thread reads pages ahead, what goes with their records
//! is asked for ahead, and all of it comes out in the order of the pages. Knows nothing of messages.
//!
//! The end is said in so many words. A thread that is gone without one has died, and its stream has
//! failed: nothing is ever taken for read because nothing more came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use crate::tap::along::asking::{Along, Complete, WaitingRecord};
use crate::tap::api::client::Client;
use crate::tap::fault::Fault;
use crate::tap::plan::Plan;
use crate::tap::read::page::{RecordJson, Row};
use crate::tap::read::places::{Outputs, Place};
use crate::tap::read::reading::Batch;
use crate::tap::read::stream::{Wanted, Wholeness, read_stream};
use crate::tap::streams::Child;
use crate::tap::time::{self, EpochSeconds};

/// How long a wait for the next page goes on before the caller may look around.
const LOOK_UP: Duration = Duration::from_millis(100);
/// How far ahead is asked to begin with, in records: it may turn out that nothing of the kind is to be
/// had.
const FIRST_AHEAD: usize = 16;
/// Pages that lie between their reading and their emission.
const PAGES_AHEAD: usize = 1;

/// One stream, being read.
#[derive(Debug)]
pub struct Pipeline<'a> {
    client: &'a Client,
    along: Along<'a>,
    pages: Receiver<FromReader>,
    /// What is asked for already, in the order of emission.
    queue: VecDeque<Item>,
    /// How much of it there may be: more with each record that came out, up to a most.
    ahead: usize,
    most_ahead: usize,
    /// Of the page that came last, what is not yet asked for.
    incoming: VecDeque<Row>,
    marks: Vec<Place>,
    holes: u64,
    end: Option<Result<(), Fault>>,
}

/// What happens next to a stream.
#[derive(Debug)]
pub enum Event {
    /// A page came; its records follow.
    Page(Arrival),
    /// A record, and what goes with it.
    Record(Complete),
    /// All before is emitted: some stand here now.
    Marks(Vec<Place>),
    /// Nothing came for a while; there may be more.
    NotYet,
    /// Nothing more comes: all is read, or reading failed.
    End(Result<(), Fault>),
}

/// What is known of a page as a whole.
#[derive(Debug)]
pub struct Arrival {
    /// How many records the API says there are in all, where it does.
    pub total_count: Option<u64>,
    /// When it came, RFC 3339 in UTC.
    pub time_extracted: String,
    /// The records that follow, as they are in the page.
    pub records: Vec<RecordJson>,
}

#[derive(Debug)]
enum Item {
    Page(Arrival),
    Record(Box<WaitingRecord>),
    Marks(Vec<Place>),
}

#[derive(Debug)]
enum FromReader {
    Page(Box<Batch>, String),
    End(Result<(), Fault>),
}

impl<'a> Pipeline<'a> {
    /// Begins to read a stream from where its outputs stand, for a run that started at `started`. What
    /// goes with the records is asked for `ahead` records ahead.
    pub fn start(
        plan: &Plan,
        client: &'a Arc<Client>,
        along: Along<'a>,
        places: Vec<Place>,
        wholeness: Wholeness,
        started: EpochSeconds,
        ahead: usize,
    ) -> Result<Self, Fault> {
        Ok(Self {
            client,
            along,
            pages: start_reading(plan, client, places, wholeness, started)?,
            queue: VecDeque::new(),
            ahead: FIRST_AHEAD.min(ahead),
            most_ahead: ahead,
            incoming: VecDeque::new(),
            marks: Vec::new(),
            holes: 0,
            end: None,
        })
    }

    /// At how many places of the list something couldn't be had.
    #[must_use]
    pub fn holes(&self) -> u64 {
        self.holes
    }

    /// What goes with the records.
    pub fn along(&mut self) -> &mut Along<'a> {
        &mut self.along
    }

    /// Waits for what happens next. When reading fails, what was read before still comes first. A
    /// fault of this method's own means that nothing more comes.
    pub fn next_event(&mut self) -> Result<Event, Fault> {
        if let Some(signal) = self.client.stop().received() {
            return Err(Fault::signal(signal));
        }
        self.fill()?;
        match self.queue.pop_front() {
            Some(Item::Page(arrival)) => Ok(Event::Page(arrival)),
            Some(Item::Record(waiting)) => {
                self.ahead = (self.ahead + 2).min(self.most_ahead);
                Ok(Event::Record(self.along.wait(*waiting)?))
            }
            Some(Item::Marks(marks)) => Ok(Event::Marks(marks)),
            None => Ok(self.end.take().map_or(Event::NotYet, Event::End)),
        }
    }

    /// Asks ahead for what goes with the records that are there. Waits only where nothing else is to
    /// be done.
    fn fill(&mut self) -> Result<(), Fault> {
        while self.queue.len() < self.ahead {
            let item = if let Some(row) = self.incoming.pop_front() {
                Item::Record(Box::new(self.along.ask(row)))
            } else if !self.marks.is_empty() {
                Item::Marks(std::mem::take(&mut self.marks))
            } else if self.end.is_some() {
                return Ok(());
            } else {
                match self.receive() {
                    None => return Ok(()),
                    Some(FromReader::Page(batch, time_extracted)) => {
                        let own = batch.rows.iter().filter(|row| row.wanted.has(Outputs::OWN));
                        let records = own.map(|row| row.record.clone()).collect();
                        self.incoming.extend(batch.rows);
                        self.marks = batch.marks;
                        self.holes = self.holes.max(batch.holes);
                        Item::Page(Arrival {
                            total_count: batch.total_count,
                            time_extracted,
                            records,
                        })
                    }
                    // Nothing of this run is wanted any more.
                    Some(FromReader::End(Err(abort @ Fault::Abort(_)))) => return Err(abort),
                    Some(FromReader::End(end)) => {
                        self.end = Some(end);
                        return Ok(());
                    }
                }
            };
            self.queue.push_back(item);
        }
        Ok(())
    }

    fn receive(&self) -> Option<FromReader> {
        let patience = if self.queue.is_empty() {
            LOOK_UP
        } else {
            Duration::ZERO
        };
        match self.pages.recv_timeout(patience) {
            Ok(received) => Some(received),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                let died = "the thread that reads its pages died; the log above says where";
                Some(FromReader::End(Err(Fault::Stream(died.into()))))
            }
        }
    }
}

/// Starts the thread that reads pages.
fn start_reading(
    plan: &Plan,
    client: &Arc<Client>,
    places: Vec<Place>,
    wholeness: Wholeness,
    started: EpochSeconds,
) -> Result<Receiver<FromReader>, Fault> {
    let (sender, pages) = mpsc::sync_channel(PAGES_AHEAD);
    let client = Arc::clone(client);
    let stream = plan.stream;
    let output = plan.output.clone();
    let children: Vec<&'static Child> = plan.children.iter().map(|(child, _)| *child).collect();
    let read = move || {
        let mut sink = |batch| {
            give(
                &sender,
                FromReader::Page(Box::new(batch), time::now_to_millis()),
            )
        };
        let wanted = Wanted {
            stream,
            output: output.as_ref(),
            children: &children,
        };
        let end = read_stream(wanted, &client, &places, started, wholeness, &mut sink);
        // Whoever hung up needs no word of it.
        let _ = give(&sender, FromReader::End(end));
    };
    let thread = thread::Builder::new().name(stream.name.to_owned());
    thread.spawn(read).map_err(|error| {
        Fault::Stream(format!(
            "no thread can be started to read its pages: {error}"
        ))
    })?;
    Ok(pages)
}

fn give(sender: &SyncSender<FromReader>, message: FromReader) -> Result<(), Fault> {
    sender.send(message).map_err(|_| Fault::HungUp)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::stop::Stop;
    use crate::tap::along::workers::Workers;
    use crate::tap::config::{Config, Settings};
    use crate::tap::streams::{Paging, Stream};

    static PANICS: Stream = Stream {
        name: "panics",
        key: &["id"],
        replication_key: None,
        selected_by_default: true,
        schema: || json!({}),
        path: "/panics",
        query: |_| panic!("as this test wants it"),
        api_version: None,
        for_each: None,
        records_at: "data",
        paging: Paging::Single,
        record_path: None,
        nested_lists: None,
        children: &[],
    };

    #[test]
    fn a_thread_that_dies_has_not_read_to_the_end() {
        let settings = json!({"access_token": "t", "base_url": "http://127.0.0.1:9"});
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let config = Config::try_from(settings).unwrap();
        let client = Arc::new(Client::new(config, Stop::default()).unwrap());
        let workers = Workers::new(1);
        let plan = Plan {
            stream: &PANICS,
            output: None,
            children: Vec::new(),
            is_full_table: false,
        };
        let along = Along::new(
            &client,
            &workers,
            &PANICS,
            Vec::new(),
            true,
            Vec::new(),
            EpochSeconds::EPOCH,
        );
        let places = Place::beginning();
        let mut pipeline = Pipeline::start(
            &plan,
            &client,
            along,
            places,
            Wholeness::Pages,
            EpochSeconds::EPOCH,
            4,
        )
        .unwrap();
        let end = loop {
            match pipeline.next_event().unwrap() {
                Event::NotYet => {}
                event => break event,
            }
        };
        assert!(
            matches!(&end, Event::End(Err(Fault::Stream(why))) if why.contains("died")),
            "{end:?}"
        );
    }
}
