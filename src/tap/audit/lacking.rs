//! What the lake seems to lack of a row's children, asked for before it is told.

use std::io::Write;

use super::children::{Check, Lacks, Pending};
use super::comparing::{Comparison, instant_of};
use super::differences::{Difference, What};
use super::holdings::Held;
use super::line::{Key, hash_of};
use crate::json::members::member;
use crate::tap::along::asking::Complete;
use crate::tap::along::children::{ChildRecords, Details, Parent, inside, is_asked};
use crate::tap::fault::Fault;
use crate::tap::read::page::Row;
use crate::tap::streams::Child;
use crate::tap::time::EpochSeconds;

impl<W: Write> Comparison<'_, W> {
    /// What the lake seems to lack of a row's child.
    pub(super) fn lacks(
        &mut self,
        place: usize,
        row: &Row,
        hash: u64,
        held: Option<Held>,
        differs: bool,
        is_first: bool,
    ) -> Option<Lacks> {
        let child = &mut self.children[place];
        let changed_at = instant_of(row);
        if !child.expected.has(changed_at) {
            return None;
        }
        match &mut child.check {
            Check::WithParents => None,
            Check::Inside { held, list, met } => {
                let mut lacks_some = false;
                for (hash, _) in keys_inside(child.child, list, row) {
                    match held.find(hash) {
                        Some(held) => {
                            let is_known = held.settle();
                            child.tally.in_workspace += u64::from(!is_known);
                        }
                        None => lacks_some |= !met.contains(&hash),
                    }
                }
                lacks_some.then_some(Lacks::Some)
            }
            // A record that is mended comes with all of its parts.
            Check::ByCount { .. } if differs => None,
            Check::ByCount { counted_at, most } => {
                let parts = held.and_then(Held::parts)?;
                // What doesn't say how many it has is asked for them.
                let there_are = counted(row.record.json(), *counted_at);
                if parts >= there_are.unwrap_or(u32::MAX).min(*most) {
                    return None;
                }
                self.held.find(hash)?.is_mended(None);
                Some(Lacks::More(parts))
            }
            Check::ByKey { held, asked } => {
                if !is_asked(*asked, row.record.json()) {
                    return None;
                }
                child.tally.in_workspace += u64::from(is_first);
                let held = held.find(hash);
                match held {
                    None => is_first.then_some(Lacks::One(None)),
                    Some(held) if held.is_older(changed_at) => {
                        let version = held.version();
                        held.is_mended(changed_at);
                        Some(Lacks::One(version))
                    }
                    Some(_) => None,
                }
            }
        }
    }

    /// Takes what was asked for along with a row.
    pub(super) fn settle(&mut self, pending: Pending) -> Result<(), Fault> {
        let mut complete = self.along.wait(pending.waiting)?;
        let mut confirmed = Vec::new();
        for doubt in &pending.doubts {
            let there_are = records_of(&complete, doubt.place);
            let is_true = match doubt.lacks {
                Lacks::More(parts) => there_are > u64::from(parts),
                Lacks::One(_) => there_are > 0,
                Lacks::Some => self.tell_inside(doubt.place, &complete, pending.changed_at)?,
            };
            if !is_true {
                continue;
            }
            confirmed.push(doubt.place);
            let difference = match doubt.lacks {
                Lacks::Some => continue,
                Lacks::More(_) => {
                    self.tally.count(&What::PartsMissing);
                    Difference {
                        stream: self.plan.stream.name,
                        key_json: &pending.key_json,
                        what: What::PartsMissing,
                        changed_at: pending.changed_at,
                        lake_changed_at: pending.lake,
                    }
                }
                Lacks::One(lake_changed_at) => {
                    let child = &mut self.children[doubt.place];
                    let what = match lake_changed_at {
                        None => What::Missing,
                        Some(_) => What::Stale,
                    };
                    child.tally.count(&what);
                    Difference {
                        stream: child.child.name,
                        key_json: &pending.key_json,
                        what,
                        changed_at: pending.changed_at,
                        lake_changed_at,
                    }
                }
            };
            self.outcome.tell(&difference, "")?;
        }
        if !pending.is_whole {
            complete
                .children
                .retain(|(place, _)| confirmed.contains(place));
        }
        self.outcome.mend(&complete)
    }

    /// Tells of each of a row's child records that the lake hasn't; whether there is any.
    fn tell_inside(
        &mut self,
        place: usize,
        complete: &Complete,
        changed_at: Option<EpochSeconds>,
    ) -> Result<bool, Fault> {
        let side = &mut self.children[place];
        let Check::Inside { held, met, .. } = &mut side.check else {
            return Ok(false);
        };
        let mut children = complete.children.iter();
        let details = children.find(|(child, _)| *child == place);
        let mut is_any = false;
        for (hash, key_json) in details
            .into_iter()
            .flat_map(|(_, it)| keys_of(side.child, it))
        {
            if held.find(hash).is_some() || !met.insert(hash) {
                continue;
            }
            is_any = true;
            side.tally.in_workspace += 1;
            side.tally.count(&What::Missing);
            let difference = Difference {
                stream: side.child.name,
                key_json: &key_json,
                what: What::Missing,
                changed_at,
                lake_changed_at: None,
            };
            self.outcome.tell(&difference, "")?;
        }
        Ok(is_any)
    }
}

/// The keys of the children that stand in a list of a row: what they are found by, and as JSON.
fn keys_inside(child: &'static Child, list: &'static str, row: &Row) -> Vec<(u64, String)> {
    match inside(child, list, &row.record, &Parent::from(row)) {
        Details::Records(records) => keys_of(child, &records).collect(),
        _ => Vec::new(),
    }
}

fn keys_of(child: &Child, details: &ChildRecords) -> impl Iterator<Item = (u64, String)> {
    let mut text = String::new();
    details.records.iter().filter_map(move |record| {
        details.complete(record, &mut text);
        let (key, json) = Key::of_record(&text, child.key)?;
        Some((hash_of(&key.text), json))
    })
}

fn records_of(complete: &Complete, place: usize) -> u64 {
    let mut children = complete.children.iter();
    let found = children.find(|(child, _)| *child == place);
    found.map_or(0, |(_, details)| details.records.len() as u64)
}

/// How many parts a row says that it has.
fn counted(record: &str, at: (&str, &str)) -> Option<u32> {
    let holder = member(record, at.0).ok()??;
    if !holder.starts_with('{') {
        return None;
    }
    let count = member(holder, at.1).ok()??;
    crate::tap::read::envelope::key(count)?.parse().ok()
}
