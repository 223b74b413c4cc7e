//! Search endpoints: a query, sorted by `updated_at`, followed by cursors.
//!
//! Much is read in slices of time, several at once, and emitted in their order, oldest first, so that
//! the bookmark follows and a killed run goes on where it was. Little is read as one chain of pages.
//!
//! Where dates may match by whole days, asking from a bookmark on can cost a day's worth of records
//! for nothing new. So the newest page is looked at first: where it already reaches below the bound,
//! it is the answer.

mod asking;
mod board;
mod chain;
mod count;
mod plan;
mod poison;
mod slices;

pub use self::count::{count, look};

use std::sync::Arc;

use self::asking::Asking;
use self::board::SliceTurn;
use self::chain::Chain;
use self::plan::{Planner, Slice, Unit};
use super::order::Direction;
use super::reading::{Batch, BatchSink, Reading};
use super::sieve::Sieve;
use super::waiting::Piece;
use crate::cli::foreign::told;
use crate::tap::fault::Fault;
use crate::tap::read::page::Page;
use crate::tap::streams::DateMatching;
use crate::tap::time::{DAY, EpochSeconds, HOUR, Seconds};

/// What lies further back may be much, and is read oldest first.
const RECENT: Seconds = 2 * DAY;
/// What is no more than so many pages is read as one chain.
const FEW_PAGES: u64 = 6;
/// How long what couldn't be had is asked for again.
const LONGEST_ASKED_FOR: Seconds = 7 * DAY;
/// No whole day lies between two instants that are no further apart.
const LESS_THAN_A_DAY: Seconds = 12 * HOUR;

/// Reads the stream.
pub fn read(
    reading: &Reading<'_>,
    matching: DateMatching,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let mut search = Search {
        asking: Arc::new(Asking::new(reading)),
        lower: reading.lower_bound(),
        sieve: Sieve::new(reading),
        position: None,
        total_count: None,
    };
    search.ask_again(matching, sink)?;
    match matching {
        DateMatching::Seconds => search.read_oldest_first(sink)?,
        DateMatching::PerhapsWholeDays => search.read_around_days(sink)?,
    }
    search.sieve.pages = search.asking.pages();
    sink(search.sieve.end())
}

struct Search<'a> {
    asking: Arc<Asking<'a>>,
    /// Inclusive.
    lower: Option<EpochSeconds>,
    sieve: Sieve<'a>,
    /// Nothing up to here is still to come.
    position: Option<EpochSeconds>,
    /// Of the whole window, by the API's count.
    total_count: Option<u64>,
}

impl Search<'_> {
    fn reading(&self) -> &Reading<'_> {
        self.asking.reading
    }

    fn window(&self, unit: Unit) -> Slice {
        let end = self.reading().client.config().end_date;
        Slice::window(self.lower, end, unit)
    }

    /// Asks for what earlier runs couldn't have. What can't be had again doesn't keep the rest from being
    /// read.
    fn ask_again(&mut self, matching: DateMatching, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        for hole in self.sieve.take_holes() {
            let units: &[Unit] = match matching {
                DateMatching::Seconds => &[Unit::Second],
                // Rows of a whole day within it are found by either, and those around that by days only.
                DateMatching::PerhapsWholeDays if hole.to - hole.from >= LESS_THAN_A_DAY => {
                    &[Unit::Day]
                }
                DateMatching::PerhapsWholeDays => &[Unit::Second, Unit::Day],
            };
            match poison::passed_over(&self.asking, &hole, units)? {
                Some(rows) => {
                    let rows = self.sieve.take_passed_over(rows, hole.from, hole.to);
                    sink(Batch {
                        rows,
                        ..Batch::default()
                    })?;
                }
                None if hole.since + LONGEST_ASKED_FOR < self.reading().started() => {
                    tracing::warn!(
                        "{}: {hole} couldn't be read for seven days and isn't asked for any more: {}",
                        self.reading().stream.name,
                        told(&hole.why)
                    );
                }
                None => self.sieve.leave(vec![hole]),
            }
        }
        Ok(())
    }

    /// Where seconds are compared.
    fn read_oldest_first(&mut self, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let window = self.window(Unit::Second);
        let mut chain = Chain::new(Direction::Ascending, window);
        let page = match chain.page(&self.asking) {
            Ok(page) => page,
            Err(fault) => {
                self.another_page(&chain, fault)?;
                return self.read_with_care(Unit::Second, sink);
            }
        };
        self.total_count = page.total_count;
        if !self.is_much(page.total_count) {
            return self.read_chain(chain, Ok(page), sink);
        }
        let oldest = page.oldest();
        self.emit_early(page, sink)?;
        self.read_slices(Unit::Second, oldest, sink)
    }

    /// The very first page can't be had: that may be because of what is on it, where another can.
    fn another_page(&mut self, chain: &Chain, fault: Fault) -> Result<Page, Fault> {
        if !chain.has_failed() || self.reading().is_whole_list {
            return Err(fault);
        }
        let Some(page) = poison::another_page(&self.asking, chain.slice())? else {
            return Err(fault);
        };
        self.total_count = page.total_count;
        Ok(page)
    }

    fn read_around_days(&mut self, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let mut chain = Chain::new(Direction::Descending, self.window(Unit::Day));
        let page = match chain.page(&self.asking) {
            Ok(page) => page,
            Err(fault) => {
                let other = self.another_page(&chain, fault)?;
                let unit = if self.compares_seconds(&other)? {
                    Unit::Second
                } else {
                    Unit::Day
                };
                return self.read_with_care(unit, sink);
            }
        };
        self.total_count = page.total_count;
        let is_recent = self.lower >= Some(self.reading().started() - RECENT);
        let reaches_below = chain.is_in_order() && page.oldest() < self.lower;
        if chain.is_over() || reaches_below {
            return self.read_newest_first(chain, page, None, sink).map(drop);
        }
        let left = self.rows_above_the_bound(&page);
        let is_much = self.is_much(left);
        let mut unread = page;
        if is_recent && !is_much {
            let most = Some(2 * FEW_PAGES);
            match self.read_newest_first(chain, unread, most, sink)? {
                None => return Ok(()),
                // There was more than the newest records made expect.
                Some((next_chain, next_page)) => (chain, unread) = (next_chain, next_page),
            }
        }
        if !self.is_much(self.total_count) {
            let mut chain = Chain::new(Direction::Ascending, self.window(Unit::Day));
            let page = chain.page(&self.asking);
            return self.read_chain(chain, page, sink);
        }
        if self.compares_seconds(&unread)? {
            self.emit_early(unread, sink)?;
            let oldest = self.oldest()?;
            return self.read_slices(Unit::Second, oldest, sink);
        }
        // Oldest first, the day of the bound is read from its beginning.
        let is_less_from_above = left.map(|left| 2 * left) <= self.total_count;
        if is_recent && is_less_from_above {
            return self.read_newest_first(chain, unread, None, sink).map(drop);
        }
        self.emit_early(unread, sink)?;
        let oldest = self.oldest()?;
        self.read_slices(Unit::Day, oldest, sink)
    }

    /// Where the rows begin, if nothing else says where the window does.
    fn oldest(&self) -> Result<Option<EpochSeconds>, Fault> {
        if self.lower.is_some() {
            return Ok(None);
        }
        let mut chain = Chain::new(Direction::Ascending, self.window(Unit::Day));
        chain.take_care(1);
        match chain.page(&self.asking) {
            Ok(page) => Ok(page.oldest()),
            Err(_) if chain.has_failed() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Whether there is more than one chain of pages is for.
    fn is_much(&self, rows: Option<u64>) -> bool {
        let config = self.reading().client.config();
        let few = FEW_PAGES * u64::from(config.page_size);
        config.concurrency > 1 && rows.is_some_and(|rows| rows > few)
    }

    /// How many rows there may be above the bound, if all is as dense as the newest page.
    fn rows_above_the_bound(&self, newest: &Page) -> Option<u64> {
        let total = self.total_count?;
        let Some(((lower, from), to)) = self.lower.zip(newest.oldest()).zip(newest.newest()) else {
            return Some(total);
        };
        let rows = newest.rows.len() as u64;
        let seconds = u64::try_from(to - from).unwrap_or_default().max(1);
        let wanted = u64::try_from(to - lower).unwrap_or_default();
        Some(total.min(rows * wanted / seconds))
    }

    /// Whether seconds are compared, as a query shows that no whole day can match: it finds rows of a
    /// page that lie close together.
    fn compares_seconds(&self, page: &Page) -> Result<bool, Fault> {
        let Some(oldest) = page.oldest() else {
            return Ok(false);
        };
        let nearest = page.rows.iter().filter_map(|row| row.replication_key_value);
        let newest = nearest.filter(|at| *at <= oldest + LESS_THAN_A_DAY).max();
        let slice = Slice {
            is_last: false,
            ..Slice::window(Some(oldest), newest.map(|at| at + 1), Unit::Second)
        };
        let mut chain = Chain::new(Direction::Descending, slice);
        match chain.page(&self.asking) {
            Ok(page) => Ok(!page.rows.is_empty()),
            Err(_) if chain.has_failed() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Reads all of the window, though a page of it can't be had.
    fn read_with_care(&mut self, unit: Unit, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        if self.is_much(self.total_count) {
            return self.read_slices(unit, None, sink);
        }
        let mut chain = Chain::new(Direction::Ascending, self.window(unit));
        chain.take_care(self.asking.per_page(2));
        let page = chain.page(&self.asking);
        self.read_chain(chain, page, sink)
    }

    fn read_chain(
        &mut self,
        chain: Chain,
        first_page: Result<Page, Fault>,
        sink: &mut BatchSink<'_>,
    ) -> Result<(), Fault> {
        let asking = Arc::clone(&self.asking);
        let mut give = |piece| self.emit(piece, None, sink);
        let holes = poison::read_on(chain, first_page, &asking, &mut give)?;
        self.sieve.leave(holes);
        Ok(())
    }

    /// Gives a page of one slice on.
    fn emit(
        &mut self,
        piece: Piece,
        lower: Option<EpochSeconds>,
        sink: &mut BatchSink<'_>,
    ) -> Result<(), Fault> {
        self.position = self.position.max(piece.position);
        self.sieve.settle(self.position);
        // What is newer than its place on a page isn't met again at its place.
        let rows = self.sieve.take(piece.rows, lower.max(self.lower), None);
        sink(Batch {
            rows,
            marks: self.marks(piece.position.and(self.position)),
            total_count: self.total_count,
            ..Batch::default()
        })
    }

    fn marks(&self, position: Option<EpochSeconds>) -> Vec<super::places::Place> {
        position.map_or_else(Vec::new, |position| self.sieve.marks_in_progress(position))
    }

    /// Gives a page on that told how much there is. It may be met again, and is known then.
    fn emit_early(&mut self, page: Page, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let piece = Piece {
            rows: page.rows,
            position: None,
        };
        self.emit(piece, None, sink)
    }

    /// Reads down to the bound, which takes no more than so many pages, or gives back where it is. The
    /// bookmark can't move before that is done.
    fn read_newest_first(
        &mut self,
        mut chain: Chain,
        first_page: Page,
        most_pages: Option<u64>,
        sink: &mut BatchSink<'_>,
    ) -> Result<Option<(Chain, Page)>, Fault> {
        self.sieve.settle_at_the_end();
        let mut page = first_page;
        let mut pages = 0;
        loop {
            pages += 1;
            if most_pages.is_some_and(|most| pages > most) {
                return Ok(Some((chain, page)));
            }
            let is_done = chain.is_over() || chain.is_below(&page, self.lower);
            sink(Batch {
                total_count: self.total_count,
                rows: self.sieve.take(page.rows, self.lower, None),
                ..Batch::default()
            })?;
            if is_done {
                return Ok(None);
            }
            page = match chain.page(&self.asking) {
                Ok(page) => page,
                Err(fault) => {
                    let asking = Arc::clone(&self.asking);
                    let mut give = |piece: Piece| {
                        sink(Batch {
                            rows: self.sieve.take(piece.rows, self.lower, None),
                            total_count: self.total_count,
                            ..Batch::default()
                        })
                    };
                    let holes = poison::read_around(chain, &asking, fault, &mut give)?;
                    self.sieve.leave(holes);
                    return Ok(None);
                }
            };
        }
    }

    fn read_slices(
        &mut self,
        unit: Unit,
        oldest: Option<EpochSeconds>,
        sink: &mut BatchSink<'_>,
    ) -> Result<(), Fault> {
        let reading = self.asking.reading;
        let config = reading.client.config();
        let planner = Planner::new(
            self.window(unit),
            oldest,
            reading.started(),
            self.total_count.unwrap_or_default(),
            config.page_size,
            config.concurrency,
        );
        // Of no use to a small window.
        let most_readers = 1 + self.total_count.unwrap_or_default() / u64::from(config.page_size);
        let readers = usize::try_from(most_readers).unwrap_or(usize::MAX);
        let asking = Arc::clone(&self.asking);
        let readers = readers.min(config.concurrency);
        let is_gone_on_with = self
            .reading()
            .places
            .iter()
            .any(|place| place.bookmark.in_progress);
        let is_oldest_alone = unit == Unit::Day && is_gone_on_with;
        slices::read(&asking, planner, readers, is_oldest_alone, &mut |turn| {
            self.take_turn(turn, sink)
        })
    }

    fn take_turn(&mut self, turn: SliceTurn, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let (slice, holes) = match turn {
            SliceTurn::Page(slice, piece) => return self.emit(piece, slice.lower(), sink),
            SliceTurn::End(slice, holes) => (slice, holes),
        };
        self.sieve.leave(holes);
        let reached = slice.settled().min(self.sieve.reached());
        self.position = self.position.max(reached);
        if let Some(reached) = reached {
            self.sieve.forget_below(reached);
        }
        let marks = self.marks(reached.and(self.position));
        if marks.is_empty() {
            return Ok(());
        }
        sink(Batch {
            marks,
            total_count: self.total_count,
            ..Batch::default()
        })
    }
}
