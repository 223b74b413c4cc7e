//! Asks for what goes with each record of one stream, and waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::children::{self, Details, Parent};
use super::nested_lists;
use super::workers::{Ticket, Workers};
use crate::tap::api::client::Client;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Awaited;
use crate::tap::read::page::{Record, Row};
use crate::tap::streams::{Child, ChildAnswer, ChildRequest, ChildSource, Stream};
use crate::tap::time::EpochSeconds;

/// How long a child record that isn't there yet is asked for.
const LONGEST_AWAITED: EpochSeconds = 7 * 24 * 3600;
/// How many such are remembered.
const MOST_AWAITED: usize = 1000;

/// What is asked along with the records of one stream.
#[derive(Debug)]
pub struct Along<'a> {
    client: &'a Arc<Client>,
    workers: &'a Workers,
    stream: &'static Stream,
    children: Vec<&'static Child>,
    /// Whether lists inside the records are to be completed.
    needs_lists: bool,
    awaited: Vec<Awaited>,
    /// What was asked for again, with its child's place.
    asked_again: Option<VecDeque<AskedAgain>>,
    started: EpochSeconds,
}

type AskedAgain = (usize, Awaited, Ticket<Result<Details, Fault>>);

/// A record that waits for its turn, and what was asked for along with it.
#[derive(Debug)]
pub struct Waiting {
    row: Row,
    completed: Option<Ticket<Result<Record, Fault>>>,
    /// For each of the children, in their order.
    details: Vec<Option<Ticket<Result<Details, Fault>>>>,
}

/// A record with what goes with it.
#[derive(Debug)]
pub struct Complete {
    /// The record, unless only children of it are new.
    pub record: Option<Record>,
    /// Its key.
    pub id: String,
    /// Records of the children, by their place among them.
    pub children: Vec<(usize, ChildRecords)>,
}

/// The child records of one parent.
#[derive(Debug)]
pub struct ChildRecords {
    /// Each a JSON object.
    pub records: Vec<String>,
    /// How many records the API has beyond those, since it cut the list.
    pub cut: u64,
}

impl<'a> Along<'a> {
    /// Nothing was asked yet. `children` are those to be asked for; `is_whole` says whether the
    /// records themselves are needed, and so the lists inside them; `awaited` is what earlier runs
    /// didn't find.
    #[must_use]
    pub fn new(
        client: &'a Arc<Client>,
        workers: &'a Workers,
        stream: &'static Stream,
        children: Vec<&'static Child>,
        is_whole: bool,
        awaited: Vec<Awaited>,
        started: EpochSeconds,
    ) -> Self {
        let is_inside = |child: &&Child| matches!(child.source, ChildSource::Inside(_));
        let needs_lists = is_whole || children.iter().any(is_inside);
        Self {
            client,
            workers,
            stream,
            needs_lists: stream.has_nested_lists && needs_lists,
            children,
            awaited,
            asked_again: None,
            started,
        }
    }

    /// What isn't there yet, for the state.
    #[must_use]
    pub fn awaited(&self) -> &[Awaited] {
        &self.awaited
    }

    /// Asks for what goes with a record.
    #[must_use]
    pub fn ask(&self, row: Row) -> Waiting {
        let mut details = Vec::with_capacity(self.children.len());
        for child in &self.children {
            let record = row.record.json();
            details.push(match &child.source {
                ChildSource::Request(request) if children::is_asked(request.asked, record) => {
                    Some(self.ask_for_child(child, request, Parent::from(&row)))
                }
                ChildSource::Request(_) | ChildSource::Inside(_) => None,
            });
        }
        let is_cut = self.needs_lists && nested_lists::are_cut(row.record.json());
        let completed = is_cut.then(|| {
            let client = Arc::clone(self.client);
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

    /// Waits for what was asked for along with a record.
    pub fn wait(&mut self, waiting: Waiting) -> Result<Complete, Fault> {
        let Waiting {
            row,
            completed,
            details,
        } = waiting;
        let record = match completed {
            Some(ticket) => ticket.wait(self.client.stop())??,
            None => row.record.clone(),
        };
        let mut children = Vec::new();
        for (place, ticket) in details.into_iter().enumerate() {
            let child = self.children[place];
            let details = match (&child.source, ticket) {
                (ChildSource::Inside(list), _) => {
                    children::inside(child, list, record.json(), &Parent::from(&row))?
                }
                (ChildSource::Request(_), Some(ticket)) => {
                    self.awaited.retain(|awaited| awaited.parent != row.id);
                    ticket.wait(self.client.stop())??
                }
                (ChildSource::Request(_), None) => continue,
            };
            match details {
                Details::Records { records, cut } => {
                    children.push((place, ChildRecords { records, cut }));
                }
                Details::NotYet => self.remember(Awaited {
                    parent: row.id.clone(),
                    parent_updated_at: serde_json::from_str(row.updated_at_json())
                        .unwrap_or_default(),
                    since: self.started,
                }),
                Details::ParentGone => tracing::warn!(
                    "{} {} is gone; it has no {}",
                    self.stream.name,
                    row.id,
                    child.name
                ),
            }
        }
        Ok(Complete {
            record: Some(record),
            id: row.id,
            children,
        })
    }

    /// The next of what earlier runs didn't find and is there now.
    pub fn next_awaited(&mut self) -> Result<Option<Complete>, Fault> {
        if self.asked_again.is_none() {
            self.ask_again();
        }
        while let Some((place, awaited, ticket)) =
            self.asked_again.as_mut().and_then(VecDeque::pop_front)
        {
            match ticket.wait(self.client.stop())?? {
                Details::Records { records, cut } => {
                    return Ok(Some(Complete {
                        record: None,
                        id: awaited.parent,
                        children: vec![(place, ChildRecords { records, cut })],
                    }));
                }
                _ if awaited.since + LONGEST_AWAITED < self.started => tracing::warn!(
                    "{} {} has had no {} for seven days and is no longer asked for it",
                    self.stream.name,
                    awaited.parent,
                    self.children[place].name
                ),
                _ => self.awaited.push(awaited),
            }
        }
        Ok(None)
    }

    fn ask_again(&mut self) {
        let mut asked = VecDeque::new();
        let appears_later = self.children.iter().enumerate().find_map(|(place, child)| {
            let ChildSource::Request(request) = &child.source else {
                return None;
            };
            matches!(request.answer, ChildAnswer::Transcript { .. })
                .then_some((place, *child, request))
        });
        let Some((place, child, request)) = appears_later else {
            self.asked_again = Some(asked);
            return;
        };
        for awaited in std::mem::take(&mut self.awaited) {
            let parent = Parent {
                id: awaited.parent.clone(),
                updated_at_json: awaited.parent_updated_at.to_string(),
            };
            let ticket = self.ask_for_child(child, request, parent);
            asked.push_back((place, awaited, ticket));
        }
        self.asked_again = Some(asked);
    }

    fn ask_for_child(
        &self,
        child: &'static Child,
        request: &'static ChildRequest,
        parent: Parent,
    ) -> Ticket<Result<Details, Fault>> {
        let client = Arc::clone(self.client);
        self.workers
            .submit(move || children::fetch(&client, child, request, &parent))
    }

    fn remember(&mut self, awaited: Awaited) {
        self.awaited.push(awaited);
        if self.awaited.len() > MOST_AWAITED {
            let forgotten = self.awaited.remove(0);
            tracing::warn!(
                "too many {} still lack what goes with them; {} is no longer asked for it",
                self.stream.name,
                forgotten.parent
            );
        }
    }
}
