//! The slices that are being read at once and whose turn it is: readers take slices from here, oldest
//! first, and give their pages; whoever emits takes them in order. What waits for its turn is bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::plan::{Planner, Slice};
use crate::tap::api::client::Client;
use crate::tap::api::memory::Memory;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Hole;
use crate::tap::read::page::Page;
use crate::tap::read::waiting::{Piece, WaitingPieces};

/// What waits in memory of one search, at most.
const MOST_BYTES_IN_MEMORY: usize = 4 << 20;
/// What waits in memory of all lists that are read side by side, as far as they can help it.
const MOST_BYTES_OF_ALL: u64 = 6 << 20;
/// What waits in files, at most, where it is the oldest slice that the others wait for.
const MOST_BYTES_IN_FILES: usize = 1 << 30;
/// Where so few slices at once are as fast as may be read, whoever has read enough ahead for the memory waits.
const FEW_AT_ONCE: usize = 4;
/// So many pages of the oldest slice that wait show that it is emission that all wait for.
const MANY_AT_THE_FRONT: usize = 4;
/// No more of them wait.
const MOST_AT_THE_FRONT: usize = 8;

/// Shared by those who read and the one who emits.
#[derive(Debug)]
pub struct SliceBoard<'c> {
    client: &'c Client,
    /// Readers, at most.
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    planner: Planner,
    /// Oldest first.
    held: VecDeque<Held>,
    next_id: u64,
    bytes_in_memory: usize,
    bytes_in_files: usize,
    /// No other slice is read until the oldest one is.
    is_oldest_alone: bool,
    /// Nothing more is wanted.
    is_over: bool,
}

#[derive(Debug)]
struct Held {
    id: u64,
    slice: Slice,
    /// How often it was split until it became this.
    splits: u32,
    is_begun: bool,
    /// Files are written and read while nobody has to wait for the board.
    waiting: Arc<Mutex<WaitingPieces>>,
    /// How many pieces wait.
    count: usize,
    end: Option<Result<Vec<Hole>, Fault>>,
}

/// A slice to be read.
#[derive(Debug)]
pub struct Task<'a> {
    board: &'a SliceBoard<'a>,
    id: u64,
    /// Which part of the window.
    pub slice: Slice,
    splits: u32,
    has_ended: bool,
}

/// What comes next, in order.
#[derive(Debug)]
pub enum SliceTurn {
    /// A page of a slice.
    Page(Slice, Piece),
    /// All of a slice was given, but for what can't be had.
    End(Slice, Vec<Hole>),
}

impl Held {
    fn new(id: u64, slice: Slice, splits: u32) -> Self {
        Self {
            id,
            slice,
            splits,
            is_begun: false,
            waiting: Arc::default(),
            count: 0,
            end: None,
        }
    }
}

impl State {
    /// The oldest slice that nobody reads yet.
    fn next(&mut self) -> Option<(u64, Slice, u32)> {
        if !self.held.iter().any(|held| !held.is_begun) {
            let slice = self.planner.next()?;
            self.hold(self.held.len(), slice, 0);
        }
        let held = self.held.iter_mut().find(|held| !held.is_begun)?;
        held.is_begun = true;
        Some((held.id, held.slice, held.splits))
    }

    fn hold(&mut self, at: usize, slice: Slice, splits: u32) {
        self.next_id += 1;
        self.held.insert(at, Held::new(self.next_id, slice, splits));
    }

    /// Whether all slices are read to their ends.
    fn is_read(&self) -> bool {
        self.planner.is_over() && self.held.iter().all(|held| held.end.is_some())
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.held.iter().position(|held| held.id == id)
    }

    /// How many slices are begun and not read to their ends.
    fn being_read(&self) -> usize {
        let being_read = |held: &&Held| held.is_begun && held.end.is_none();
        self.held.iter().filter(being_read).count()
    }

    /// Whether no more may be read ahead, where so many slices at once are enough.
    fn is_full(&self, enough: usize) -> bool {
        let at_the_front = self.held.front().map_or(0, |front| front.count);
        if at_the_front < MANY_AT_THE_FRONT && enough > FEW_AT_ONCE {
            return self.bytes_in_files >= MOST_BYTES_IN_FILES;
        }
        self.bytes_in_files > 0 || self.bytes_in_memory >= MOST_BYTES_IN_MEMORY / 2
    }
}

impl<'c> SliceBoard<'c> {
    /// Nothing was read yet. What can be gone on with only from its beginning, as whole days can, is to be
    /// read alone first where an earlier run broke off in it: of runs that all break off after so many
    /// requests none would come to its end if others took most of these.
    #[must_use]
    pub fn new(planner: Planner, client: &'c Client, most: usize, is_oldest_alone: bool) -> Self {
        Self {
            client,
            most,
            state: Mutex::new(State {
                planner,
                held: VecDeque::new(),
                next_id: 0,
                bytes_in_memory: 0,
                bytes_in_files: 0,
                is_oldest_alone,
                is_over: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// The next slice to be read, once there is room for its pages; none when there are no more, or
    /// nothing more is wanted.
    pub fn take(&self) -> Option<Task<'_>> {
        let mut state = self.lock();
        loop {
            if state.is_over {
                return None;
            }
            let enough = self.enough();
            let is_front_free = state.held.front().is_none_or(|front| !front.is_begun);
            let may_read_ahead =
                !state.is_oldest_alone && state.being_read() < enough && !state.is_full(enough);
            state.planner.reckon_with(enough);
            if (is_front_free || may_read_ahead)
                && let Some((id, slice, splits)) = state.next()
            {
                return Some(Task {
                    board: self,
                    id,
                    slice,
                    splits,
                    has_ended: false,
                });
            }
            // A slice that is being read may yet be split.
            if state.is_read() {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Waits for what comes next; none where there are no more slices. A slice that can't be read is a fault once all before it is taken.
    pub fn turn(&self) -> Result<Option<SliceTurn>, Fault> {
        let mut state = self.lock();
        loop {
            let state_now = &mut *state;
            let Some(front) = state_now.held.front_mut() else {
                // Readers take the first slice as soon as they begin.
                if state_now.planner.is_over() {
                    return Ok(None);
                }
                state = self.wait(state);
                continue;
            };
            if front.count > 0 {
                let (slice, waiting) = (front.slice, Arc::clone(&front.waiting));
                drop(state);
                return self.pop(slice, &waiting).map(Some);
            }
            if let Some(end) = front.end.take() {
                let slice = front.slice;
                state_now.held.pop_front();
                self.changed.notify_all();
                return end.map(|holes| Some(SliceTurn::End(slice, holes)));
            }
            state = self.wait(state);
        }
    }

    /// Takes what comes next out of the oldest slice.
    fn pop(&self, slice: Slice, waiting: &Mutex<WaitingPieces>) -> Result<SliceTurn, Fault> {
        let popped = pieces(waiting).pop()?;
        let mut state = self.lock();
        let Some((piece, was_in_memory)) = popped else {
            let lost = "a page that was read ahead is gone";
            return Err(Fault::Stream(lost.into()));
        };
        if was_in_memory {
            state.bytes_in_memory -= piece.bytes();
            self.memory().give_back_of_list(piece.bytes() as u64);
        } else {
            state.bytes_in_files -= piece.bytes();
        }
        if let Some(front) = state.held.front_mut() {
            front.count -= 1;
        }
        drop(state);
        self.changed.notify_all();
        Ok(SliceTurn::Page(slice, piece))
    }

    /// How many slices at once are enough, as far as pages of late show it.
    #[must_use]
    pub fn enough(&self) -> usize {
        self.client.enough_at_once().min(self.most)
    }

    /// Nothing more is wanted: readers end after the page that they wait for.
    pub fn close(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn memory(&self) -> &Memory {
        self.client.memory()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.changed.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task<'_> {
    /// A first page tells how many rows the slice has. Where those are too many for it, it is split, and
    /// its parts are read in its place: then this is true, and its page isn't wanted.
    pub fn is_split(&mut self, page: &Page, is_over: bool, page_size: u32) -> bool {
        let Some(rows) = page.total_count else {
            return false;
        };
        let mut state = self.board.lock();
        let there = page.rows.len() as u64;
        if is_over && rows >= there + u64::from(page_size) {
            state.planner.distrust();
            return false;
        }
        let oldest = page.oldest();
        state.planner.learn(&self.slice, rows, oldest);
        let Some(parts) = state.planner.split(&self.slice, rows, self.splits) else {
            return false;
        };
        let Some(place) = state.place(self.id) else {
            return false;
        };
        state.held.remove(place);
        for (number, part) in parts.into_iter().enumerate() {
            state.hold(place + number, part, self.splits + 1);
        }
        self.has_ended = true;
        self.board.changed.notify_all();
        true
    }

    /// Gives a page, and waits until there is room for another.
    pub fn give(&self, piece: Piece) -> Result<(), Fault> {
        let bytes = piece.bytes();
        let of_all = self.board.memory().hold_of_list(bytes as u64);
        let (waiting, may_stay) = {
            let state = self.board.lock();
            let place = state.place(self.id).filter(|_| !state.is_over);
            let Some(place) = place else {
                self.board.memory().give_back_of_list(bytes as u64);
                return Err(Fault::HungUp);
            };
            // What comes next needn't go by a file.
            let may_stay = place == 0
                || (state.bytes_in_memory + bytes <= MOST_BYTES_IN_MEMORY
                    && of_all <= MOST_BYTES_OF_ALL);
            (Arc::clone(&state.held[place].waiting), may_stay)
        };
        let pushed = pieces(&waiting).push(piece, may_stay);
        if !matches!(pushed, Ok(true)) {
            self.board.memory().give_back_of_list(bytes as u64);
        }
        let is_in_memory = pushed?;
        let mut state = self.board.lock();
        if is_in_memory {
            state.bytes_in_memory += bytes;
        } else {
            state.bytes_in_files += bytes;
        }
        if let Some(place) = state.place(self.id) {
            state.held[place].count += 1;
        }
        self.board.changed.notify_all();
        while !state.is_over && !self.has_room(&state) {
            state = self.board.wait(state);
        }
        Ok(())
    }

    fn has_room(&self, state: &State) -> bool {
        match state.held.front().filter(|front| front.id == self.id) {
            Some(front) => front.count < MOST_AT_THE_FRONT,
            None => !state.is_full(self.board.enough()),
        }
    }

    /// Says how the slice ended.
    pub fn end(mut self, end: Result<Vec<Hole>, Fault>) {
        self.put_end(end);
    }

    fn put_end(&mut self, end: Result<Vec<Hole>, Fault>) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let mut state = self.board.lock();
        if let Some(place) = state.place(self.id) {
            state.held[place].end = Some(end);
            state.is_oldest_alone &= place > 0;
        }
        drop(state);
        self.board.changed.notify_all();
    }
}

impl Drop for SliceBoard<'_> {
    fn drop(&mut self) {
        let held = self.lock().bytes_in_memory as u64;
        self.memory().give_back_of_list(held);
    }
}

fn pieces(waiting: &Mutex<WaitingPieces>) -> MutexGuard<'_, WaitingPieces> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reader that is gone without a word has died.
impl Drop for Task<'_> {
    fn drop(&mut self) {
        let died = "a thread that reads a part of its pages died; the log above says where";
        self.put_end(Err(Fault::Stream(died.into())));
    }
}
