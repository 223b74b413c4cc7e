//! Pages with opaque cursors of what changed since an instant in the query, newest first: a record
//! that changes meanwhile moves ahead of what is read, and the next run meets it. The bookmark can't
//! move before all is read.

use super::ends::{Cursors, Promise};
use super::guard::Guard;
use super::reading::{Batch, BatchSink, Reading};
use super::sieve::Sieve;
use crate::tap::api::path::with_parameter;
use crate::tap::fault::Fault;
use crate::tap::time::EpochSeconds;

/// Reads the stream; `since` is the query's parameter for the instant.
pub fn read(
    reading: &Reading<'_>,
    per_page: u32,
    since: &str,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let lower = reading.lower_bound();
    let mut first = reading.path(&format!("per_page={per_page}"));
    if let Some(lower) = lower {
        // What changed at that very second may count as not after it.
        let after = (lower - 1).max(EpochSeconds::EPOCH);
        first = with_parameter(&first, since, &after.to_string());
    }
    let mut sieve = Sieve::new(reading);
    let mut cursors = Cursors::default();
    let mut promise = Promise::default();
    let mut guard = Guard::default();
    let mut cursor: Option<String> = None;
    loop {
        let request = match &cursor {
            None => first.clone(),
            Some(cursor) => with_parameter(&first, "starting_after", cursor),
        };
        let page = reading.get_if(request, |page| promise.check(page, per_page))?;
        promise.read(&page);
        guard.read(&page.rows);
        guard.check()?;
        sieve.pages += 1;
        cursor = cursors.after(&page)?;
        sink(Batch {
            total_count: page.total_count,
            rows: sieve.take(page.rows, lower, None),
            ..Batch::default()
        })?;
        if cursor.is_none() {
            return sink(sieve.end());
        }
    }
}
