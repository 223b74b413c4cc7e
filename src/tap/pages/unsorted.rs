//! Lists without an order: one answer, or numbered pages on which a record may come twice. Read
//! whole, each record once, and no bookmark.

use std::collections::HashSet;

use super::{Batch, Fault, Reading, Sink, is_last, pages_to_step_back};

/// Reads a list that comes in one answer.
pub fn read_single(reading: &Reading<'_>, sink: &mut Sink<'_>) -> Result<(), Fault> {
    let page = reading.get(reading.path(""))?;
    sink(Batch {
        total_count: Some(page.rows.len() as u64),
        rows: page.rows,
        bookmark: None,
    })
}

/// Reads all numbered pages.
pub fn read_pages(reading: &Reading<'_>, per_page: u32, sink: &mut Sink<'_>) -> Result<(), Fault> {
    let mut emitted = HashSet::new();
    let mut total_count = None;
    let mut number = 1;
    loop {
        let page = reading.numbered_page(number, per_page)?;
        let back = pages_to_step_back(total_count, page.total_count, per_page).min(number - 1);
        total_count = page.total_count;
        if back > 0 {
            number -= back;
            continue;
        }
        let is_last = is_last(&page, number, per_page);
        let mut rows = page.rows;
        rows.retain(|row| emitted.insert(row.id.clone()));
        sink(Batch {
            rows,
            bookmark: None,
            total_count,
        })?;
        if is_last {
            return Ok(());
        }
        number += 1;
    }
}
