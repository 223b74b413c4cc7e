//! Numbered pages that are asked for several at once, and come out in their order: what a list holds as
//! long as it stands still. Whether it did, the one who takes them judges by what all answers told.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::page::Page;
use super::readers::Readers;
use super::reading::Reading;
use crate::tap::api::memory::Memory;
use crate::tap::fault::Fault;

/// What waits for its turn or is on its way, at most, in bytes.
const MOST_BYTES: u64 = 8 << 20;
/// What waits in memory of all lists that are read side by side, as far as they can help it.
const MOST_BYTES_OF_ALL: u64 = 20 << 20;

/// Pages to be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// The number of the first of them, from 1.
    pub first: u32,
    /// How many there are.
    pub count: u32,
    /// Rows of a page.
    pub per_page: u32,
    /// What the rows of a page may take, in bytes.
    pub page_bytes: u64,
}

/// What all answers told, whether their pages were taken or not.
#[derive(Debug)]
pub struct ListState {
    /// `total_count` of each of them, in no particular order.
    pub totals: Vec<Option<u64>>,
    /// The list's first page, asked for when all others were there.
    pub head: Option<Page>,
}

/// Asks for all pages of a stretch, then for the list's first page. `take` is given one page after the
/// other, and says whether it wants more.
pub fn read(
    reading: &Reading<'_>,
    stretch: Stretch,
    take: &mut dyn FnMut(Page) -> Result<bool, Fault>,
) -> Result<ListState, Fault> {
    let line = Line::new(reading.client.memory(), stretch);
    let most = reading.client.config().concurrency;
    let count = usize::try_from(stretch.count).map_or(most, |count| count.min(most));
    thread::scope(|scope| {
        let mut readers = Readers::default();
        readers.start(scope, count, reading.stream.name, || line.ask(reading))?;
        let end = line.give_all(take);
        line.close();
        readers.join();
        end
    })?;
    Ok(line.told())
}

/// Shared by those who ask and the one who takes.
#[derive(Debug)]
struct Line {
    stretch: Stretch,
    memory: Memory,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many pages were asked for, and how many were taken.
    asked: u32,
    taken: u32,
    in_flight: u32,
    /// By their place in the stretch; the list's first page comes last.
    waiting: BTreeMap<u32, Result<Page, Fault>>,
    waiting_bytes: u64,
    /// Of the largest page.
    page_bytes: u64,
    totals: Vec<Option<u64>>,
    head: Option<Page>,
    /// Nothing more is wanted.
    is_over: bool,
}

/// A place in the stretch whose page is on its way. One that is dropped without a word has died.
struct Errand<'a> {
    line: &'a Line,
    place: u32,
    has_ended: bool,
}

impl Line {
    fn new(memory: &Memory, stretch: Stretch) -> Self {
        let state = State {
            page_bytes: stretch.page_bytes,
            ..State::default()
        };
        Self {
            stretch,
            memory: memory.clone(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Asks for page after page, as long as there are some.
    fn ask(&self, reading: &Reading<'_>) {
        while let Some(errand) = self.next() {
            let number = match errand.place {
                place if place < self.stretch.count => self.stretch.first.saturating_add(place),
                _ => 1,
            };
            let page = reading.numbered_page(number, self.stretch.per_page);
            errand.end(page);
        }
    }

    /// The next page to ask for, once there is room for it.
    fn next(&self) -> Option<Errand<'_>> {
        let mut state = self.lock();
        loop {
            if state.is_over || state.asked > self.stretch.count {
                return None;
            }
            let is_awaited = state.asked == state.taken;
            let may_be_asked = if state.asked < self.stretch.count {
                is_awaited || self.has_room(&state)
            } else {
                state.in_flight == 0
            };
            if may_be_asked {
                let place = state.asked;
                state.asked += 1;
                state.in_flight += 1;
                return Some(Errand {
                    line: self,
                    place,
                    has_ended: false,
                });
            }
            state = self.wait(state);
        }
    }

    fn has_room(&self, state: &State) -> bool {
        let coming = u64::from(state.in_flight + 1) * state.page_bytes;
        state.waiting_bytes + coming <= MOST_BYTES
            && self.memory.hold_of_list(0) <= MOST_BYTES_OF_ALL
    }

    /// Gives all pages in their order.
    fn give_all(&self, take: &mut dyn FnMut(Page) -> Result<bool, Fault>) -> Result<(), Fault> {
        let mut state = self.lock();
        for place in 0..=self.stretch.count {
            let page = loop {
                match state.waiting.remove(&place) {
                    Some(page) => break page?,
                    None => state = self.wait(state),
                }
            };
            let bytes = page.bytes();
            state.waiting_bytes -= bytes;
            self.memory.give_back_of_list(bytes);
            if place == self.stretch.count {
                state.head = Some(page);
                return Ok(());
            }
            state.taken += 1;
            drop(state);
            self.changed.notify_all();
            if !take(page)? {
                return Ok(());
            }
            state = self.lock();
        }
        Ok(())
    }

    fn close(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn told(self) -> ListState {
        let state = &mut *self.lock();
        ListState {
            totals: std::mem::take(&mut state.totals),
            head: state.head.take(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.changed.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let held = self.lock().waiting_bytes;
        self.memory.give_back_of_list(held);
    }
}

impl Errand<'_> {
    fn end(mut self, page: Result<Page, Fault>) {
        self.put(page);
    }

    fn put(&mut self, page: Result<Page, Fault>) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let mut state = self.line.lock();
        if let Ok(page) = &page {
            let bytes = page.bytes();
            state.totals.push(page.total_count);
            state.waiting_bytes += bytes;
            state.page_bytes = state.page_bytes.max(bytes);
            let _ = self.line.memory.hold_of_list(bytes);
        }
        state.in_flight -= 1;
        state.waiting.insert(self.place, page);
        drop(state);
        self.line.changed.notify_all();
    }
}

impl Drop for Errand<'_> {
    fn drop(&mut self) {
        let died = "a thread that reads a part of its pages died; the log above says where";
        self.put(Err(Fault::Stream(died.into())));
    }
}
