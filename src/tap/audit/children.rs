//! What of the streams that are read along with others can be compared without reading them, and how.

use std::collections::HashSet;

use super::differences::AuditTally;
use super::expected::Expected;
use super::holdings::Holdings;
use super::keys::Keys;
use crate::cli::Failure;
use crate::tap::along::asking::WaitingRecord;
use crate::tap::plan::Plan;
use crate::tap::streams::{Asked, Child, ChildAnswer, ChildSource};
use crate::tap::time::EpochSeconds;

/// What is compared of a child.
pub struct ChildSide {
    /// Its row.
    pub child: &'static Child,
    /// What is expected of it.
    pub expected: Expected,
    /// How it is compared.
    pub check: Check,
    /// What it came to.
    pub tally: AuditTally,
}

/// How a child is compared.
#[derive(Debug)]
pub enum Check {
    /// By how many there are of each parent: the parent says so at this place, and no more than these
    /// can be had.
    ByCount {
        /// An object in the parent, and the property in it.
        counted_at: (&'static str, &'static str),
        /// At most.
        most: u32,
    },
    /// By its key, which is its parent's: one a parent.
    ByKey {
        /// What the lake holds.
        held: Holdings,
        /// Which parents have one.
        asked: Asked,
    },
    /// By its keys, which stand in this list of its parent's own record.
    Inside {
        /// What the lake holds.
        held: Holdings,
        /// The list.
        list: &'static str,
        /// Keys that the lake hasn't, and some parent has shown.
        met: HashSet<u64>,
    },
    /// Not on its own: it comes with its parent.
    WithParents,
}

/// A row that something is asked for along with.
pub struct Pending {
    pub waiting: WaitingRecord,
    pub key_json: String,
    pub changed_at: Option<EpochSeconds>,
    pub lake: Option<EpochSeconds>,
    /// Whether the record itself is to be mended, with all that goes with it.
    pub is_whole: bool,
    pub doubts: Vec<DoubtedChild>,
}

/// A child of a row that seems to lack something, by its place among the children.
pub struct DoubtedChild {
    pub place: usize,
    pub lacks: Lacks,
}

pub enum Lacks {
    /// The lake has but so many.
    More(u32),
    /// The lake has none, or one of that version.
    One(Option<EpochSeconds>),
    /// The lake hasn't all that stand in the row's list.
    Some,
}

/// How each child of a plan is compared.
pub fn children_of(
    plan: &Plan,
    keys: &mut Keys,
    expected: Vec<Expected>,
) -> Result<Vec<ChildSide>, Failure> {
    let mut children = Vec::new();
    for ((child, _), expected) in plan.children.iter().zip(expected) {
        let child_keys = keys.take_stream(child.name);
        let check = match (check_of(child), child_keys) {
            (Some(Check::ByKey { asked, .. }), Some(mut keys)) => Check::ByKey {
                held: Holdings::of(&mut keys)?,
                asked,
            },
            (Some(check @ Check::ByCount { .. }), _) => check,
            (Some(Check::Inside { list, met, .. }), Some(mut keys)) => Check::Inside {
                held: Holdings::of(&mut keys)?,
                list,
                met,
            },
            _ => Check::WithParents,
        };
        let in_lake = match &check {
            Check::ByKey { held, .. } | Check::Inside { held, .. } => held.count(),
            _ => 0,
        };
        children.push(ChildSide {
            child,
            expected,
            check,
            tally: AuditTally::of(child.name, in_lake),
        });
    }
    Ok(children)
}

/// How a child could be compared on its own.
fn check_of(child: &Child) -> Option<Check> {
    let inside = |list| Check::Inside {
        held: Holdings::default(),
        list,
        met: HashSet::new(),
    };
    let request = match &child.source {
        ChildSource::Request(request) => request,
        ChildSource::Inside(list) => return Some(inside(*list)),
        ChildSource::SameExport(_) => return None,
    };
    if let Asked::IfListed(list) = request.asked {
        return Some(inside(list));
    }
    if let ChildAnswer::Listed {
        counted_at: Some(counted_at),
        most,
        ..
    } = request.answer
    {
        return Some(Check::ByCount {
            counted_at,
            most: u32::try_from(most).unwrap_or(u32::MAX),
        });
    }
    let is_its_parents = matches!(child.key, [key] if Some(*key) == child.parent_key);
    is_its_parents.then(|| Check::ByKey {
        held: Holdings::default(),
        asked: request.asked,
    })
}
