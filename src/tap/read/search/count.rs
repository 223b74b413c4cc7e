//! How much a search would find, by its own counts.

use super::FEW_PAGES;
use super::asking::Asking;
use super::plan::{Slice, Unit};
use crate::tap::fault::Fault;
use crate::tap::read::amount::{Amount, pages};
use crate::tap::read::counted::{Counted, less_known, newly_met};
use crate::tap::read::envelope::Continuation;
use crate::tap::read::order::Direction;
use crate::tap::read::reading::Reading;
use crate::tap::streams::DateMatching;

/// Looks at both ends of a window and at how dates are compared.
const LOOKS: u64 = 4;
/// Of slices of a dozen pages the last one is half full, and some are narrower than planned: one
/// request in so many comes on top.
const ONE_MORE_IN: u64 = 4;
/// The same where slices end with days.
const ONE_MORE_IN_DAYS: u64 = 2;

/// Whether it can be searched at all, by one small request.
pub fn look(reading: &Reading<'_>) -> Result<(), Fault> {
    let end = reading.client.config().end_date;
    let window = Slice::window(reading.lower_bound(), end, Unit::Second);
    let page = Asking::new(reading).look(window, Direction::Descending, 1);
    page.map(drop)
}

/// Counts by one request, or by two where dates may match by whole days. `rows` of the newest are
/// looked at.
pub fn count(reading: &Reading<'_>, matching: DateMatching, rows: u32) -> Result<Counted, Fault> {
    let asking = Asking::new(reading);
    let (lower, end) = (reading.lower_bound(), reading.client.config().end_date);
    let look =
        |unit, rows| asking.look(Slice::window(lower, end, unit), Direction::Descending, rows);
    let is_bounded = lower.is_some() || end.is_some();
    let page = match matching {
        DateMatching::PerhapsWholeDays if is_bounded => look(Unit::Day, rows)?,
        _ => look(Unit::Second, rows)?,
    };
    let page_size = reading.client.config().page_size;
    let is_whole = page.next == Continuation::End;
    let is_reached = lower.is_some() && page.oldest() < lower;
    if is_whole || is_reached {
        let rows = Amount::exactly(page.rows.len() as u64);
        let new = newly_met(reading, page.rows);
        return Ok(Counted {
            records: Amount::exactly(new.len() as u64),
            requests: requests(rows, matching, page_size),
            sample: new,
            unknown: None,
        });
    }
    let rows = match page.total_count {
        None => Amount::at_least(page.rows.len() as u64),
        // By whole days, one asks for too much and the other for too little.
        Some(total) if matching == DateMatching::PerhapsWholeDays && is_bounded => {
            let within = look(Unit::Second, 1)?.total_count.unwrap_or(0);
            Amount::between(within.min(total), total)
        }
        Some(total) => Amount::exactly(total),
    };
    Ok(Counted {
        records: less_known(reading, rows),
        requests: requests(rows, matching, page_size),
        sample: newly_met(reading, page.rows),
        unknown: page
            .total_count
            .is_none()
            .then_some("the answer has no total"),
    })
}

/// Requests for so many rows.
fn requests(rows: Amount, matching: DateMatching, page_size: u32) -> Amount {
    let requests = rows.map(|rows| pages(rows, page_size).max(1));
    let beyond = |pages: u64| {
        let sliced = match matching {
            _ if pages <= FEW_PAGES => 0,
            DateMatching::Seconds => pages / ONE_MORE_IN,
            DateMatching::PerhapsWholeDays => pages / ONE_MORE_IN_DAYS,
        };
        pages + sliced + LOOKS
    };
    Amount {
        most: requests.most.map(beyond),
        ..requests
    }
}
