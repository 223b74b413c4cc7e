//! Search endpoints: a query, sorted by `updated_at`, followed by cursors.
//!
//! Where dates may match by whole days, asking from a bookmark on can cost a day's worth of records
//! for nothing new. So the newest page is looked at first: where it already reaches below the
//! bound, it is the answer. Otherwise what is old is read oldest first, in pages that a killed run
//! resumes, and the last two days newest first, down to the bound.

use serde_json::json;

use super::ends::{Cursors, Promise};
use super::guard::Guard;
use super::order::{Direction, Order};
use super::reading::{Batch, Reading, Sink, unexpectedly_gone};
use super::sieve::Sieve;
use crate::tap::api::client::{ApiRequest, BadAnswer};
use crate::tap::fault::Fault;
use crate::tap::read::page::{Page, Row};
use crate::tap::read::places::Place;
use crate::tap::streams::DateMatching;
use crate::tap::time::EpochSeconds;

const HOUR: EpochSeconds = 3600;
/// What is older is read oldest first.
const RECENT: EpochSeconds = 48 * HOUR;
/// A whole day of any timezone, daylight saving included: asked for beyond each bound, since a day
/// that only touches the bound may not match.
const WHOLE_DAY_MARGIN: EpochSeconds = 25 * HOUR;
/// Whether `>` and `<` include their own second is not known for sure.
const SECOND_MARGIN: EpochSeconds = 1;
/// How far the run's start may be off, since both clocks tell whole seconds.
const CLOCK_MARGIN: EpochSeconds = 1;
/// So many pages after one had to be made smaller, a larger one is tried again.
const PAGES_UNTIL_LARGER: u32 = 20;
/// How often a page that ends too early is asked for again.
const MOST_EARLY_ENDS: u32 = 3;
/// How many pages are looked at for what may lie beyond an early end.
const MOST_PAGES_BEYOND: u32 = 5;

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
        is_unsorted: false,
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
    /// Whether it was told that the API doesn't keep to the order.
    is_unsorted: bool,
}

/// One sorted query whose pages are followed.
struct Query {
    lower: Option<EpochSeconds>,
    upper: Option<EpochSeconds>,
    direction: Direction,
    order: Order,
    cursors: Cursors,
    cursor: Option<String>,
    promise: Promise,
    guard: Guard,
}

/// What lies beyond a page that names no next one, though its totals promise more.
enum Beyond {
    /// Pages that a next one should have been named for.
    More,
    /// All that is left, read to a proper end: nothing, or what has come to places meanwhile where the
    /// cursor no longer leads, such as before the last record within its second.
    Whole(Vec<Row>),
}

impl Query {
    fn new(direction: Direction, lower: Option<EpochSeconds>, upper: Option<EpochSeconds>) -> Self {
        Self {
            lower,
            upper,
            direction,
            order: Order::new(direction),
            cursors: Cursors::default(),
            cursor: None,
            promise: Promise::default(),
            guard: Guard::default(),
        }
    }

    /// Whether all of a page, and so all behind it, lies below a bound, newest first.
    fn is_below(&self, page: &Page, lower: Option<EpochSeconds>) -> bool {
        self.order.is_kept()
            && page
                .newest()
                .zip(lower)
                .is_some_and(|(all, lower)| all < lower)
    }

    /// The same for all of a page, oldest first.
    fn is_from(&self, page: &Page, upper: Option<EpochSeconds>) -> bool {
        self.order.is_kept()
            && page
                .oldest()
                .zip(upper)
                .is_some_and(|(all, upper)| all >= upper)
    }
}

impl Search<'_> {
    fn read_around_days(&mut self, sink: &mut Sink<'_>) -> Result<(), Fault> {
        let end = self.reading.client.config().end_date;
        let mut query = Query::new(Direction::Descending, self.lower, end);
        let page = self.page(&mut query)?;
        let recent = self.reading.started() - RECENT;
        let reaches_below = query.order.is_kept() && page.oldest() < self.lower;
        if query.cursor.is_none() || reaches_below || self.lower >= Some(recent) {
            return self.read_newest_first(query, page, self.lower, sink);
        }
        self.read_oldest_first(Some(recent), sink)?;
        let mut query = Query::new(Direction::Descending, Some(recent), end);
        let page = self.page(&mut query)?;
        self.read_newest_first(query, page, Some(recent), sink)
    }

    /// Reads up to `until`, exclusive, or to the end. The bookmark follows the pages as long as they
    /// are in order, and waits for the end from where they aren't.
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
        let mut query = Query::new(Direction::Ascending, self.lower, upper);
        loop {
            let page = self.page(&mut query)?;
            // Records updated while this run reads move ahead of it; in a busy workspace they
            // would keep it busy for ever. They are the next run's.
            let is_of_now = page
                .oldest()
                .is_some_and(|oldest| oldest <= self.reading.client.now());
            let after_start = Some(self.reading.started() + 1 + CLOCK_MARGIN);
            if query.is_from(&page, upper) || (is_of_now && query.is_from(&page, after_start)) {
                break;
            }
            let position = query.order.verified();
            self.sieve.settle(position);
            let total_count = page.total_count;
            // What is newer than its place on a page isn't met again at its place.
            let rows = self.sieve.take(page.rows, self.lower, None);
            let is_moved = query.order.is_kept();
            let position = position.filter(|_| is_moved);
            sink(Batch {
                rows,
                marks: self.marks(position, upper),
                total_count,
            })?;
            if query.cursor.is_none() {
                break;
            }
        }
        // All of it is read, whatever its order was.
        if let Some(until) = until {
            let reached = self.sieve.reached();
            sink(Batch {
                marks: self.marks(reached, Some(until)),
                ..Batch::default()
            })?;
        }
        Ok(())
    }

    fn marks(&self, position: Option<EpochSeconds>, upper: Option<EpochSeconds>) -> Vec<Place> {
        let position = position.map(|position| upper.map_or(position, |upper| upper.min(position)));
        position.map_or_else(Vec::new, |position| self.sieve.marks_in_progress(position))
    }

    /// Reads down to `lower`. The bookmark can't move before that is done.
    fn read_newest_first(
        &mut self,
        mut query: Query,
        first_page: Page,
        lower: Option<EpochSeconds>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        self.sieve.settle_at_the_end();
        let mut page = first_page;
        loop {
            let is_done = query.cursor.is_none() || query.is_below(&page, lower);
            sink(Batch {
                total_count: page.total_count,
                rows: self.sieve.take(page.rows, lower, None),
                ..Batch::default()
            })?;
            if is_done {
                return Ok(());
            }
            page = self.page(&mut query)?;
        }
    }

    /// Asks for the next page of a query and moves its cursor.
    fn page(&mut self, query: &mut Query) -> Result<Page, Fault> {
        let mut early_ends = 0;
        let page = loop {
            let page = self.ask(query)?;
            if query.promise.pages == 0 || !query.promise.is_broken_by(&page, self.per_page(0)) {
                break page;
            }
            query.guard.read(&page.rows);
            match self.beyond(query, &page)? {
                Beyond::More => early_ends += 1,
                Beyond::Whole(rows) => {
                    let mut page = page;
                    page.rows.extend(rows);
                    break page;
                }
            }
            if early_ends == MOST_EARLY_ENDS {
                return Err(Fault::Stream(
                    "the API names no next page time and again, though more records follow".into(),
                ));
            }
        };
        query.promise.read(&page);
        query.guard.read(&page.rows);
        query.guard.check()?;
        if query.order.read(&page.rows) && !self.is_unsorted {
            self.is_unsorted = true;
            tracing::warn!(
                "{}: a page isn't sorted by updated_at as it was asked for; the bookmark waits until \
                 all of the query is read",
                self.reading.stream.name
            );
        }
        query.cursor = query.cursors.after(&page)?;
        Ok(page)
    }

    fn ask(&mut self, query: &Query) -> Result<Page, Fault> {
        let names = self.reading.names();
        let per_page = self.per_page(0);
        let (page, halvings) = self
            .reading
            .client
            .send_shrinking(
                &self.reading.client.full_effort(),
                |halvings| self.request(query, halvings),
                |body| {
                    let page = Page::parse(body, names)?;
                    // Later pages are looked into, since records come and go between them.
                    if query.promise.pages == 0 {
                        query.promise.check(&page, per_page)?;
                    }
                    Ok::<_, BadAnswer>(page)
                },
            )
            .map_err(unexpectedly_gone)?;
        self.reading.tell_odd(&page);
        self.sieve.pages += 1;
        self.pages_since_halving += 1;
        if halvings > 0 {
            self.halvings += halvings;
            self.pages_since_halving = 0;
        } else if self.halvings > 0 && self.pages_since_halving >= PAGES_UNTIL_LARGER {
            self.halvings -= 1;
            self.pages_since_halving = 0;
        }
        Ok(page)
    }

    /// What follows the last record of a page, though it says that nothing does: the same is asked from
    /// there on.
    fn beyond(&mut self, query: &Query, page: &Page) -> Result<Beyond, Fault> {
        let mut unread = Vec::new();
        let Some(last) = page.rows.iter().rev().find_map(|row| row.updated_at) else {
            return Ok(Beyond::More);
        };
        let (lower, upper) = match query.direction {
            Direction::Ascending => (Some(last), query.upper),
            Direction::Descending => (query.lower, Some(last + 1)),
        };
        // What changed since this run began may have come in between.
        let settled = self.reading.started() - CLOCK_MARGIN;
        let mut beyond = Query::new(query.direction, lower, upper);
        for _ in 0..MOST_PAGES_BEYOND {
            let page = self.ask(&beyond)?;
            let is_broken =
                beyond.promise.pages > 0 && beyond.promise.is_broken_by(&page, self.per_page(0));
            beyond.promise.read(&page);
            beyond.cursor = beyond.cursors.after(&page)?;
            unread.extend(page.rows.into_iter().filter(|row| {
                let is_within = row.updated_at.is_none_or(|updated_at| {
                    lower.is_none_or(|lower| updated_at >= lower)
                        && upper.is_none_or(|upper| updated_at < upper)
                        && updated_at < settled
                });
                is_within && !query.guard.has_met(row)
            }));
            if is_broken {
                return Ok(Beyond::More);
            }
            if beyond.cursor.is_none() {
                return Ok(Beyond::Whole(unread));
            }
        }
        Ok(Beyond::More)
    }

    fn per_page(&self, halvings: u32) -> u32 {
        let page_size = self.reading.client.config().page_size;
        page_size
            .checked_shr(self.halvings + halvings)
            .unwrap_or(0)
            .max(1)
    }

    fn request(&self, query: &Query, halvings: u32) -> ApiRequest {
        let per_page = self.per_page(halvings);
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
        let order = match query.direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        };
        let body = json!({
            "query": {"operator": "AND", "value": filters},
            "sort": {"field": "updated_at", "order": order},
            "pagination": pagination,
        });
        ApiRequest::Post(self.reading.path(""), body.to_string().into())
    }
}
