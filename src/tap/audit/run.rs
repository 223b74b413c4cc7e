//! An audit from the keys that are given to the table at its end, stream after stream: each reads its list
//! at the API's limit, and memory is that of one.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::children::{Check, ChildSide, children_of};
use super::comparing::Comparison;
use super::differences::{AuditTally, table};
use super::expected::{Expected, expected};
use super::holdings::Holdings;
use super::keys::{Keys, Told};
use super::outcome::{Outcome, plan_of_deletions};
use crate::cli::Failure;
use crate::singer::catalog::Catalog;
use crate::singer::state::State;
use crate::tap::emit::outlet::Outlet;
use crate::tap::emit::stream::Shared;
use crate::tap::exclusions::Exclusions;
use crate::tap::fault::Fault;
use crate::tap::plan::{Plan, plan};
use crate::tap::streams::{self, Paging, Stream};
use crate::tap::time::EpochSeconds;

/// What is audited against what.
#[derive(Debug)]
pub struct Audit {
    keys: Keys,
    plans: Vec<Plan>,
    deletions: Option<Plan>,
    state: State,
    mends: bool,
    /// Where the runs that loaded the lake were told to end.
    end: Option<EpochSeconds>,
}

impl Audit {
    /// Of the keys in a file, or of standard input for `-`, as of a state. All streams are compared that
    /// have a key there, stand in the state or are selected by the catalog; or these `names` only.
    pub fn prepare(
        path: &Path,
        state: State,
        catalog: Option<&Catalog>,
        names: &[String],
        exclusions: &Exclusions,
        mends: bool,
        end: Option<EpochSeconds>,
    ) -> Result<Self, Failure> {
        let keys = Keys::of(path)?;
        for stream in keys.foreign() {
            tracing::warn!("stream {stream} is not audited: this tap doesn't have it");
        }
        let mut names = names.to_vec();
        if names.is_empty() {
            names.extend(keys.streams().map(str::to_owned));
            // None at all is rather the end of a pipe that failed than a lake that lost all it had.
            if names.is_empty() {
                return Err(Failure::usage("there is no key to be audited").hint(
                    "give what `target-gcs --read-keys` prints; for a lake that lost all it had, name \
                     its streams with --stream",
                ));
            }
            add_lost(&mut names, &state, catalog, exclusions);
        }
        names.extend(covered(&state, &names));
        let mut plans = plan(catalog, &names, exclusions)?;
        for plan in &mut plans {
            plan.children
                .retain(|(child, _)| names.iter().any(|name| name == child.name));
        }
        Ok(Self {
            keys,
            plans,
            deletions: plan_of_deletions(exclusions)?,
            state,
            mends,
            end,
        })
    }

    /// Compares all of it, and tells in `facts` what each stream came to.
    pub fn run<W: Write>(
        mut self,
        shared: &Shared,
        outlet: &Outlet<W>,
        facts: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        let deletions = self.deletions.as_ref().map(|plan| plan.stream.name);
        let told = deletions.and_then(|name| self.keys.take_stream(name));
        let told = Told::of(told)?;
        let mut tallies = Vec::new();
        let mut failures = Vec::new();
        for plan in &self.plans {
            if let Some(why) = why_not(plan.stream) {
                tracing::warn!("stream {} is not audited: {why}", plan.stream.name);
                continue;
            }
            let outcome = if self.mends {
                let config = shared.client.config();
                Outcome::mended(outlet, config, plan, self.deletions.as_ref())
            } else {
                Outcome::told(outlet)
            };
            let (own, children) = expected(plan, &self.state, self.end, shared.started)?;
            let (compared, end) = compare(
                shared,
                plan,
                &mut self.keys,
                &told,
                (own, children),
                outcome,
            );
            tallies.extend(compared);
            match end {
                Ok(()) => {}
                Err(Fault::Abort(failure)) => return Err(failure),
                Err(fault) => {
                    let failure = Failure::from(fault);
                    tracing::error!("stream {} failed: {failure}", plan.stream.name);
                    failures.push(format!("\n  {}: {failure}", plan.stream.name));
                }
            }
        }
        if self.mends {
            outlet.state()?;
        }
        let streams: Map<_, _> = tallies.iter().map(AuditTally::document).collect();
        facts.insert("streams".to_owned(), Value::Object(streams));
        for line in table(&tallies) {
            tracing::info!("{line}");
        }
        conclude(&tallies, &failures, self.mends)
    }
}

fn conclude(tallies: &[AuditTally], failures: &[String], mends: bool) -> Result<(), Failure> {
    if !failures.is_empty() {
        return Err(Failure::failed(format_args!(
            "these streams could not be audited to their end:{}",
            failures.concat()
        )));
    }
    let sum = |of: fn(&AuditTally) -> u64| tallies.iter().map(of).sum::<u64>();
    let differences = sum(AuditTally::differences);
    if differences == 0 || mends {
        return Ok(());
    }
    Err(Failure::found(format_args!(
        "the lake isn't what the workspace was as of the state: {} missing, {} stale, {} gone, {} with \
         parts missing",
        sum(|tally| tally.missing),
        sum(|tally| tally.stale),
        sum(|tally| tally.gone),
        sum(|tally| tally.parts_missing),
    ))
    .hint("the same with --repair prints the messages that mend it, for the target to load"))
}

/// Compares one stream and what is read along with it.
fn compare<W: Write>(
    shared: &Shared,
    plan: &Plan,
    keys: &mut Keys,
    told: &Told,
    expected: (Expected, Vec<Expected>),
    outcome: Outcome<'_, W>,
) -> (Vec<AuditTally>, Result<(), Fault>) {
    let mut own_keys = keys.take_stream(plan.stream.name);
    let held = own_keys.as_mut().map(Holdings::of).transpose();
    let children = children_of(plan, keys, expected.1);
    let (held, children) = match (held, children) {
        (Ok(held), Ok(children)) => (held.unwrap_or_default(), children),
        (Err(failure), _) | (_, Err(failure)) => return (Vec::new(), Err(Fault::Abort(failure))),
    };
    tell_doubtful(plan, expected.0, &held, &children);
    let client = Arc::new(shared.client.for_another_stream());
    let own = (expected.0, held);
    let mut comparison = Comparison::new(shared, &client, plan, own, children, outcome);
    let end = comparison
        .read()
        .and_then(|()| comparison.settle_doubts(own_keys.as_mut(), told));
    let end = comparison.finish(end);
    let mut tallies = Vec::new();
    if plan.output.is_some() {
        tallies.push(comparison.tally.clone());
    }
    let compared = comparison.children.iter();
    let compared =
        compared.filter(|child| matches!(child.check, Check::ByKey { .. } | Check::Inside { .. }));
    tallies.extend(compared.map(|child| child.tally.clone()));
    (tallies, end)
}

/// Why a stream has nothing to be compared with.
fn why_not(stream: &Stream) -> Option<&'static str> {
    match stream.paging {
        _ if stream.key.is_empty() => Some("its records have no key"),
        Paging::Between { .. } | Paging::KeptCursor { .. } => {
            Some("it tells what happened, and no list has that")
        }
        Paging::ExportJobs(_) => Some("it is exported, and no list has it"),
        Paging::FoundByAudits => Some("audits themselves find what is in it"),
        Paging::Single
        | Paging::Search(_)
        | Paging::NewestFirst { .. }
        | Paging::Unsorted { .. }
        | Paging::CursorSince { .. }
        | Paging::Scroll { .. }
        | Paging::Cursors { .. }
        | Paging::Object
        | Paging::Texts => None,
    }
}

/// Says what of a stream can't be told.
fn tell_doubtful(plan: &Plan, own: Expected, held: &Holdings, children: &[ChildSide]) {
    let name = plan.stream.name;
    if own == Expected::Nothing && plan.output.is_some() {
        tracing::warn!(
            "stream {name}: the state has no bookmark of it, so only what is gone is told"
        );
    }
    for child in children {
        let child_name = child.child.name;
        match child.check {
            Check::WithParents => tracing::info!(
                "stream {child_name} is not audited on its own; it is mended with {name}"
            ),
            Check::ByCount { .. } if held.count() > 0 && !held.knows_parts() => tracing::warn!(
                "stream {child_name}: no key of {name} says how many of it there are, so none are missed"
            ),
            Check::ByCount { .. } | Check::ByKey { .. } | Check::Inside { .. } => {}
        }
    }
}

/// Adds what the state has a bookmark of, or the catalog selects, though no key is given of it: the lake
/// should have it, and may have lost it whole.
fn add_lost(
    names: &mut Vec<String>,
    state: &State,
    catalog: Option<&Catalog>,
    exclusions: &Exclusions,
) {
    let selected: Vec<&str> = catalog
        .into_iter()
        .flat_map(|catalog| &catalog.streams)
        .filter(|entry| entry.is_selected())
        .map(|entry| entry.tap_stream_id.as_str())
        .collect();
    for name in streams::names() {
        let has_bookmark = state.bookmark(name).is_some_and(|value| !value.is_null());
        if (has_bookmark || selected.contains(&name))
            && !exclusions.leaves_out(name)
            && !names.iter().any(|known| known == name)
        {
            tracing::info!(
                "stream {name} is audited though no key of it is given: it is in the state or in the \
                 selection"
            );
            names.push(name.to_owned());
        }
    }
}

/// The children that stand where those streams do, by the state.
fn covered(state: &State, names: &[String]) -> Vec<String> {
    let mut covered = Vec::new();
    for stream in streams::all() {
        if !names.iter().any(|name| name == stream.name) {
            continue;
        }
        let bookmark = state.bookmark(stream.name);
        let covers = bookmark.and_then(|bookmark| bookmark["covers"].as_array());
        for child in stream.children {
            let is_covered = match covers {
                Some(covers) => covers.iter().any(|name| name == child.name),
                None => bookmark.is_some() && child.selected_by_default,
            };
            if is_covered || state.bookmark(child.name).is_some() {
                covered.push(child.name.to_owned());
            }
        }
    }
    covered
}
