//! One sorted query, page by page: each page tells the cursor of the next. Judges what answers say of
//! their order and of their end; knows nothing of what was emitted.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::plan::{Slice, Unit};
use super::poison;
use super::waiting::Piece;
use crate::tap::api::client::{ApiRequest, BadAnswer, Effort};
use crate::tap::fault::Fault;
use crate::tap::read::ends::{Cursors, Promise};
use crate::tap::read::guard::Guard;
use crate::tap::read::order::{Direction, Order};
use crate::tap::read::page::{Page, Row};
use crate::tap::read::reading::{Reading, unexpectedly_gone};
use crate::tap::time::EpochSeconds;

/// How far the run's start may be off, since both clocks tell whole seconds.
const CLOCK_MARGIN: EpochSeconds = 1;
/// So many pages after one had to be made smaller, a larger one is tried again.
const PAGES_UNTIL_LARGER: u32 = 20;
/// How often a page that ends too early is asked for again.
const MOST_EARLY_ENDS: u32 = 3;
/// How many pages are looked at for what may lie beyond an early end.
const MOST_PAGES_BEYOND: u32 = 5;
/// Tries of a request that may hold what can't be had.
const CAREFUL_TRIES: u32 = 2;
/// So many places at which something can't be had are no longer one record or another.
const MOST_HOLES: u32 = 20;
/// So many failures in looking for them neither.
const MOST_FAILURES: u32 = 2_000;
/// Nothing was updated in the year 2100.
const NEVER: EpochSeconds = 4_102_444_800;

/// What all chains of one search share.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The stream.
    pub reading: &'a Reading<'a>,
    size: Mutex<Size>,
    pages: AtomicU32,
    rows: AtomicU64,
    holes: AtomicU32,
    failures: AtomicU32,
    /// Whether it was told that the API doesn't keep to the order.
    is_unsorted: AtomicBool,
}

/// How large pages are.
#[derive(Debug, Default)]
struct Size {
    halvings: u32,
    pages_since_halving: u32,
}

/// A query whose pages are followed.
#[derive(Debug)]
pub struct Chain {
    slice: Slice,
    direction: Direction,
    order: Order,
    cursors: Cursors,
    cursor: Option<String>,
    promise: Promise,
    guard: Guard,
    /// Rows of the page asked for last.
    asked: u32,
    /// Rows of the page to be asked for next, where care is taken.
    care: Option<u32>,
    /// Why the last request failed, once one did.
    failure: Option<String>,
    total_count: Option<u64>,
    rows: u64,
}

/// What lies beyond a page that names no next one, though its totals promise more.
enum Beyond {
    /// Pages that a next one should have been named for.
    More,
    /// All that is left, read to a proper end: nothing, or what has come to places meanwhile where the
    /// cursor no longer leads, such as before the last record within its second.
    Whole(Vec<Row>),
}

impl<'a> Asking<'a> {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(reading: &'a Reading<'a>) -> Self {
        Self {
            reading,
            size: Mutex::default(),
            pages: AtomicU32::new(0),
            rows: AtomicU64::new(0),
            holes: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            is_unsorted: AtomicBool::new(false),
        }
    }

    /// How many pages were read.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Rows of a page that was halved so often.
    #[must_use]
    pub fn per_page(&self, halvings: u32) -> u32 {
        let halvings = halvings + self.size().halvings;
        let page_size = self.reading.client.config().page_size;
        page_size.checked_shr(halvings).unwrap_or(0).max(1)
    }

    fn size(&self) -> std::sync::MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page came after so many halvings.
    fn resize(&self, halvings: u32) {
        let mut size = self.size();
        size.pages_since_halving += 1;
        if halvings > 0 {
            size.halvings += halvings;
            size.pages_since_halving = 0;
        } else if size.halvings > 0 && size.pages_since_halving >= PAGES_UNTIL_LARGER {
            size.halvings -= 1;
            size.pages_since_halving = 0;
        }
    }

    fn ask(&self, chain: &mut Chain) -> Result<Page, Fault> {
        let answer = match chain.care {
            None => self.ask_with_all_effort(chain),
            Some(rows) => self.ask_with_care(chain, rows),
        };
        let page = match answer {
            Ok(page) => page,
            Err(fault) => {
                if let Fault::Stream(why) | Fault::Gone { message: why } = &fault {
                    chain.failure = Some(why.clone());
                }
                return Err(unexpectedly_gone(fault));
            }
        };
        self.reading.tell_odd(&page);
        self.pages.fetch_add(1, Ordering::Relaxed);
        let rows = page.rows.len() as u64;
        self.rows.fetch_add(rows, Ordering::Relaxed);
        Ok(page)
    }

    fn ask_with_all_effort(&self, chain: &mut Chain) -> Result<Page, Fault> {
        let names = self.reading.names();
        chain.asked = self.per_page(0);
        let chain = &*chain;
        let (page, halvings) = self.reading.client.send_shrinking(
            &self.reading.client.full_effort(),
            |halvings| self.request(chain, self.per_page(halvings)),
            |body| chain.checked(Page::parse(body, names)?),
        )?;
        self.resize(halvings);
        Ok(page)
    }

    fn ask_with_care(&self, chain: &mut Chain, rows: u32) -> Result<Page, Fault> {
        let names = self.reading.names();
        let effort = Effort {
            attempts: CAREFUL_TRIES.min(self.reading.client.config().max_attempts),
            ..self.reading.client.full_effort()
        };
        let mut rows = rows.min(self.per_page(0));
        loop {
            chain.asked = rows;
            let answer =
                self.reading
                    .client
                    .try_hard(&self.request(chain, rows), &effort, |body| {
                        chain.checked(Page::parse(body, names)?)
                    });
            chain.care = Some(match &answer {
                Ok(_) => (2 * rows).min(self.per_page(0)),
                Err(_) => 1,
            });
            match answer {
                Err(Fault::Stream(_) | Fault::Gone { .. }) if rows > 1 => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    rows = (rows / 4).max(1);
                }
                answer => return answer,
            }
        }
    }

    /// Whether the search answers at all, now, so that it is what lies on a page that can't be had.
    pub fn is_answering(&self) -> Result<bool, Fault> {
        let config = self.reading.client.config();
        let window = Slice::window(self.reading.lower_bound(), config.end_date, Unit::Day);
        if poison::another_page(self, window)?.is_some() {
            return Ok(true);
        }
        if self.rows.load(Ordering::Relaxed) == 0 {
            return Ok(false);
        }
        // It answered before, and both ends of what there is may be what can't be had.
        let nothing = Slice::window(Some(NEVER), None, Unit::Second);
        let mut chain = Chain::new(Direction::Ascending, nothing);
        chain.take_care(1);
        match chain.page(self) {
            Ok(_) => Ok(true),
            Err(fault) => chain.take_failure().map_or(Err(fault), |_| Ok(false)),
        }
    }

    /// Something can't be had.
    pub fn count_hole(&self) -> Result<(), Fault> {
        if self.holes.fetch_add(1, Ordering::Relaxed) < MOST_HOLES {
            return Ok(());
        }
        Err(Fault::Stream(format!(
            "records at more than {MOST_HOLES} places can't be read: that isn't one record or another"
        )))
    }

    /// Whether it makes sense to go on looking.
    pub fn check_failures(&self) -> Result<(), Fault> {
        if self.failures.load(Ordering::Relaxed) < MOST_FAILURES {
            return Ok(());
        }
        Err(Fault::Stream(format!(
            "more than {MOST_FAILURES} requests failed in looking for records that can't be read"
        )))
    }

    fn request(&self, chain: &Chain, per_page: u32) -> ApiRequest {
        let after = chain.slice.after();
        let mut filters = vec![json!({"field": "updated_at", "operator": ">", "value": after})];
        if let Some(before) = chain.slice.before() {
            filters.push(json!({"field": "updated_at", "operator": "<", "value": before}));
        }
        let mut pagination = json!({"per_page": per_page});
        if let Some(cursor) = &chain.cursor {
            pagination["starting_after"] = json!(cursor);
        }
        let order = match chain.direction {
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

    fn tell_unsorted(&self) {
        if !self.is_unsorted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{}: a page isn't sorted by updated_at as it was asked for; the bookmark waits until \
                 all of the query is read",
                self.reading.stream.name
            );
        }
    }
}

impl Chain {
    /// Before its first page.
    #[must_use]
    pub fn new(direction: Direction, slice: Slice) -> Self {
        Self {
            slice,
            direction,
            order: Order::new(direction),
            cursors: Cursors::default(),
            cursor: None,
            promise: Promise::default(),
            guard: Guard::default(),
            asked: 0,
            care: None,
            failure: None,
            total_count: None,
            rows: 0,
        }
    }

    /// From now on, takes care of what can't be had: pages begin with so many rows, grow as long as they
    /// come, and shrink where they don't.
    pub fn take_care(&mut self, rows: u32) {
        self.care = Some(rows.max(1));
    }

    /// Why the last request failed, where it is a request that did. The chain stays where it was.
    pub fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// Whether the last request failed, and not something else.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Which part of the window it reads.
    #[must_use]
    pub fn slice(&self) -> Slice {
        self.slice
    }

    /// Which way it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// How many rows the slice has, by the API's count.
    #[must_use]
    pub fn total_count(&self) -> Option<u64> {
        self.total_count
    }

    /// How many rows were read.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// So many of the rows read don't count.
    pub fn discount(&mut self, rows: usize) {
        self.rows = self.rows.saturating_sub(rows as u64);
    }

    /// Whether this row was met.
    #[must_use]
    pub fn has_met(&self, row: &Row) -> bool {
        self.guard.has_met(row)
    }

    /// Nothing up to here, in its direction, is still to come.
    #[must_use]
    pub fn reached(&self) -> Option<EpochSeconds> {
        self.order.verified()
    }

    /// Whether nothing behind a page is wanted.
    #[must_use]
    pub fn is_done(&self, asking: &Asking<'_>, page: &Page) -> bool {
        let is_beyond = match self.direction {
            Direction::Ascending => self.is_beyond(asking, page),
            Direction::Descending => self.is_below(page, self.slice.from),
        };
        self.is_over() || is_beyond
    }

    /// Whether no page follows the last one read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.cursor.is_none()
    }

    /// Whether all pages so far were in order.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.order.is_kept()
    }

    /// Whether all of a page, and so all behind it, lies below a bound, newest first.
    #[must_use]
    pub fn is_below(&self, page: &Page, lower: Option<EpochSeconds>) -> bool {
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

    /// Whether nothing from a page on is wanted. Records updated while this run reads move ahead of it;
    /// in a busy workspace they would keep it busy for ever. They are the next run's.
    fn is_beyond(&self, asking: &Asking<'_>, page: &Page) -> bool {
        let upper = self.slice.to.filter(|_| self.slice.is_last);
        let is_of_now = page
            .oldest()
            .is_some_and(|oldest| oldest <= asking.reading.client.now());
        let after_start = Some(asking.reading.started() + 1 + CLOCK_MARGIN);
        self.is_from(page, upper) || (is_of_now && self.is_from(page, after_start))
    }

    /// Reads, oldest first, from a page that is read already to the end.
    pub fn read_on(
        &mut self,
        asking: &Asking<'_>,
        first_page: Page,
        give: &mut dyn FnMut(Piece) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut page = first_page;
        loop {
            if self.is_beyond(asking, &page) {
                return Ok(());
            }
            // The bookmark waits from where pages aren't in order.
            let position = self.order.verified().filter(|_| self.order.is_kept());
            let upper = self.slice.to;
            give(Piece {
                rows: page.rows,
                position: position.map(|position| upper.map_or(position, |to| to.min(position))),
            })?;
            if self.is_over() {
                return Ok(());
            }
            page = self.page(asking)?;
        }
    }

    /// Whether it reads all there is, and not a slice of it: what an answer says of the end is checked
    /// there.
    fn is_whole(&self) -> bool {
        self.slice.is_window
    }

    /// Later pages are looked into, since records come and go between them.
    fn checked(&self, page: Page) -> Result<Page, BadAnswer> {
        if self.promise.pages == 0 && self.is_whole() {
            self.promise.check(&page, self.asked)?;
        }
        Ok(page)
    }

    /// Asks for the next page and moves the cursor.
    pub fn page(&mut self, asking: &Asking<'_>) -> Result<Page, Fault> {
        let mut early_ends = 0;
        let page = loop {
            let page = asking.ask(self)?;
            // A first page is believed once it is checked; that of a slice isn't.
            let is_checked = self.promise.pages == 0 && self.is_whole();
            if is_checked || !self.promise.is_broken_by(&page, self.asked) {
                break page;
            }
            self.guard.read(&page.rows);
            match self.beyond(asking, &page)? {
                Beyond::More => early_ends += 1,
                Beyond::Whole(rows) => {
                    let mut page = page;
                    page.rows.extend(rows);
                    break page;
                }
            }
            if early_ends == MOST_EARLY_ENDS {
                // Counts lie, and there is nothing in this slice.
                if page.rows.is_empty() && !self.is_whole() {
                    break page;
                }
                return Err(Fault::Stream(
                    "the API names no next page time and again, though more records follow".into(),
                ));
            }
        };
        if self.promise.pages == 0 {
            self.total_count = page.total_count;
        }
        self.promise.read(&page);
        self.rows += page.rows.len() as u64;
        self.guard.read(&page.rows);
        self.guard.check()?;
        if self.order.read(&page.rows) {
            asking.tell_unsorted();
        }
        self.cursor = self.cursors.after(&page)?;
        Ok(page)
    }

    /// What follows the last record of a page, though it says that nothing does: the same is asked from
    /// there on.
    fn beyond(&mut self, asking: &Asking<'_>, page: &Page) -> Result<Beyond, Fault> {
        let mut unread = Vec::new();
        let Some(last) = page.rows.iter().rev().find_map(|row| row.updated_at) else {
            return Ok(Beyond::More);
        };
        let slice = match self.direction {
            Direction::Ascending => Slice {
                from: Some(last),
                ..self.slice
            },
            Direction::Descending => {
                Slice::window(self.slice.from, Some(last + 1), self.slice.unit)
            }
        };
        // What changed since this run began may have come in between.
        let settled = asking.reading.started() - CLOCK_MARGIN;
        let mut beyond = Self::new(self.direction, slice);
        beyond.care = self.care;
        for _ in 0..MOST_PAGES_BEYOND {
            let page = asking
                .ask(&mut beyond)
                .inspect_err(|_| self.failure = beyond.take_failure())?;
            let is_full = page.rows.len() >= beyond.asked as usize;
            let is_broken = (beyond.promise.pages > 0 || is_full)
                && beyond.promise.is_broken_by(&page, beyond.asked);
            beyond.promise.read(&page);
            beyond.cursor = beyond.cursors.after(&page)?;
            unread.extend(page.rows.into_iter().filter(|row| {
                let is_within = row.updated_at.is_none_or(|updated_at| {
                    slice.from.is_none_or(|from| updated_at >= from)
                        && slice.to.is_none_or(|to| updated_at < to)
                        && updated_at < settled
                });
                is_within && !self.guard.has_met(row)
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
}
