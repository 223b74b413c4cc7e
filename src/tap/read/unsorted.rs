//! Lists without an order: one answer, pages with cursors, or numbered pages on which a record may come
//! twice. Read whole, each record once, and no bookmark.

use std::collections::HashSet;

use super::coverage::Coverage;
use super::ends::{Cursors, Promise, is_last};
use super::envelope::Envelope;
use super::guard::Guard;
use super::page::{RecordJson, Row, text};
use super::reading::{Batch, BatchSink, Reading, unexpectedly_gone};
use crate::json::scanner::Scanner;
use crate::tap::api::client::{ApiRequest, BadAnswer};
use crate::tap::api::path::with_parameter;
use crate::tap::fault::Fault;

/// Reads a list that comes in one answer.
pub fn read_single(reading: &Reading<'_>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    let page = reading.get(reading.path(""))?;
    sink(Batch {
        total_count: Some(page.rows.len() as u64),
        rows: page.rows,
        ..Batch::default()
    })
}

/// Reads an object, which is the only record.
pub fn read_object(reading: &Reading<'_>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    give_all(object(reading)?, sink)
}

/// Reads a list of texts, each of which becomes a record.
pub fn read_texts(reading: &Reading<'_>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    give_all(texts(reading)?, sink)
}

/// The one object.
pub fn object(reading: &Reading<'_>) -> Result<Vec<Row>, Fault> {
    let names = reading.names();
    one_answer(reading, |body| {
        Ok(vec![Row::parse(RecordJson::owned(text(body)?), names)?])
    })
}

/// The records of the texts.
pub fn texts(reading: &Reading<'_>) -> Result<Vec<Row>, Fault> {
    let names = reading.names();
    one_answer(reading, |body| {
        let body = text(body)?;
        let envelope = Envelope::parse(&body, names.records_at, Scanner::value)?;
        let texts = envelope
            .records
            .ok_or_else(|| BadAnswer(format!("the answer has no list `{}`", names.records_at)))?;
        let record = |text: &&str| RecordJson::owned(format!("{{\"{}\":{text}}}", names.key));
        let rows = texts.iter().map(|text| Row::parse(record(text), names));
        rows.collect()
    })
}

fn one_answer(
    reading: &Reading<'_>,
    rows: impl Fn(Vec<u8>) -> Result<Vec<Row>, BadAnswer>,
) -> Result<Vec<Row>, Fault> {
    let request = ApiRequest::Get(reading.path(""));
    reading
        .client
        .send(&request, rows)
        .map_err(unexpectedly_gone)
}

fn give_all(rows: Vec<Row>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    sink(Batch {
        total_count: Some(rows.len() as u64),
        rows,
        ..Batch::default()
    })
}

/// Reads all pages with cursors.
pub fn read_cursors(
    reading: &Reading<'_>,
    per_page: u32,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let first = reading.path(&format!("per_page={per_page}"));
    let mut emitted = HashSet::new();
    let mut cursors = Cursors::default();
    let mut promise = Promise::default();
    let mut guard = Guard::default();
    let mut request = first.clone();
    loop {
        let page = reading.get_if(request, |page| promise.check(page, per_page))?;
        promise.read(&page);
        guard.read(&page.rows);
        guard.check()?;
        let cursor = cursors.after(&page)?;
        let mut rows = page.rows;
        rows.retain(|row| emitted.insert(row.id.clone()));
        sink(Batch {
            rows,
            total_count: page.total_count,
            ..Batch::default()
        })?;
        let Some(cursor) = cursor else {
            return Ok(());
        };
        request = with_parameter(&first, "starting_after", &cursor);
    }
}

/// Reads all numbered pages.
pub fn read_pages(
    reading: &Reading<'_>,
    per_page: u32,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let mut emitted = HashSet::new();
    let mut coverage = Coverage::<()>::up_to_page(1, per_page, None);
    let mut guard = Guard::default();
    loop {
        let asked = coverage.next_page();
        let page = reading.numbered_page(asked.number, asked.per_page)?;
        let is_fruitful = guard.read(&page.rows);
        coverage.go_on_when_stuck(&mut guard, reading.stream.name)?;
        let total_count = page.total_count;
        let per_page_given = page.size(asked.per_page);
        let is_all_before_read = coverage.read(asked, per_page_given, total_count, None);
        let is_last = is_last(&page, asked.number, asked.per_page);
        let is_behind_last = page.total_pages.is_some_and(|total| asked.number > total);
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
