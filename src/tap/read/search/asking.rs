//! How a page of a search is asked for: as large as the server bears, with all effort or, where it may
//! hold what can't be had, with care. Knows nothing of what an answer means.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::plan::Slice;
use crate::tap::api::client::{ApiRequest, BadAnswer, Effort};
use crate::tap::fault::Fault;
use crate::tap::read::ends::Promise;
use crate::tap::read::order::Direction;
use crate::tap::read::page::Page;
use crate::tap::read::reading::{Reading, unexpectedly_gone};

/// So many pages after one had to be made smaller, a larger one is tried again.
const PAGES_UNTIL_LARGER: u32 = 20;
/// Tries of a request that may hold what can't be had.
const CAREFUL_TRIES: u32 = 2;
/// So many places at which something can't be had are no longer one record or another.
const MOST_HOLES: u32 = 20;
/// So many failures in looking for them neither.
const MOST_FAILURES: u32 = 2_000;

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

/// What is asked for.
#[derive(Debug)]
pub struct Question {
    /// Which part of the window.
    pub slice: Slice,
    /// In which order.
    pub direction: Direction,
    /// Behind which page.
    pub cursor: Option<String>,
    /// What was read of it, held against its totals.
    pub promise: Promise,
    /// Rows of the page asked for last.
    pub asked: u32,
    /// Rows of the page to be asked for next, where care is taken.
    pub care: Option<u32>,
    /// Whether a page named no next one, though more seems to follow.
    pub is_doubtful: bool,
    /// Why the last request failed, once one did.
    pub failure: Option<String>,
}

impl Question {
    /// For the first page.
    #[must_use]
    pub fn new(direction: Direction, slice: Slice) -> Self {
        Self {
            slice,
            direction,
            cursor: None,
            promise: Promise::default(),
            asked: 0,
            care: None,
            is_doubtful: false,
            failure: None,
        }
    }

    /// The last request failed.
    fn remember(&mut self, fault: &Fault) {
        if let Fault::Stream(why) | Fault::Gone { message: why, .. } = fault {
            self.failure = Some(why.clone());
        }
    }

    /// The first page of the whole window is waited for where it is in doubt. Later ones are looked into,
    /// since records come and go between them.
    fn checked(&self, page: Page) -> Result<Page, BadAnswer> {
        if self.is_doubtful && self.promise.pages == 0 && self.slice.is_window {
            self.promise.check(&page, self.asked)?;
        }
        Ok(page)
    }
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

    fn size(&self) -> MutexGuard<'_, Size> {
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

    /// Asks for a page.
    pub fn ask(&self, question: &mut Question) -> Result<Page, Fault> {
        let answer = match question.care {
            None => self.ask_with_all_effort(question),
            Some(rows) => self.ask_with_care(question, rows),
        };
        let page = match answer {
            Ok(page) => page,
            Err(fault) => {
                if question.care.is_some() || matches!(fault, Fault::Gone { .. }) {
                    question.remember(&fault);
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

    /// Looks at the first rows of a slice, of which nothing else is asked.
    pub fn look(&self, slice: Slice, direction: Direction, rows: u32) -> Result<Page, Fault> {
        let request = self.request(&Question::new(direction, slice), rows);
        let names = self.reading.names();
        self.reading
            .client
            .send(&request, |body| Page::parse(body, names))
            .map_err(unexpectedly_gone)
    }

    fn ask_with_all_effort(&self, question: &mut Question) -> Result<Page, Fault> {
        let names = self.reading.names();
        question.asked = self.per_page(0);
        let effort = self.reading.client.full_effort();
        let tries = Cell::new(0);
        let answer = self.reading.client.send_shrinking(
            &effort,
            |halvings| {
                tries.set(tries.get() + 1);
                self.request(question, self.per_page(halvings))
            },
            |body| question.checked(Page::parse(body, names)?),
        );
        match answer {
            Ok((page, halvings)) => {
                self.resize(halvings);
                Ok(page)
            }
            Err(fault) => {
                // What is refused at once isn't so because of what is on the page.
                if tries.get() >= effort.attempts {
                    question.remember(&fault);
                }
                Err(fault)
            }
        }
    }

    fn ask_with_care(&self, question: &mut Question, rows: u32) -> Result<Page, Fault> {
        let names = self.reading.names();
        let effort = Effort {
            attempts: CAREFUL_TRIES.min(self.reading.client.config().max_attempts),
            ..self.reading.client.full_effort()
        };
        let mut rows = rows.min(self.per_page(0));
        loop {
            question.asked = rows;
            let answer =
                self.reading
                    .client
                    .try_hard(&self.request(question, rows), &effort, |body| {
                        question.checked(Page::parse(body, names)?)
                    });
            question.care = Some(match &answer {
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

    /// Whether a row came with any answer.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.rows.load(Ordering::Relaxed) > 0
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

    fn request(&self, question: &Question, per_page: u32) -> ApiRequest {
        let after = question.slice.after();
        let mut filters = vec![json!({"field": "updated_at", "operator": ">", "value": after})];
        if let Some(before) = question.slice.before() {
            filters.push(json!({"field": "updated_at", "operator": "<", "value": before}));
        }
        let ending = question.slice.ending;
        if !ending.is_empty() {
            filters.push(json!({"field": "id", "operator": "$", "value": ending.text()}));
        }
        let mut pagination = json!({"per_page": per_page});
        if let Some(cursor) = &question.cursor {
            pagination["starting_after"] = json!(cursor);
        }
        let order = match question.direction {
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

    /// Tells once that the API doesn't keep to the order.
    pub fn tell_unsorted(&self) {
        if !self.is_unsorted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{}: a page isn't sorted by updated_at as it was asked for; the bookmark waits until \
                 all of the query is read",
                self.reading.stream.name
            );
        }
    }
}
