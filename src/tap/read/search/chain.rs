//! One sorted query, page by page: each page tells the cursor of the next. Judges what answers say of
//! their order and of their end; knows nothing of what was emitted.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::plan::Slice;
use super::waiting::Piece;
use crate::tap::api::client::{ApiRequest, BadAnswer};
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

/// What all chains of one search share.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The stream.
    pub reading: &'a Reading<'a>,
    size: Mutex<Size>,
    pages: AtomicU32,
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

    fn ask(&self, chain: &Chain) -> Result<Page, Fault> {
        let names = self.reading.names();
        let per_page = self.per_page(0);
        let (page, halvings) = self
            .reading
            .client
            .send_shrinking(
                &self.reading.client.full_effort(),
                |halvings| self.request(chain, self.per_page(halvings)),
                |body| {
                    let page = Page::parse(body, names)?;
                    // Later pages are looked into, since records come and go between them.
                    if chain.promise.pages == 0 {
                        chain.promise.check(&page, per_page)?;
                    }
                    Ok::<_, BadAnswer>(page)
                },
            )
            .map_err(unexpectedly_gone)?;
        self.reading.tell_odd(&page);
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.resize(halvings);
        Ok(page)
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
        }
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

    /// Asks for the next page and moves the cursor.
    pub fn page(&mut self, asking: &Asking<'_>) -> Result<Page, Fault> {
        let mut early_ends = 0;
        let page = loop {
            let page = asking.ask(self)?;
            if self.promise.pages == 0 || !self.promise.is_broken_by(&page, asking.per_page(0)) {
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
                return Err(Fault::Stream(
                    "the API names no next page time and again, though more records follow".into(),
                ));
            }
        };
        self.promise.read(&page);
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
    fn beyond(&self, asking: &Asking<'_>, page: &Page) -> Result<Beyond, Fault> {
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
        for _ in 0..MOST_PAGES_BEYOND {
            let page = asking.ask(&beyond)?;
            let is_broken =
                beyond.promise.pages > 0 && beyond.promise.is_broken_by(&page, asking.per_page(0));
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
