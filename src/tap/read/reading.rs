//! What every way of reading works with: the stream, where its outputs stand, requests for pages, and
//! how far a bookmark may go.

use serde_json::json;

use super::page::{Names, Page, Row};
use super::places::Place;
use crate::cli::foreign::told;
use crate::singer::metrics;
use crate::tap::api::client::{ApiRequest, BadAnswer, Client};
use crate::tap::api::path::{path_segment, with_query};
use crate::tap::fault::Fault;
use crate::tap::plan::Output;
use crate::tap::streams::{Child, Stream};
use crate::tap::time::EpochSeconds;

/// Records to emit, and what the state remembers when that is done.
#[derive(Debug, Default)]
pub struct Batch {
    /// New records, in the order of emission.
    pub rows: Vec<Row>,
    /// Where outputs stand once `rows` and all batches before are emitted, as far as they moved.
    pub marks: Vec<Place>,
    /// How many records the API says there are in all, where it does.
    pub total_count: Option<u64>,
    /// So many places of the list, of this run and of earlier ones, couldn't be had.
    pub holes: u64,
}

/// What one reading of a stream works with.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The row of the table.
    pub stream: &'static Stream,
    /// The path of the endpoint that is asked: the row's, or that of another that has the same records.
    pub path: &'static str,
    /// How its own records are emitted, where that makes a difference to what is asked for.
    pub output: Option<&'a Output>,
    /// The client.
    pub client: &'a Client,
    /// Where the outputs that are emitted stand; at least one.
    pub places: &'a [Place],
    /// What was emitted of records from then on is remembered, however far the bookmark comes.
    pub remembered_from: Option<EpochSeconds>,
    /// When this run started, by the clock of this machine.
    pub started_here: EpochSeconds,
    /// What this one list is of, where the stream has several.
    pub one: Option<&'a str>,
    /// The children that are emitted; the place of each among them is that of its output.
    pub children: &'a [&'static Child],
    /// Whether it must be read whole or not at all.
    pub is_whole_list: bool,
}

/// Where batches go; it says so when nobody wants them any more.
pub type BatchSink<'a> = dyn FnMut(Batch) -> Result<(), Fault> + 'a;

impl Reading<'_> {
    /// Where a bookmark is ahead of this machine's clock, one of the two is wrong: the API's clock
    /// says which, and before the first answer it isn't known.
    pub(super) fn learn_the_time(&self) -> Result<(), Fault> {
        let is_ahead = || self.places.iter().any(|place| self.is_ahead(place));
        if is_ahead() {
            self.client.ask_the_time().map_err(unexpectedly_gone)?;
        }
        if is_ahead() {
            tracing::warn!(
                "the bookmark of {} is in the future; reading what was updated from the run's \
                 start less the look-back on",
                self.stream.name
            );
        }
        Ok(())
    }

    /// When this run started, by the API's clock: instants of records are compared with it.
    pub(super) fn started(&self) -> EpochSeconds {
        self.started_here + self.client.clock_ahead()
    }

    pub(super) fn names(&self) -> Names {
        Names::of(self.stream)
    }

    /// The endpoint's path with this and what else belongs to its query.
    pub(super) fn path(&self, query: &str) -> String {
        let path = match self.one {
            Some(one) => self.path.replace("{each}", &path_segment(one)),
            None => self.path.to_owned(),
        };
        let by_settings = (self.stream.query)(self.client.config());
        with_query(&with_query(&path, by_settings.unwrap_or_default()), query)
    }

    pub(super) fn get(&self, path_and_query: String) -> Result<Page, Fault> {
        self.get_if(path_and_query, |_| Ok(()))
    }

    /// The same, asked for again where `check` finds that it can't be what the API meant.
    pub(super) fn get_if(
        &self,
        path_and_query: String,
        check: impl Fn(&Page) -> Result<(), BadAnswer>,
    ) -> Result<Page, Fault> {
        let names = self.names();
        let page = self
            .client
            .send(&ApiRequest::Get(path_and_query), |body| {
                let page = Page::parse(body, names)?;
                check(&page)?;
                Ok(page)
            })
            .map_err(unexpectedly_gone)?;
        self.tell_odd(&page);
        Ok(page)
    }

    /// Says what of a page can't be emitted.
    pub(super) fn tell_odd(&self, page: &Page) {
        let Some((what, count)) = &page.odd else {
            return;
        };
        let name = self.stream.name;
        tracing::warn!(
            "{name}: {count} of the records in an answer can't be told apart and are left out: {}",
            told(what)
        );
        let tags = json!({"stream": name});
        metrics::counter("records_skipped", *count as u64, &tags);
    }

    pub(super) fn numbered_page(&self, number: u32, per_page: u32) -> Result<Page, Fault> {
        self.get(self.path(&format!("page={number}&per_page={per_page}")))
    }

    /// Where an output stands, unless it can't be true.
    pub(super) fn known(&self, place: &Place) -> Option<EpochSeconds> {
        place
            .bookmark
            .replication_key_value
            .filter(|bookmark| *bookmark <= self.started())
    }

    /// Whether an output stands in the future.
    pub(super) fn is_ahead(&self, place: &Place) -> bool {
        place.bookmark.replication_key_value > Some(self.started())
    }

    /// The inclusive lower bound of `updated_at` for what stands at a place.
    pub(super) fn lower_bound_of(&self, place: &Place) -> Option<EpochSeconds> {
        let config = self.client.config();
        if self.is_ahead(place) {
            return Some(self.started() - config.lookback_seconds);
        }
        let Some(bookmark) = self.known(place) else {
            return config.start_date;
        };
        if place.bookmark.in_progress {
            return Some(bookmark);
        }
        let lower = bookmark - config.lookback_seconds;
        // Looking back doesn't reach behind where the first run was told to begin.
        let start = config.start_date.filter(|start| *start <= bookmark);
        Some(start.map_or(lower, |start| lower.max(start)))
    }

    /// The inclusive lower bound of `updated_at` for all that is emitted.
    pub(super) fn lower_bound(&self) -> Option<EpochSeconds> {
        let bounds = self.places.iter().map(|place| self.lower_bound_of(place));
        bounds.min().flatten()
    }

    /// The newest the bookmark may become: what was updated later may still be unindexed, or isn't
    /// wanted by this run.
    pub(super) fn newest_bookmark(&self) -> EpochSeconds {
        let config = self.client.config();
        let indexed = self.started() - config.lookback_seconds;
        config.end_date.map_or(indexed, |end| indexed.min(end))
    }
}

/// A list that isn't there is a fault of the stream; only details may be gone.
pub(super) fn unexpectedly_gone(fault: Fault) -> Fault {
    match fault {
        Fault::Gone { message, .. } => Fault::Stream(format!(
            "{message}; this version of the API or the workspace's plan may not have it"
        )),
        other => other,
    }
}
