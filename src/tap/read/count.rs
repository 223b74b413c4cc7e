//! How much a stream would give, by a request or two for each of its lists, without reading it.

use super::amount::Amount;
use super::between;
use super::counted::Counted;
use super::export;
use super::kept_cursor;
use super::numbered;
use super::places::Place;
use super::reading::{Reading, unexpectedly_gone};
use super::scroll_or_search;
use super::search;
use super::unsorted;
use crate::tap::api::client::{ApiRequest, Client};
use crate::tap::api::path::with_parameter;
use crate::tap::fault::Fault;
use crate::tap::streams::{DateMatching, ExportJobs, ExportOf, Paging, Stream};
use crate::tap::time::EpochSeconds;

/// Counts a stream that is read from these places on. Where `wants_sample`, a page of it is looked at,
/// else as little as the API lets.
pub fn count_stream(
    stream: &'static Stream,
    client: &Client,
    places: &[Place],
    started_here: EpochSeconds,
    wants_sample: bool,
) -> Result<Counted, Fault> {
    let client = &client.in_version(stream.api_version);
    let count_one = |one| {
        let reading = Reading {
            stream,
            path: stream.path,
            output: None,
            client,
            places,
            remembered_from: None,
            started_here,
            one,
            children: &[],
            is_whole_list: false,
        };
        reading.learn_the_time()?;
        count(&reading, wants_sample)
    };
    let Some(values) = stream.for_each else {
        return count_one(None);
    };
    let mut sum = Counted::of(Amount::NONE, Amount::NONE, Vec::new());
    for value in values(client.config()) {
        let counted = count_one(Some(value.as_str()))?;
        sum.records = sum.records.plus(counted.records);
        sum.requests = sum.requests.plus(counted.requests);
        sum.sample.extend(counted.sample);
        sum.unknown = sum.unknown.or(counted.unknown);
    }
    Ok(sum)
}

fn count(reading: &Reading<'_>, wants_sample: bool) -> Result<Counted, Fault> {
    match reading.stream.paging {
        Paging::Single => {
            let page = reading.get(reading.path(""))?;
            Ok(Counted::whole(page.rows))
        }
        Paging::Object => unsorted::object(reading).map(Counted::whole),
        Paging::Texts => unsorted::texts(reading).map(Counted::whole),
        Paging::FoundByAudits => Ok(Counted::whole(Vec::new()).without_requests()),
        Paging::Search(matching) => {
            let page_size = reading.client.config().page_size;
            let is_day = matching == DateMatching::PerhapsWholeDays;
            let rows = if wants_sample || is_day { page_size } else { 1 };
            search::count(reading, matching, rows)
        }
        Paging::NewestFirst {
            per_page,
            overlap_pages,
        } => numbered::count(reading, per_page, overlap_pages(reading.client.config())),
        Paging::Unsorted { per_page } => {
            let page = reading.numbered_page(1, per_page)?;
            Ok(Counted::of_first_page(reading, page, per_page))
        }
        Paging::Cursors { per_page } => {
            let first = reading.path(&format!("per_page={per_page}"));
            cursors(reading, first, per_page)
        }
        Paging::CursorSince { per_page, since } => {
            let mut first = reading.path(&format!("per_page={per_page}"));
            if let Some(lower) = reading.lower_bound() {
                first = with_parameter(&first, since, &(lower - 1).to_string());
            }
            cursors(reading, first, per_page)
        }
        Paging::KeptCursor { per_page } => kept_cursor::count(reading, per_page),
        Paging::Between { per_page, bounds } => {
            let Some((page, is_all)) = between::newest_span(reading, per_page, bounds)? else {
                return Ok(Counted::of(Amount::NONE, Amount::NONE, Vec::new()));
            };
            let mut counted = Counted::of_first_page(reading, page, per_page);
            if !is_all {
                counted.records = Amount::at_least(counted.records.least);
                counted.requests = Amount::at_least(counted.requests.least + 1);
                counted.unknown = Some("only the last 30 days were asked for");
            }
            Ok(counted)
        }
        Paging::Scroll { search, most_days } => {
            let days = most_days(reading.client.config());
            scroll_or_search::count(reading, search, days)
        }
        Paging::ExportJobs(jobs) => {
            export_permission(reading.client, &jobs)?;
            Ok(Counted {
                unknown: Some("it is exported by jobs of the server"),
                ..Counted::of(Amount::at_least(0), Amount::at_least(1), Vec::new())
            })
        }
    }
}

fn cursors(reading: &Reading<'_>, first: String, per_page: u32) -> Result<Counted, Fault> {
    let page = reading.get(first)?;
    Ok(Counted::of_first_page(reading, page, per_page))
}

/// Whether exports may be asked for: a job would take the server's time, so one is asked after that
/// there isn't, or what the workspace has of a dataset.
pub fn export_permission(client: &Client, jobs: &ExportJobs) -> Result<(), Fault> {
    if let ExportOf::Dataset { id, listed_at } = jobs.of {
        return export::dataset(client, listed_at, id).map(|_| ());
    }
    let path = jobs.status.replace("{job}", "none");
    match client.send(&ApiRequest::Get(path), |_| Ok(())) {
        Ok(()) | Err(Fault::Gone { .. }) => Ok(()),
        Err(fault) => Err(unexpectedly_gone(fault)),
    }
}
