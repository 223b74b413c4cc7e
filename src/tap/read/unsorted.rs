//! Lists without an order: one answer, or numbered pages on which a record may come twice. Read
//! whole, each record once, and no bookmark.

use std::collections::HashSet;

use super::coverage::Coverage;
use super::ends::is_last;
use super::guard::Guard;
use super::reading::{Batch, Reading, Sink};
use crate::tap::fault::Fault;

/// Reads a list that comes in one answer.
pub fn read_single(reading: &Reading<'_>, sink: &mut Sink<'_>) -> Result<(), Fault> {
    let page = reading.get(reading.path(""))?;
    sink(Batch {
        total_count: Some(page.rows.len() as u64),
        rows: page.rows,
        ..Batch::default()
    })
}

/// Reads all numbered pages.
pub fn read_pages(reading: &Reading<'_>, per_page: u32, sink: &mut Sink<'_>) -> Result<(), Fault> {
    let mut emitted = HashSet::new();
    let mut coverage = Coverage::<()>::up_to_page(1, per_page, None);
    let mut guard = Guard::default();
    loop {
        let number = coverage.next_page();
        let page = reading.numbered_page(number, per_page)?;
        let is_fruitful = guard.read(&page.rows);
        coverage.go_on_when_stuck(&mut guard, reading.stream.name)?;
        let total_count = page.total_count;
        let is_all_before_read =
            coverage.read(number, page.per_page.unwrap_or(per_page), total_count, None);
        let is_last = is_last(&page, number, per_page);
        let is_behind_last = page.total_pages.is_some_and(|total| number > total);
        let mut rows = page.rows;
        rows.retain(|row| emitted.insert(row.id.clone()));
        // An endpoint without pages answers every request with the whole list.
        let are_all = total_count.is_some_and(|total| emitted.len() as u64 >= total);
        let is_repeated = rows.is_empty() && (is_behind_last || (are_all && !is_fruitful));
        sink(Batch {
            rows,
            total_count,
            ..Batch::default()
        })?;
        if is_all_before_read && (is_last || is_repeated) {
            return Ok(());
        }
    }
}
