//! Asks again for what earlier runs couldn't have, when all else is done: with little effort, not for
//! long, and never to the harm of what is new.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asking::{Along, Complete, REFUSALS_OF_ALL, detail_effort, tell};
use super::children::{self, Details, Parent};
use super::nested_lists::{self, Completed, ListOutcome};
use super::workers::WorkTicket;
use crate::cli::foreign::told;
use crate::tap::api::memory::Turn;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Awaited;
use crate::tap::read::page::{Names, Row};
use crate::tap::streams::{Child, ChildRequest, ChildSource};

/// Tries of what an earlier run tried in vain.
const ATTEMPTS_AGAIN: u32 = 2;
/// How long a run goes on to ask for what earlier ones couldn't have.
const LONGEST_ASKING_AGAIN: Duration = Duration::from_mins(5);

/// What earlier runs couldn't have, being asked for again: begun when all else is done.
#[derive(Debug)]
pub struct AskingAgain {
    groups: std::vec::IntoIter<Group>,
    asked: VecDeque<Again>,
    standing: Standing,
    until: Instant,
}

/// What one request asks for again.
#[derive(Debug)]
struct Group {
    entries: Vec<Awaited>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Child(&'static Child, &'static ChildRequest),
    /// The record itself, for its lists.
    Record,
}

/// Something that is being asked for again.
#[derive(Debug)]
struct Again {
    group: Group,
    answer: Answer,
    turn: Arc<Turn>,
}

#[derive(Debug)]
enum Answer {
    Child(&'static Child, WorkTicket<Result<Details, Fault>>),
    Record(WorkTicket<Result<Completed, Fault>>),
}

/// What asking again has come to, by what was asked for.
#[derive(Debug, Default)]
struct Standing {
    had: HashSet<String>,
    refused: BTreeMap<String, u64>,
}

impl Standing {
    fn had(&mut self, group: &Group) {
        self.had.extend(group.names());
    }

    fn refused(&mut self, group: &Group) {
        for name in group.names() {
            *self.refused.entry(name).or_default() += 1;
        }
    }

    /// Whether not all of its kind are refused.
    fn is_worth_asking(&self, group: &Group) -> bool {
        group.names().any(|name| {
            let refused = self.refused.get(&name).copied().unwrap_or_default();
            self.had.contains(&name) || refused < REFUSALS_OF_ALL
        })
    }
}

impl Group {
    fn names(&self) -> impl Iterator<Item = String> {
        let names = self.entries.iter();
        names.map(|entry| entry.what.clone().unwrap_or_default())
    }
}

impl AskingAgain {
    /// Takes all that is wanted in this run from what is remembered; what isn't had must be put back by
    /// [`AskingAgain::break_off`].
    #[must_use]
    pub fn begin(along: &mut Along<'_>) -> Self {
        along.draw_the_line();
        Self {
            groups: along.groups_of_older().into_iter(),
            asked: VecDeque::new(),
            standing: Standing::default(),
            until: Instant::now() + LONGEST_ASKING_AGAIN,
        }
    }

    /// The next of what only earlier runs asked for and could be had now.
    pub fn next(&mut self, along: &mut Along<'_>) -> Result<Option<Complete>, Fault> {
        loop {
            while self.asked.len() < 2 * along.client.config().concurrency {
                let Some(group) = self.groups.next() else {
                    break;
                };
                if Instant::now() < self.until && self.standing.is_worth_asking(&group) {
                    self.asked.push_back(along.submit_again(group));
                } else {
                    along.keep(group, None);
                }
            }
            let Some(again) = self.asked.pop_front() else {
                along.tell_forgotten();
                return Ok(None);
            };
            let entries = again.group.entries.clone();
            match along.wait_again(again, &mut self.standing) {
                Ok(None) => {}
                Ok(complete) => return Ok(complete),
                Err(fault) => {
                    along.put_back(entries);
                    return Err(fault);
                }
            }
        }
    }

    /// Remembers what was about to be asked for when something else ended the run.
    pub fn break_off(self, along: &mut Along<'_>) {
        let asked = self.asked.into_iter().map(|again| again.group);
        for group in asked.chain(self.groups) {
            along.put_back(group.entries);
        }
    }
}

impl Along<'_> {
    fn put_back(&mut self, entries: Vec<Awaited>) {
        for entry in entries {
            self.awaited.put_back(entry);
        }
    }

    /// What is asked for by one request: a child of a record, or all lists of one. What isn't wanted
    /// in this run stays where it is.
    fn groups_of_older(&mut self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut records: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.awaited.take_older() {
            let what = entry.what.as_deref().unwrap_or_default();
            let child = self
                .children
                .iter()
                .copied()
                .find(|child| child.name == what);
            match child.map(|child| (child, &child.source)) {
                Some((child, ChildSource::Request(request))) => groups.push(Group {
                    entries: vec![entry],
                    kind: Kind::Child(child, request),
                }),
                None if self.list_of(what).is_some() => {
                    let at = *records.entry(entry.parent.clone()).or_insert(groups.len());
                    match groups.get_mut(at) {
                        Some(group) => group.entries.push(entry),
                        None => groups.push(Group {
                            entries: vec![entry],
                            kind: Kind::Record,
                        }),
                    }
                }
                _ => self.awaited.put_back(entry),
            }
        }
        groups
    }

    /// The list inside a record that goes by that name in the state.
    fn list_of(&self, what: &str) -> Option<&'static str> {
        let list = what.strip_prefix(self.stream.name)?.strip_prefix('.')?;
        let mut lists = self.nested?.lists.iter();
        lists
            .find(|known| known.name == list)
            .map(|known| known.name)
    }

    fn submit_again(&self, group: Group) -> Again {
        let _in_order = self.client.memory().in_order();
        let turn = Arc::new(self.client.memory().turn());
        let attempts = ATTEMPTS_AGAIN.min(self.client.config().max_attempts);
        let entry = &group.entries[0];
        let answer = match (group.kind, self.nested) {
            (Kind::Child(child, request), _) => {
                let parent = Parent {
                    id: entry.parent.clone(),
                    replication_key_value_json: entry.parent_replication_key_value.to_string(),
                };
                Answer::Child(
                    child,
                    self.ask_for_child(child, request, parent, attempts, Arc::clone(&turn)),
                )
            }
            (Kind::Record, nested) => {
                let client = Arc::clone(self.client);
                let names = Names::of(self.stream);
                let (id, job_turn) = (entry.parent.clone(), Arc::clone(&turn));
                Answer::Record(self.workers.submit(move || {
                    let nested = nested.ok_or(Fault::HungUp)?;
                    let effort = detail_effort(attempts, Some(&job_turn));
                    let row = nested_lists::record(&client, &nested, &id, names, &effort)?;
                    let record = row.record;
                    nested_lists::complete(&client, &nested, &id, &record, &[], &[], &effort)
                }))
            }
        };
        Again {
            group,
            answer,
            turn,
        }
    }

    fn wait_again(
        &mut self,
        again: Again,
        standing: &mut Standing,
    ) -> Result<Option<Complete>, Fault> {
        let Again {
            group,
            answer,
            turn,
        } = again;
        let stop = self.client.stop();
        let parent = group.entries[0].parent.clone();
        match answer {
            Answer::Child(child, ticket) => match ticket.wait(stop)?? {
                Details::Records(records) => {
                    standing.had(&group);
                    let place = self.children.iter().position(|it| it.name == child.name);
                    return Ok(Some(Complete {
                        record: None,
                        id: parent,
                        children: place.map(|place| (place, records)).into_iter().collect(),
                        _turn: Some(turn),
                    }));
                }
                Details::ParentGone | Details::NoneOfIts => standing.had(&group),
                Details::NotYet => {
                    standing.had(&group);
                    self.keep(group, None);
                }
                Details::Missing { why } => self.keep(group, Some(&why)),
                Details::Refused { why } => {
                    standing.refused(&group);
                    self.keep(group, Some(&why));
                }
            },
            Answer::Record(ticket) => match ticket.wait(stop)? {
                Ok(completed) => return Ok(self.complete_again(group, &completed, turn)),
                Err(Fault::Gone { .. }) => standing.had(&group),
                Err(Fault::Stream(why)) => self.keep(group, Some(&why)),
                Err(Fault::Refused { message }) => {
                    standing.refused(&group);
                    self.keep(group, Some(&message));
                }
                Err(fault) => return Err(fault),
            },
        }
        Ok(None)
    }

    /// A record whose lists were asked for again: emitted only where some of what lacked was had.
    fn complete_again(
        &mut self,
        group: Group,
        completed: &Completed,
        turn: Arc<Turn>,
    ) -> Option<Complete> {
        let row = Row::parse(completed.record.clone(), Names::of(self.stream)).ok()?;
        let mut is_news = false;
        for entry in group.entries {
            let what = entry.what.clone().unwrap_or_default();
            let list = self.list_of(&what);
            let outcome = completed.lists.iter().find(|(name, _)| Some(*name) == list);
            match outcome {
                Some((_, ListOutcome::Missing(why) | ListOutcome::Refused(why))) => {
                    let why = why.clone();
                    let kind = Kind::Record;
                    let entries = vec![entry];
                    self.keep(Group { entries, kind }, Some(&why));
                }
                // Lists that aren't truncated any more are whole too.
                Some((_, ListOutcome::Had { .. } | ListOutcome::AllThere)) | None => is_news = true,
            }
        }
        if !is_news {
            return None;
        }
        let mut children = Vec::new();
        for (place, child) in self.children.iter().enumerate() {
            if let ChildSource::Inside(list) = &child.source {
                let parent = Parent::from(&row);
                let inside = children::inside(child, list, &row.record, &parent);
                if let Details::Records(records) = inside {
                    children.push((place, records));
                }
            }
        }
        Some(Complete {
            record: Some(row.record),
            id: row.id,
            children,
            _turn: Some(turn),
        })
    }

    /// Puts back what was asked for again in vain, or not at all, until it is too old.
    fn keep(&mut self, group: Group, why: Option<&str>) {
        for mut entry in group.entries {
            let what = entry.what.clone().unwrap_or_default();
            let parent = entry.parent.clone();
            if let Some(why) = why {
                let account = self.account(&what);
                account.missing += 1;
                tell(account.missing, &what, &parent, why);
                entry.why = Some(told(why));
            }
            if !self.awaited.keep(entry) {
                tracing::warn!(
                    "{} {} has had no {what} for seven days and is no longer asked for it",
                    self.stream.name,
                    told(&parent)
                );
            }
        }
    }
}
