//! One stream's list against what the lake holds of it, row by row as the list is read.

use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::sync::Arc;

use super::children::{ChildSide, DoubtedChild, Pending};
use super::differences::{AuditTally, Difference, What};
use super::expected::Expected;
use super::holdings::{Held, Holdings};
use super::line::{Key, hash_of};
use super::outcome::Outcome;
use super::progress::AuditProgress;
use crate::json::members::member;
use crate::tap::along::asking::Along;
use crate::tap::api::client::Client;
use crate::tap::emit::stream::Shared;
use crate::tap::fault::Fault;
use crate::tap::plan::Plan;
use crate::tap::read::page::Row;
use crate::tap::read::places::{Outputs, Place};
use crate::tap::read::reading::Batch;
use crate::tap::read::stream::{Wanted, Wholeness, read_stream};
use crate::tap::time::{self, EpochSeconds};

/// So many records of one list are asked for again before they are told: where more differ, it isn't
/// for what changed meanwhile.
const MOST_SUSPECTS: usize = 10_000;

/// One stream being compared.
pub struct Comparison<'a, W: Write> {
    pub(super) shared: &'a Shared,
    pub(super) client: &'a Arc<Client>,
    pub(super) plan: &'a Plan,
    pub(super) along: Along<'a>,
    pub(super) expected: Expected,
    pub(super) held: Holdings,
    pub(super) children: Vec<ChildSide>,
    /// Keys that the lake hasn't, and the list has shown.
    met: HashSet<u64>,
    /// What differed when the list showed it.
    pub(super) suspects: Vec<Suspect>,
    /// What is asked for along with rows.
    pending: VecDeque<Pending>,
    pub(super) outcome: Outcome<'a, W>,
    pub(super) tally: AuditTally,
    pub(super) progress: AuditProgress,
    /// What couldn't be told, and why the first of it.
    pub(super) untold: (u64, String),
    holes: u64,
}

/// A record that differed when the list showed it.
#[derive(Debug)]
pub struct Suspect {
    pub key: String,
    pub key_json: String,
    pub what: What,
    pub changed_at: Option<EpochSeconds>,
    pub lake: Option<EpochSeconds>,
}

/// How a row's own record differs, with the lake's version.
type Own = Option<(What, Option<EpochSeconds>)>;

impl<'a, W: Write> Comparison<'a, W> {
    /// Nothing is compared yet.
    pub fn new(
        shared: &'a Shared,
        client: &'a Arc<Client>,
        plan: &'a Plan,
        own: (Expected, Holdings),
        children: Vec<ChildSide>,
        outcome: Outcome<'a, W>,
    ) -> Self {
        let (expected, held) = own;
        let is_mended = outcome.mends();
        let along = Along::new(
            client,
            &shared.workers,
            plan.stream,
            plan.children.iter().map(|(child, _)| *child).collect(),
            plan.output.is_some() && is_mended,
            Vec::new(),
            shared.started,
        );
        Self {
            shared,
            client,
            plan,
            along,
            expected,
            tally: AuditTally::of(plan.stream.name, held.count()),
            held,
            children,
            met: HashSet::new(),
            suspects: Vec::new(),
            pending: VecDeque::new(),
            outcome,
            progress: AuditProgress::start(plan.stream.name),
            untold: (0, String::new()),
            holes: 0,
        }
    }

    /// Reads the list to its end, and compares all of it.
    pub fn read(&mut self) -> Result<(), Fault> {
        self.read_list(&mut |comparison, batch| comparison.compare_all(batch))?;
        while let Some(pending) = self.pending.pop_front() {
            self.settle(pending)?;
        }
        if self.holes > 0 {
            return Err(Fault::Stream(format!(
                "what is at {} places of its list can't be had",
                self.holes
            )));
        }
        Ok(())
    }

    /// Hands over what is left, and says what couldn't be told.
    pub fn finish(&mut self, end: Result<(), Fault>) -> Result<(), Fault> {
        let lacking: Vec<String> = self
            .along
            .missing()
            .map(|(name, count)| format!("{count} {name} couldn't be had"))
            .chain((self.untold.0 > 0).then(|| {
                let (count, why) = &self.untold;
                format!("{count} records couldn't be asked for again: {why}")
            }))
            .collect();
        let end = self.outcome.finish().and(end);
        if end.is_ok() && !lacking.is_empty() {
            return Err(Fault::Stream(lacking.join("; ")));
        }
        end
    }

    /// Has each batch of the list looked at.
    pub(super) fn read_list(
        &mut self,
        look: &mut dyn FnMut(&mut Self, Batch) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (plan, client, started) = (self.plan, self.client, self.shared.started);
        let children: Vec<_> = plan.children.iter().map(|(child, _)| *child).collect();
        read_stream(
            Wanted {
                stream: plan.stream,
                output: plan.output.as_ref(),
                children: &children,
            },
            client,
            &Place::beginning(),
            started,
            Wholeness::Pages,
            &mut |batch| look(self, batch),
        )
    }

    fn compare_all(&mut self, batch: Batch) -> Result<(), Fault> {
        self.holes = self.holes.max(batch.holes);
        let rows = batch.rows.len();
        for row in batch.rows {
            self.compare(row)?;
        }
        let found = self.tally.differences() + self.suspects.len() as u64;
        self.progress.compared(rows, batch.total_count, found);
        Ok(())
    }

    fn compare(&mut self, mut row: Row) -> Result<(), Fault> {
        let Some((key, key_json)) = self.key_of(&row) else {
            return Ok(());
        };
        let hash = hash_of(&key);
        let changed_at = instant_of(&row);
        let held = self.held.find(hash).map(|held| *held);
        let is_first = self.is_first(hash);
        let own = self.own_difference(hash, held, changed_at, is_first);
        let mut doubts = Vec::new();
        for place in 0..self.children.len() {
            let lacks = self.lacks(place, &row, hash, held, own.is_some(), is_first);
            doubts.extend(lacks.map(|lacks| DoubtedChild { place, lacks }));
        }
        let lake = held.and_then(Held::version);
        let mends = self.outcome.mends();
        let is_whole = mends && own.is_some();
        if let Some((what, lake)) = own {
            let suspect = Suspect {
                key,
                key_json: key_json.clone(),
                what,
                changed_at,
                lake,
            };
            if mends || self.suspects.len() >= MOST_SUSPECTS {
                self.tell(&suspect)?;
            } else {
                self.suspects.push(suspect);
            }
        }
        if is_whole {
            row.wanted = Outputs::ALL;
        } else if doubts.is_empty() {
            return Ok(());
        } else {
            let outputs = doubts.iter().map(|doubt| Outputs::child(doubt.place));
            row.wanted = outputs.fold(Outputs::default(), Outputs::with);
        }
        self.pending.push_back(Pending {
            waiting: self.along.ask(row),
            key_json,
            changed_at,
            lake,
            is_whole,
            doubts,
        });
        if self.pending.len() < 2 * self.client.config().concurrency {
            return Ok(());
        }
        match self.pending.pop_front() {
            Some(pending) => self.settle(pending),
            None => Ok(()),
        }
    }

    /// The key of a row as it is compared, and as it stands in the record.
    pub(super) fn key_of(&self, row: &Row) -> Option<(String, String)> {
        let (key, json) = Key::of_record(row.record.json(), self.plan.stream.key)?;
        Some((key.text, json))
    }

    /// Whether the list shows that key for the first time.
    fn is_first(&mut self, hash: u64) -> bool {
        let is_first = match self.held.find(hash) {
            Some(held) => !held.settle(),
            None => self.met.insert(hash),
        };
        self.tally.in_workspace += u64::from(is_first);
        is_first
    }

    fn own_difference(
        &mut self,
        hash: u64,
        held: Option<Held>,
        changed_at: Option<EpochSeconds>,
        is_first: bool,
    ) -> Own {
        if self.plan.output.is_none() || !self.expected.has(changed_at) {
            return None;
        }
        match held {
            None => is_first.then_some((What::Missing, None)),
            Some(held) if held.is_older(changed_at) => {
                self.held.find(hash)?.is_mended(changed_at);
                Some((What::Stale, held.version()))
            }
            Some(_) => None,
        }
    }

    /// Tells of a record's own difference.
    pub(super) fn tell(&mut self, suspect: &Suspect) -> Result<(), Fault> {
        self.tally.count(&suspect.what);
        let difference = Difference {
            stream: self.plan.stream.name,
            key_json: &suspect.key_json,
            what: suspect.what.clone(),
            changed_at: suspect.changed_at,
            lake_changed_at: suspect.lake,
        };
        self.outcome.tell(&difference, &suspect.key)
    }
}

/// When a row last changed, or, where it doesn't say, when it was made.
pub(super) fn instant_of(row: &Row) -> Option<EpochSeconds> {
    let created_at = || {
        let created_at = member(row.record.json(), "created_at").ok()??;
        time::parse_json(created_at)
    };
    row.replication_key_value.or_else(created_at)
}
