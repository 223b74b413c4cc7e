//! Numbered pages that are read before it is their turn, several at once.
//!
//! Page after page, a list that moves can't hide a row: what comes in or is updated goes to its head
//! and pushes others back, to pages that are still to come. Where a page is answered before the one in
//! front of it, such a row lets another slip from the one to the other unseen. So pages that were in
//! flight together count only where page 1 was the same before they were asked for and after they all
//! came, and where all of them tell the same total. Otherwise they are dropped, and page by page is
//! how their part of the list is read.

use std::collections::VecDeque;
use std::thread;

use super::page::Page;
use super::reading::Reading;
use crate::tap::fault::Fault;
use crate::tap::time::{EpochSeconds, Seconds};

/// So many pages are read at once to begin with.
const FIRST_WIDTH: u32 = 8;
/// And at most.
const MOST_WIDTH: u32 = 64;
/// Fewer aren't worth another look at page 1.
const FEWEST: u32 = 4;
/// What pages read ahead hold, as far as their sizes can be told from those before.
const MOST_BYTES: usize = 4 << 20;
/// A row that is updated twice in one second needn't move again: page 1 shows that nothing was updated
/// only where it has rows that are older than this, in seconds.
const SETTLED: Seconds = 2;

/// Where updated rows of a list go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moves {
    /// To the head: the list is sorted by when they were updated, newest first.
    ToTheHead,
    /// Nowhere: rows have their places until others are deleted.
    Nowhere,
}

/// Pages that were read ahead, and what they are held against.
#[derive(Debug)]
pub struct Ahead<'a> {
    reading: &'a Reading<'a>,
    per_page: u32,
    moves: Moves,
    /// Page 1 when it was read last.
    head: Option<Head>,
    /// The number of the first page in `ready`.
    next: u32,
    ready: VecDeque<Page>,
    width: u32,
    /// So many pages are read one by one first.
    one_by_one: u32,
    /// Of the largest page so far.
    largest: usize,
}

/// What page 1 was like.
#[derive(Debug, Eq, PartialEq)]
struct Head {
    rows: Vec<(String, Option<EpochSeconds>)>,
    total_count: Option<u64>,
    total_pages: Option<u32>,
    per_page: Option<u32>,
}

impl Head {
    fn of(page: &Page) -> Self {
        let rows = page.rows.iter();
        Self {
            rows: rows.map(|row| (row.id.clone(), row.updated_at)).collect(),
            total_count: page.total_count,
            total_pages: page.total_pages,
            per_page: page.per_page,
        }
    }

    /// Whether no row that was updated from an instant on can be behind it.
    fn shows_all_since(&self, since: EpochSeconds) -> bool {
        let mut instants = self.rows.iter().filter_map(|(_, updated_at)| *updated_at);
        instants.any(|updated_at| updated_at < since)
    }
}

impl<'a> Ahead<'a> {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(reading: &'a Reading<'a>, per_page: u32, moves: Moves) -> Self {
        Self {
            reading,
            per_page,
            moves,
            head: None,
            next: 0,
            ready: VecDeque::new(),
            width: FIRST_WIDTH,
            one_by_one: 1,
            largest: 1,
        }
    }

    /// A page of the list. Where it must be asked for, up to `wanted` pages from it on may be too.
    pub fn page(&mut self, number: u32, wanted: u32) -> Result<Page, Fault> {
        if self.next != number {
            self.ready.clear();
        }
        if self.ready.is_empty() {
            self.next = number;
            self.read_ahead(wanted)?;
        }
        self.next = number.saturating_add(1);
        let page = match self.ready.pop_front() {
            Some(page) => page,
            None => self.one_page(number)?,
        };
        self.reading.tell_odd(&page);
        let bytes = page.rows.iter().map(|row| row.record.json().len()).sum();
        self.largest = self.largest.max(bytes);
        Ok(page)
    }

    fn one_page(&mut self, number: u32) -> Result<Page, Fault> {
        let page = self.reading.numbered_page(number, self.per_page)?;
        self.one_by_one = self.one_by_one.saturating_sub(1);
        if number == 1 {
            self.head = Some(Head::of(&page));
        }
        Ok(page)
    }

    /// Reads pages from `next` on, if that may be done and comes to something.
    fn read_ahead(&mut self, wanted: u32) -> Result<(), Fault> {
        if self.one_by_one > 0 {
            return Ok(());
        }
        let fitting = u32::try_from(MOST_BYTES / self.largest).unwrap_or(MOST_WIDTH);
        let most = self.reading.client.config().concurrency;
        let most = u32::try_from(most).unwrap_or(MOST_WIDTH);
        let width = wanted.min(self.width).min(fitting).min(most);
        if width < FEWEST {
            return Ok(());
        }
        if self.head.is_none() {
            self.head = Some(Head::of(&self.reading.numbered_page(1, self.per_page)?));
        }
        let count = width.min(self.pages_left());
        if count < FEWEST {
            return Ok(());
        }
        let begun = self.reading.client.now();
        let pages = self.fly(count);
        let head = Head::of(&self.reading.numbered_page(1, self.per_page)?);
        let is_still = self.head.as_ref() == Some(&head)
            && (self.moves == Moves::Nowhere || head.shows_all_since(begun - SETTLED))
            && pages
                .iter()
                .all(|page| (page.total_count, page.per_page) == (head.total_count, head.per_page));
        self.head = Some(head);
        if is_still && !pages.is_empty() {
            self.width = (2 * self.width).min(MOST_WIDTH);
            self.ready = pages.into();
        } else {
            self.width = (self.width / 2).max(FEWEST);
            self.one_by_one = count;
        }
        Ok(())
    }

    /// How many pages from `next` on there are by the totals of page 1; none where it has no totals.
    fn pages_left(&self) -> u32 {
        let Some(head) = &self.head else {
            return 0;
        };
        let Some(total) = head.total_count else {
            return 0;
        };
        let per_page = u64::from(head.per_page.unwrap_or(self.per_page).max(1));
        let pages = u32::try_from(total.div_ceil(per_page)).unwrap_or(u32::MAX);
        pages.saturating_sub(self.next - 1)
    }

    /// So many pages from `next` on, asked for at once, up to the first that can't be had: why it
    /// can't be, the next request for it says.
    fn fly(&self, count: u32) -> Vec<Page> {
        let (reading, per_page) = (self.reading, self.per_page);
        thread::scope(|scope| {
            let mut flights = Vec::new();
            for number in self.next..self.next.saturating_add(count) {
                let thread = thread::Builder::new().name(reading.stream.name.to_owned());
                let flight =
                    thread.spawn_scoped(scope, move || reading.numbered_page(number, per_page));
                match flight {
                    Ok(flight) => flights.push(flight),
                    // Those who are there do.
                    Err(_) => break,
                }
            }
            let flights = flights.into_iter().map(thread::ScopedJoinHandle::join);
            let ends: Vec<_> = flights.collect();
            ends.into_iter().map_while(|end| end.ok()?.ok()).collect()
        })
    }
}
