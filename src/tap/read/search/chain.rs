//! One sorted query, page by page: each page tells the cursor of the next. Judges what answers say of
//! their order and of their end; knows nothing of what was emitted.

use super::asking::{Asking, Question};
use super::plan::Slice;
use crate::tap::fault::Fault;
use crate::tap::read::ends::Cursors;
use crate::tap::read::guard::Guard;
use crate::tap::read::order::{Direction, Order};
use crate::tap::read::page::{Page, Row};
use crate::tap::read::waiting::Piece;
use crate::tap::time::{EpochSeconds, Seconds};

/// How far the run's start may be off, since both clocks tell whole seconds.
const CLOCK_MARGIN: Seconds = 1;
/// How often a page that ends too early is asked for again.
const MOST_EARLY_ENDS: u32 = 3;
/// How many pages are looked at for what may lie beyond an early end, besides those that were read.
const MOST_PAGES_BEYOND: u32 = 5;

/// A query whose pages are followed.
#[derive(Debug)]
pub struct Chain {
    question: Question,
    order: Order,
    cursors: Cursors,
    guard: Guard,
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

impl Chain {
    /// Before its first page.
    #[must_use]
    pub fn new(direction: Direction, slice: Slice) -> Self {
        Self {
            question: Question::new(direction, slice),
            order: Order::new(direction),
            cursors: Cursors::default(),
            guard: Guard::default(),
            total_count: None,
            rows: 0,
        }
    }

    /// From now on, takes care of what can't be had: pages begin with so many rows, grow as long as they
    /// come, and shrink where they don't.
    pub fn take_care(&mut self, rows: u32) {
        self.question.care = Some(rows.max(1));
    }

    /// Why the last request failed, where it is a request that did. The chain stays where it was.
    pub fn take_failure(&mut self) -> Option<String> {
        self.question.failure.take()
    }

    /// Whether the last request failed, and not something else.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.question.failure.is_some()
    }

    /// Which part of the window it reads.
    #[must_use]
    pub fn slice(&self) -> Slice {
        self.question.slice
    }

    /// Which way it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.question.direction
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
        let is_ascending = self.question.direction == Direction::Ascending;
        self.is_over() || (is_ascending && self.is_beyond(asking, page))
    }

    /// Whether no page follows the last one read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.question.cursor.is_none()
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
        let upper = self
            .question
            .slice
            .to
            .filter(|_| self.question.slice.is_last);
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
            let upper = self.question.slice.to;
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
        let is_first = self.question.promise.pages == 0 && self.question.slice.is_window;
        let page = loop {
            let page = asking.ask(&mut self.question)?;
            let asked = self.question.asked;
            if !self.question.promise.is_broken_by(&page, asked) {
                break page;
            }
            self.guard.read(&page.rows);
            match self.beyond(asking, &page)? {
                Beyond::More if self.is_the_end(asking)? => break page,
                Beyond::More => early_ends += 1,
                // No cursor was followed yet that rows could have come in behind.
                Beyond::Whole(rows) if is_first && !rows.is_empty() => early_ends += 1,
                Beyond::Whole(rows) => {
                    let mut page = page;
                    page.rows.extend(rows);
                    break page;
                }
            }
            self.question.is_doubtful = true;
            if early_ends == MOST_EARLY_ENDS {
                // Counts lie, and there is nothing in this slice.
                if page.rows.is_empty() && !self.question.slice.is_window {
                    break page;
                }
                return Err(Fault::Stream(
                    "the API names no next page time and again, though more records follow".into(),
                ));
            }
        };
        if self.question.promise.pages == 0 {
            self.total_count = page.total_count;
        }
        self.question.promise.read(&page);
        self.rows += page.rows.len() as u64;
        self.guard.read(&page.rows);
        self.guard.check()?;
        if self.order.read(&page.rows) {
            asking.tell_unsorted();
        }
        self.question.cursor = self.cursors.after(&page)?;
        Ok(page)
    }

    /// Whether the slice, read the other way, begins with what was read: then nothing is left, whatever
    /// its totals say.
    fn is_the_end(&mut self, asking: &Asking<'_>) -> Result<bool, Fault> {
        if !self.order.is_kept() {
            return Ok(false);
        }
        let mut back = Self::new(self.question.direction.reversed(), self.question.slice);
        back.question.care = self.question.care;
        let page = asking
            .ask(&mut back.question)
            .inspect_err(|_| self.question.failure = back.take_failure())?;
        // Rows without an instant may stand in front in either order.
        let settled = Self::settled(asking);
        let is_of_this_run = |row: &&Row| row.replication_key_value.is_some_and(|at| at < settled);
        let last = page.rows.iter().find(is_of_this_run);
        Ok(last.is_some_and(|row| self.has_met(row)))
    }

    /// What changed since this run began may have come in between.
    fn settled(asking: &Asking<'_>) -> EpochSeconds {
        asking.reading.started() - CLOCK_MARGIN
    }

    /// What follows the last record of a page, though it says that nothing does: the same is asked from
    /// there on.
    fn beyond(&mut self, asking: &Asking<'_>, page: &Page) -> Result<Beyond, Fault> {
        let mut unread = Vec::new();
        let Some(last) = page
            .rows
            .iter()
            .rev()
            .find_map(|row| row.replication_key_value)
        else {
            return Ok(Beyond::More);
        };
        let slice = match self.question.direction {
            // Where rows are in no order, those that are left may be anywhere.
            _ if !self.order.is_kept() => self.question.slice,
            Direction::Ascending => Slice {
                from: Some(last),
                ..self.question.slice
            },
            Direction::Descending => Slice {
                to: Some(last + 1),
                is_last: true,
                is_window: true,
                ..self.question.slice
            },
        };
        // Where whole days match, what was read of the last row's day comes again, and where rows are in no
        // order, all of it.
        let read_again = if self.order.is_kept() {
            self.question.promise.pages
        } else {
            2 * self.question.promise.pages
        };
        let settled = Self::settled(asking);
        let mut beyond = Self::new(self.question.direction, slice);
        beyond.question.care = self.question.care;
        for _ in 0..MOST_PAGES_BEYOND + read_again {
            let page = asking
                .ask(&mut beyond.question)
                .inspect_err(|_| self.question.failure = beyond.take_failure())?;
            let is_ascending = self.question.direction == Direction::Ascending;
            let is_of_the_next_run = is_ascending && self.is_beyond(asking, &page);
            let is_full = page.rows.len() >= beyond.question.asked as usize;
            let is_broken = (beyond.question.promise.pages > 0 || is_full)
                && beyond
                    .question
                    .promise
                    .is_broken_by(&page, beyond.question.asked);
            beyond.question.promise.read(&page);
            beyond.question.cursor = beyond.cursors.after(&page)?;
            unread.extend(page.rows.into_iter().filter(|row| {
                let is_within = row
                    .replication_key_value
                    .is_none_or(|replication_key_value| {
                        let earliest = slice.earliest();
                        earliest.is_none_or(|earliest| replication_key_value >= earliest)
                            && slice.to.is_none_or(|to| replication_key_value < to)
                            && replication_key_value < settled
                    });
                is_within && !self.guard.has_met(row)
            }));
            if is_broken && !is_of_the_next_run {
                return Ok(Beyond::More);
            }
            if beyond.question.cursor.is_none() || is_of_the_next_run {
                return Ok(Beyond::Whole(unread));
            }
        }
        Ok(Beyond::More)
    }
}
