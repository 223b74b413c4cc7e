//! How many requests go along with the records of a stream, told by some of them. Knows nothing of how
//! the records are counted.

use crate::tap::along::children;
use crate::tap::along::truncated_list::truncated_lists;
use crate::tap::plan::Plan;
use crate::tap::read::amount::Amount;
use crate::tap::read::counted::Counted;
use crate::tap::read::page::Row;
use crate::tap::streams::{Asked, Child, ChildAnswer, ChildRequest, ChildSource};

/// Whether what goes along can only be told by looking at records.
pub fn depend_on_records(plan: &Plan) -> bool {
    let mut children = plan.children.iter();
    asks_for_lists(plan)
        || children.any(|(child, _)| match child.source {
            ChildSource::Request(request) => {
                !matches!(request.asked, Asked::Always) || counted_at(&request).is_some()
            }
            ChildSource::Inside(_) | ChildSource::SameExport(_) => false,
        })
}

/// Requests for the rest of lists that the API truncated.
pub fn for_lists(plan: &Plan, counted: &Counted) -> Amount {
    let Some(nested) = plan.stream.nested_lists.filter(|_| asks_for_lists(plan)) else {
        return Amount::NONE;
    };
    let lists = share(counted, |row| {
        truncated_lists(row.record.json(), &nested).len() as u64
    });
    // A list may take more than one.
    Amount {
        most: lists.most.filter(|most| *most == 0),
        ..lists
    }
}

/// Records of a child, and requests for them.
pub fn of_child(child: &Child, counted: &Counted) -> (Amount, Amount) {
    let ChildSource::Request(request) = &child.source else {
        return (Amount::at_least(0), Amount::NONE);
    };
    let parents = match request.asked {
        Asked::Always => counted.records,
        asked => share(counted, |row| {
            u64::from(children::is_asked(asked, row.record.json()))
        }),
    };
    let records = match counted_at(request) {
        Some(at) => Amount {
            // They come and go, and no more than the newest are given.
            least: 0,
            most: None,
            ..share(counted, |row| {
                children::counted(row.record.json(), Some(at))
            })
        },
        None => Amount::at_least(0),
    };
    (records, requests_for(request.answer, parents))
}

fn requests_for(answer: ChildAnswer, parents: Amount) -> Amount {
    match answer {
        ChildAnswer::Listed { .. }
        | ChildAnswer::Part(_)
        | ChildAnswer::Object
        | ChildAnswer::Array
        | ChildAnswer::Transcript { .. } => parents,
        // Few have more than a page.
        ChildAnswer::Pages | ChildAnswer::List(_) => Amount {
            most: parents.most.filter(|most| *most == 0),
            ..parents
        },
        ChildAnswer::EachOf { .. } if parents.most == Some(0) => Amount::NONE,
        ChildAnswer::EachOf { .. } => Amount::at_least(parents.least),
    }
}

/// What all records come to, if they are like those that were seen.
fn share(counted: &Counted, of: impl Fn(&Row) -> u64) -> Amount {
    let rows = counted.sample.len() as u64;
    let seen: u64 = counted.sample.iter().map(of).sum();
    if counted.records == Amount::exactly(rows) {
        return Amount::exactly(seen);
    }
    let records = counted.records;
    let about = records.about.filter(|_| rows > 0);
    Amount {
        least: 0,
        about: about.map(|records| records.saturating_mul(seen) / rows.max(1)),
        most: None,
    }
}

/// Where a parent says how many it has.
fn counted_at(request: &ChildRequest) -> Option<(&'static str, &'static str)> {
    match request.answer {
        ChildAnswer::Listed { counted_at, .. } => counted_at,
        _ => None,
    }
}

fn asks_for_lists(plan: &Plan) -> bool {
    let mut children = plan.children.iter();
    let is_inside = children.any(|(child, _)| matches!(child.source, ChildSource::Inside(_)));
    plan.stream.nested_lists.is_some() && (plan.output.is_some() || is_inside)
}
