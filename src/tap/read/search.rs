//! Search endpoints: a query, sorted by `updated_at`, followed by cursors.
//!
//! Where dates may match by whole days, asking from a bookmark on can cost a day's worth of records
//! for nothing new. So the newest page is looked at first: where it already reaches below the
//! bound, it is the answer. Otherwise what is old is read oldest first, in pages that a killed run
//! resumes, and the last two days newest first, down to the bound.

use serde_json::json;

use super::sieve::Sieve;
use super::{Batch, Cursors, Fault, Reading, Sink, unexpectedly_gone};
use crate::tap::api::client::ApiRequest;
use crate::tap::read::page::Page;
use crate::tap::streams::DateMatching;
use crate::tap::time::{self, EpochSeconds};

const HOUR: EpochSeconds = 3600;
/// What is older is read oldest first.
const RECENT: EpochSeconds = 48 * HOUR;
/// A whole day of any timezone, daylight saving included: asked for beyond each bound, since a day
/// that only touches the bound may not match.
const WHOLE_DAY_MARGIN: EpochSeconds = 25 * HOUR;
/// Whether `>` and `<` include their own second is not known for sure.
const SECOND_MARGIN: EpochSeconds = 1;
/// So many pages after one had to be made smaller, a larger one is tried again.
const PAGES_UNTIL_LARGER: u32 = 20;

/// Reads the stream.
pub fn read(
    reading: &Reading<'_>,
    matching: DateMatching,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let lower = reading.lower_bound();
    let mut search = Search {
        reading,
        margin: match matching {
            DateMatching::Seconds => SECOND_MARGIN,
            DateMatching::PerhapsWholeDays => WHOLE_DAY_MARGIN,
        },
        lower,
        sieve: Sieve::new(reading),
        halvings: 0,
        pages_since_halving: 0,
    };
    match matching {
        DateMatching::Seconds => search.read_oldest_first(None, sink)?,
        DateMatching::PerhapsWholeDays => search.read_around_days(sink)?,
    }
    sink(search.sieve.end())
}

struct Search<'a> {
    reading: &'a Reading<'a>,
    margin: EpochSeconds,
    /// Inclusive.
    lower: Option<EpochSeconds>,
    sieve: Sieve<'a>,
    halvings: u32,
    pages_since_halving: u32,
}

/// One sorted query whose pages are followed.
struct Query {
    lower: Option<EpochSeconds>,
    upper: Option<EpochSeconds>,
    order: &'static str,
    cursors: Cursors,
    cursor: Option<String>,
}

impl Query {
    fn new(order: &'static str, lower: Option<EpochSeconds>, upper: Option<EpochSeconds>) -> Self {
        Self {
            lower,
            upper,
            order,
            cursors: Cursors::default(),
            cursor: None,
        }
    }
}

impl Search<'_> {
    fn read_around_days(&mut self, sink: &mut Sink<'_>) -> Result<(), Fault> {
        let end = self.reading.client.config().end_date;
        let mut query = Query::new("descending", self.lower, end);
        let page = self.page(&mut query)?;
        if query.cursor.is_none() || reaches_below(&page, self.lower) {
            return self.emit(page, self.lower, None, sink);
        }
        let recent = self.reading.started - RECENT;
        if self.lower.is_some_and(|lower| lower >= recent) {
            return self.read_newest_first(query, page, self.lower, sink);
        }
        self.read_oldest_first(Some(recent), sink)?;
        let mut query = Query::new("descending", Some(recent), end);
        let page = self.page(&mut query)?;
        self.read_newest_first(query, page, Some(recent), sink)
    }

    /// Reads up to `until`, exclusive, or to the end. The bookmark moves with every page.
    fn read_oldest_first(
        &mut self,
        until: Option<EpochSeconds>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let end = self.reading.client.config().end_date;
        let upper = match (until, end) {
            (Some(until), Some(end)) => Some(until.min(end)),
            (until, end) => until.or(end),
        };
        let mut query = Query::new("ascending", self.lower, upper);
        loop {
            let page = self.page(&mut query)?;
            let first = page.rows.first().and_then(|row| row.updated_at);
            let last = page.rows.last().and_then(|row| row.updated_at);
            // Records updated while this run reads move ahead of it; in a busy workspace they
            // would keep it busy for ever. They are the next run's.
            if until.is_none()
                && first.is_some_and(|first| first > self.reading.started && first <= time::now())
            {
                return Ok(());
            }
            self.emit(page, self.lower, upper, sink)?;
            let is_past = last.zip(upper).is_some_and(|(last, upper)| last >= upper);
            if is_past || query.cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads down to `lower`. The bookmark can't move before that is done.
    fn read_newest_first(
        &mut self,
        mut query: Query,
        first_page: Page,
        lower: Option<EpochSeconds>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let mut page = first_page;
        loop {
            let is_done = query.cursor.is_none() || reaches_below(&page, lower);
            let total_count = page.total_count;
            let rows = self.sieve.take(page, lower, None);
            sink(Batch {
                rows,
                bookmark: None,
                total_count,
            })?;
            if is_done {
                return Ok(());
            }
            page = self.page(&mut query)?;
        }
    }

    fn emit(
        &mut self,
        page: Page,
        lower: Option<EpochSeconds>,
        upper: Option<EpochSeconds>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let total_count = page.total_count;
        let rows = self.sieve.take(page, lower, upper);
        sink(Batch {
            rows,
            bookmark: self.sieve.bookmark_in_progress(),
            total_count,
        })
    }

    /// Asks for the next page of a query and moves its cursor.
    fn page(&mut self, query: &mut Query) -> Result<Page, Fault> {
        let names = self.reading.names();
        let (page, halvings) = self
            .reading
            .client
            .send_shrinking(
                &self.reading.client.full_effort(),
                |halvings| self.request(query, halvings),
                |body| Page::parse(body, names),
            )
            .map_err(unexpectedly_gone)?;
        self.sieve.pages += 1;
        self.pages_since_halving += 1;
        if halvings > 0 {
            self.halvings += halvings;
            self.pages_since_halving = 0;
        } else if self.halvings > 0 && self.pages_since_halving >= PAGES_UNTIL_LARGER {
            self.halvings -= 1;
            self.pages_since_halving = 0;
        }
        query.cursor = query.cursors.after(&page)?;
        Ok(page)
    }

    fn request(&self, query: &Query, halvings: u32) -> ApiRequest {
        let page_size = self.reading.client.config().page_size;
        let per_page = page_size
            .checked_shr(self.halvings + halvings)
            .unwrap_or(0)
            .max(1);
        let after = query.lower.map_or(0, |lower| (lower - self.margin).max(0));
        let mut filters = vec![json!({"field": "updated_at", "operator": ">", "value": after})];
        if let Some(upper) = query.upper {
            let before = upper + self.margin;
            filters.push(json!({"field": "updated_at", "operator": "<", "value": before}));
        }
        let mut pagination = json!({"per_page": per_page});
        if let Some(cursor) = &query.cursor {
            pagination["starting_after"] = json!(cursor);
        }
        let body = json!({
            "query": {"operator": "AND", "value": filters},
            "sort": {"field": "updated_at", "order": query.order},
            "pagination": pagination,
        });
        ApiRequest::Post(self.reading.path(""), body.to_string().into())
    }
}

/// Whether a page, newest first, holds a record below the bound, so that all behind it are too.
fn reaches_below(page: &Page, lower: Option<EpochSeconds>) -> bool {
    let last = page.rows.last().and_then(|row| row.updated_at);
    last.zip(lower).is_some_and(|(last, lower)| last < lower)
}
