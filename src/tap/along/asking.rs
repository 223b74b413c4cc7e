//! Asks for what goes with each record of one stream, and keeps account of what came of it: what
//! couldn't be had costs itself alone and is remembered; a child or a nested list that is refused
//! again and again, and never had, is given up for the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::{Account, MOST_MISCOUNTED};
use super::awaited::{AwaitedList, MOST_AWAITED};
use super::children::{self, ChildRecords, Details, Parent};
use super::nested_lists::{self, Completed, ListOutcome};
use super::workers::{WorkTicket, Workers};
use crate::cli::foreign::told;
use crate::tap::api::client::{Client, Effort};
use crate::tap::api::memory::Turn;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Awaited;
use crate::tap::read::page::{RecordJson, Row};
use crate::tap::read::places::Outputs;
use crate::tap::streams::{Child, ChildAnswer, ChildRequest, ChildSource, NestedLists, Stream};
use crate::tap::time::EpochSeconds;

/// So many refusals, and nothing that was had, mean that all would be refused.
pub(super) const REFUSALS_OF_ALL: u64 = 5;
/// So few mean it at the end, when there was no more to ask for.
const REFUSALS_OF_ALL_AT_THE_END: u64 = 2;
/// After so many that couldn't be had, others of their kind are tried less.
const MANY_MISSING: u64 = 3;
/// Tries of those.
const FEW_ATTEMPTS: u32 = 3;
/// So many details that couldn't be had are told one by one, of each kind.
const MOST_TOLD: u64 = 20;

/// What is asked along with the records of one stream.
#[derive(Debug)]
pub struct Along<'a> {
    pub(super) client: &'a Arc<Client>,
    pub(super) workers: &'a Workers,
    pub(super) stream: &'static Stream,
    pub(super) children: Vec<&'static Child>,
    /// Where lists inside the records are to be completed.
    pub(super) nested: Option<NestedLists>,
    pub(super) awaited: AwaitedList,
    accounts: BTreeMap<String, Account>,
}

/// A record that waits for its turn, and what was asked for along with it.
#[derive(Debug)]
pub struct WaitingRecord {
    row: Row,
    completed: Option<WorkTicket<Result<Completed, Fault>>>,
    /// For each of the children, in their order.
    details: Vec<Option<WorkTicket<Result<Details, Fault>>>>,
    /// Of one along with which something was asked for.
    turn: Option<Arc<Turn>>,
}

/// A record with what could be had of what goes with it.
#[derive(Debug)]
pub struct Complete {
    /// The record, unless only children of it are new.
    pub record: Option<RecordJson>,
    /// Its key.
    pub id: String,
    /// Records of the children, by their place among them.
    pub children: Vec<(usize, ChildRecords)>,
    pub(super) _turn: Option<Arc<Turn>>,
}

impl<'a> Along<'a> {
    /// Nothing was asked yet. `children` are those to be asked for; `is_whole` says whether lists
    /// inside the records are needed; `awaited` is what earlier runs couldn't have.
    #[must_use]
    pub fn new(
        client: &'a Arc<Client>,
        workers: &'a Workers,
        stream: &'static Stream,
        children: Vec<&'static Child>,
        is_whole: bool,
        mut awaited: Vec<Awaited>,
        started: EpochSeconds,
    ) -> Self {
        let appears_later = stream.children.iter().find(|child| {
            matches!(&child.source, ChildSource::Request(request)
                if matches!(request.answer, ChildAnswer::Transcript { .. }))
        });
        for entry in &mut awaited {
            let kind = appears_later.map(|child| child.name.to_owned());
            entry.what = entry.what.take().or(kind);
        }
        let is_inside = |child: &&Child| matches!(child.source, ChildSource::Inside(_));
        let needs_lists = is_whole || children.iter().any(is_inside);
        Self {
            client,
            workers,
            stream,
            children,
            nested: stream.nested_lists.filter(|_| needs_lists),
            awaited: AwaitedList::new(awaited, started),
            accounts: BTreeMap::new(),
        }
    }

    /// What couldn't be had, for the state.
    #[must_use]
    pub fn awaited(&self) -> &[Awaited] {
        self.awaited.entries()
    }

    /// How many details of each kind couldn't be had.
    pub fn missing(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.accounts.iter();
        counts
            .map(|(name, account)| (name.as_str(), account.missing))
            .filter(|(_, missing)| *missing > 0)
    }

    /// What was given up for this run, and why.
    pub fn given_up(&self) -> impl Iterator<Item = (&str, &str)> {
        self.accounts
            .iter()
            .filter_map(|(name, account)| Some((name.as_str(), account.given_up.as_deref()?)))
    }

    /// Asks for what goes with a record.
    pub fn ask(&mut self, row: Row) -> WaitingRecord {
        let memory = self.client.memory().clone();
        let _in_order = memory.in_order();
        let mut turn = None;
        let mut take_turn = || Arc::clone(turn.get_or_insert_with(|| Arc::new(memory.turn())));
        let mut details = Vec::with_capacity(self.children.len());
        for place in 0..self.children.len() {
            let child = self.children[place];
            let ChildSource::Request(request) = &child.source else {
                details.push(None);
                continue;
            };
            let is_asked = row.wanted.has(Outputs::child(place))
                && children::is_asked(request.asked, row.record.json());
            if is_asked && self.is_given_up(child.name) {
                self.awaited
                    .remember(child.name, &row, Some("it was given up for a run"));
            }
            let is_asked = is_asked && !self.is_given_up(child.name);
            let attempts = self.attempts(child.name);
            details.push(is_asked.then(|| {
                let parent = Parent::from(&row);
                self.ask_for_child(child, request, parent, attempts, take_turn())
            }));
        }
        let completed = self
            .nested
            .filter(|_| row.is_truncated)
            .map(|nested| self.ask_for_lists(nested, &row, take_turn()));
        WaitingRecord {
            row,
            completed,
            details,
            turn,
        }
    }

    /// Waits for what was asked for along with a record.
    pub fn wait(&mut self, waiting: WaitingRecord) -> Result<Complete, Fault> {
        let WaitingRecord {
            row,
            completed,
            details,
            turn,
        } = waiting;
        let stop = self.client.stop();
        let mut record = row.record.clone();
        if let Some(ticket) = completed {
            let completed = ticket.wait(stop)??;
            for (list, outcome) in completed.lists {
                let what = format!("{}.{list}", self.stream.name);
                self.settle_list(&what, &row, outcome);
            }
            record = completed.record;
        }
        let mut children = Vec::new();
        for (place, ticket) in details.into_iter().enumerate() {
            let child = self.children[place];
            if !row.wanted.has(Outputs::child(place)) {
                continue;
            }
            let details = match (&child.source, ticket) {
                (ChildSource::Inside(list), _) => {
                    children::inside(child, list, &record, &Parent::from(&row))
                }
                (ChildSource::Request(_), Some(ticket)) => ticket.wait(stop)??,
                (ChildSource::Request(_), None) => continue,
                (ChildSource::SameExport(_), _) => {
                    children.push((place, ChildRecords::whole(record.clone())));
                    continue;
                }
            };
            if let Some(records) = self.settle(child, &row, details, turn.as_deref())? {
                children.push((place, records));
            }
        }
        Ok(Complete {
            record: row.wanted.has(Outputs::OWN).then_some(record),
            id: row.id,
            children,
            _turn: turn,
        })
    }

    /// Refusals of what was never had, and why: enough to tell who only tries.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        self.accounts
            .iter()
            .filter(|(_, account)| account.had == 0)
            .filter_map(|(name, account)| Some((name.as_str(), account.why.as_deref()?)))
    }

    /// What was only refused, when there was no more to ask for, counts as given up.
    pub(super) fn draw_the_line(&mut self) {
        for (name, account) in &mut self.accounts {
            if account.had == 0 && account.without >= REFUSALS_OF_ALL {
                tracing::warn!(
                    "none of {} {} has any {name}; this version of the API or the workspace's plan \
                     may not have them",
                    account.without,
                    self.stream.name
                );
            }
            let is_refused = account.had == 0 && account.refused >= REFUSALS_OF_ALL_AT_THE_END;
            if is_refused && account.missing == account.refused && account.given_up.is_none() {
                account.given_up = account.why.take();
            }
        }
    }

    /// Says how many were forgotten since there were too many.
    pub(super) fn tell_forgotten(&self) {
        let forgotten = self.awaited.forgotten();
        if forgotten > 0 {
            tracing::warn!(
                "too many {} lack what goes with them; the {forgotten} that changed longest ago are \
                 no longer asked for it",
                self.stream.name
            );
        }
    }

    fn is_given_up(&self, what: &str) -> bool {
        let account = self.accounts.get(what);
        account.is_some_and(|account| account.given_up.is_some())
    }

    fn attempts(&self, what: &str) -> u32 {
        let most = self.client.config().max_attempts;
        match self.accounts.get(what) {
            Some(account) if account.missing >= MANY_MISSING => most.min(FEW_ATTEMPTS),
            _ => most,
        }
    }

    pub(super) fn ask_for_child(
        &self,
        child: &'static Child,
        request: &'static ChildRequest,
        parent: Parent,
        attempts: u32,
        turn: Arc<Turn>,
    ) -> WorkTicket<Result<Details, Fault>> {
        let client = Arc::clone(self.client);
        self.workers.submit(move || {
            let effort = detail_effort(attempts, Some(&turn));
            children::fetch(&client, child, request, &parent, &effort)
        })
    }

    fn ask_for_lists(
        &self,
        nested: NestedLists,
        row: &Row,
        turn: Arc<Turn>,
    ) -> WorkTicket<Result<Completed, Fault>> {
        let client = Arc::clone(self.client);
        let (id, record) = (row.id.clone(), row.record.clone());
        let name_of = |list: &str| format!("{}.{list}", self.stream.name);
        let names = || nested.lists.iter().map(|list| list.name);
        let given_up: Vec<_> = names()
            .filter(|name| self.is_given_up(&name_of(name)))
            .collect();
        let miscounted: Vec<_> = names()
            .filter(|name| self.is_miscounted(&name_of(name)))
            .collect();
        let attempts = names().map(|name| self.attempts(&name_of(name)));
        let attempts = attempts.min().unwrap_or(1);
        self.workers.submit(move || {
            let effort = detail_effort(attempts, Some(&turn));
            nested_lists::complete(
                &client,
                &nested,
                &id,
                &record,
                &given_up,
                &miscounted,
                &effort,
            )
        })
    }

    fn settle_list(&mut self, what: &str, row: &Row, outcome: ListOutcome) {
        match outcome {
            ListOutcome::Had { is_by_count } => {
                self.had(what, row);
                self.account(what).lacked_by_count |= is_by_count;
            }
            ListOutcome::AllThere => {
                self.had(what, row);
                self.was_all_there(what);
            }
            ListOutcome::Missing(why) => self.is_missing(what, row, &why),
            ListOutcome::Refused(why) => self.is_refused(what, row, why),
        }
    }

    /// Takes to the account what came of a child of a record; returns what is to be emitted.
    fn settle(
        &mut self,
        child: &Child,
        row: &Row,
        details: Details,
        turn: Option<&Turn>,
    ) -> Result<Option<ChildRecords>, Fault> {
        match details {
            Details::Records(records) => {
                self.had(child.name, row);
                return Ok(Some(records));
            }
            Details::NotYet => {
                self.account(child.name).had += 1;
                self.awaited.remember(child.name, row, None);
            }
            Details::NoneOfIts => {
                self.account(child.name).without += 1;
                self.awaited.settle(child.name, &row.id);
            }
            Details::ParentGone => self.is_gone(child, row, turn)?,
            Details::Missing { why } => self.is_missing(child.name, row, &why),
            Details::Refused { why } => self.is_refused(child.name, row, why),
        }
        Ok(None)
    }

    /// A list's count said more than there is. Where that is so again and again, its kind is counted
    /// otherwise, and a request for each would find nothing.
    fn was_all_there(&mut self, what: &str) {
        let account = self.account(what);
        account.all_there += 1;
        if account.all_there == MOST_MISCOUNTED && account.is_miscounted() {
            tracing::warn!(
                "{what}: of {MOST_MISCOUNTED} lists whose `total_count` is higher than what is in them \
                 none has more where it is whole; that count alone isn't believed any more in this run"
            );
        }
    }

    fn is_miscounted(&self, what: &str) -> bool {
        let account = self.accounts.get(what);
        account.is_some_and(Account::is_miscounted)
    }

    fn had(&mut self, what: &str, row: &Row) {
        self.account(what).had += 1;
        self.awaited.settle(what, &row.id);
    }

    fn is_missing(&mut self, what: &str, row: &Row, why: &str) {
        let account = self.account(what);
        account.missing += 1;
        tell(account.missing, what, &row.id, why);
        // More than are remembered would be lost without a word.
        if account.had == 0 && account.missing > MOST_AWAITED as u64 {
            account.given_up.get_or_insert_with(|| why.to_owned());
        }
        self.awaited.remember(what, row, Some(&told(why)));
    }

    fn is_refused(&mut self, what: &str, row: &Row, why: String) {
        self.is_missing(what, row, &why);
        let account = self.account(what);
        account.refused += 1;
        if account.had == 0 && account.refused >= REFUSALS_OF_ALL && account.given_up.is_none() {
            tracing::error!("{what} is given up for this run: {why}");
            account.given_up = Some(why);
        } else {
            account.why = Some(why);
        }
    }

    pub(super) fn account(&mut self, what: &str) -> &mut Account {
        self.accounts.entry(what.to_owned()).or_default()
    }
}

pub(super) fn detail_effort(attempts: u32, turn: Option<&Turn>) -> Effort<'_> {
    Effort {
        attempts,
        is_detail: true,
        turn,
    }
}

/// Says what couldn't be had; where there are many, of the first ones only.
pub(super) fn tell(number: u64, what: &str, parent: &str, why: &str) {
    let parent = told(parent);
    let why = told(why);
    if number <= MOST_TOLD {
        tracing::warn!("{what} of {parent} can't be had, and later runs ask again: {why}");
    } else {
        tracing::debug!("{what} of {parent} can't be had: {why}");
    }
}
