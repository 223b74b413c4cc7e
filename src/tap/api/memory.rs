//! One budget of memory for the large bodies of all answers in flight, and of those that wait for
//! their turn to be emitted; and room for the pages of lists while they are taken apart.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cli::stop::{LOOK_UP, Stop};

/// What all of them may take, in bytes.
const BUDGET_BYTES: u64 = 24 << 20;
/// Pages that are read from the connection and taken apart at once: more wouldn't be done any sooner.
const MOST_PAGES_AT_ONCE: usize = 8;
/// No page waits longer for others, which may come slowly.
const LONGEST_WAIT_FOR_PAGES: Duration = Duration::from_millis(500);

/// The budget. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    book: Mutex<Book>,
    taking_turns: Mutex<()>,
    /// Bytes of lists that aren't read to their end.
    lists: AtomicU64,
    changed: Condvar,
    /// Pages that are being read and taken apart.
    pages: Mutex<usize>,
    page_done: Condvar,
}

#[derive(Debug, Default)]
struct Book {
    held: u64,
    next: u64,
    waiting: BTreeSet<u64>,
}

/// The place of one record, and of all that is asked for along with it, in the order of emission. It
/// gives back what was held for it when it is dropped.
#[derive(Debug)]
pub struct Turn {
    memory: Memory,
    number: u64,
    held: AtomicU64,
}

/// Room for a page that is read and taken apart. It gives it back when it is dropped.
#[derive(Debug)]
pub struct PageRoom {
    memory: Memory,
}

impl Memory {
    /// Waits a while for room for a page. Answers to many requests may come at once.
    #[must_use]
    pub fn page_room(&self) -> PageRoom {
        let wait = self.shared.page_done.wait_timeout_while(
            self.pages(),
            LONGEST_WAIT_FOR_PAGES,
            |pages| *pages >= MOST_PAGES_AT_ONCE,
        );
        let (mut pages, _) = wait.unwrap_or_else(PoisonError::into_inner);
        *pages += 1;
        PageRoom {
            memory: self.clone(),
        }
    }

    fn pages(&self) -> MutexGuard<'_, usize> {
        let pages = self.shared.pages.lock();
        pages.unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes more of a list are held until it is read to its end. Returns how many there are of
    /// all lists.
    #[must_use]
    pub fn hold_of_list(&self, bytes: u64) -> u64 {
        self.shared.lists.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// So many bytes of a list are no longer held.
    pub fn give_back_of_list(&self, bytes: u64) {
        self.shared.lists.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// To be held from taking a turn until all that is asked for along with it is in the queue of those
    /// who ask: they would all wait for the first turn, were it not among what they were given first.
    pub fn in_order(&self) -> MutexGuard<'_, ()> {
        let taking_turns = &self.shared.taking_turns;
        taking_turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place behind all that there are.
    #[must_use]
    pub fn turn(&self) -> Turn {
        let mut book = self.book();
        let number = book.next;
        book.next += 1;
        book.waiting.insert(number);
        drop(book);
        Turn {
            memory: self.clone(),
            number,
            held: AtomicU64::new(0),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn may_hold(&self, bytes: u64, turn: u64) -> bool {
        self.held + bytes <= BUDGET_BYTES || self.waiting.first() == Some(&turn)
    }
}

impl Turn {
    /// Holds so many bytes more, if that needs no waiting.
    #[must_use]
    pub fn try_hold(&self, bytes: u64) -> bool {
        let mut book = self.memory.book();
        let may = book.may_hold(bytes, self.number);
        if may {
            book.held += bytes;
            self.held.fetch_add(bytes, Ordering::Relaxed);
        }
        may
    }

    /// Waits until so many bytes more may be held; the error is the number of a signal that came
    /// meanwhile. Whoever is first in the order never waits: all others wait for it.
    pub fn hold(&self, bytes: u64, stop: &Stop) -> Result<(), i32> {
        let mut book = self.memory.book();
        while !book.may_hold(bytes, self.number) {
            if let Some(signal) = stop.received() {
                return Err(signal);
            }
            (book, _) = self
                .memory
                .shared
                .changed
                .wait_timeout(book, LOOK_UP)
                .unwrap_or_else(PoisonError::into_inner);
        }
        book.held += bytes;
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Gives back some of what is held.
    pub fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.memory.book().held -= bytes;
        self.memory.shared.changed.notify_all();
    }
}

impl Drop for PageRoom {
    fn drop(&mut self) {
        *self.memory.pages() -= 1;
        self.memory.shared.page_done.notify_one();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut book = self.memory.book();
        book.held -= self.held.load(Ordering::Relaxed);
        book.waiting.remove(&self.number);
        drop(book);
        self.memory.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_first_wait_for_what_is_given_back() {
        let memory = Memory::default();
        let stop = Stop::default();
        let first = memory.turn();
        let second = memory.turn();
        second.hold(BUDGET_BYTES, &stop).unwrap();
        first.hold(BUDGET_BYTES, &stop).unwrap();
        let third = memory.turn();
        std::thread::scope(|scope| {
            let held = scope.spawn(|| third.hold(1, &stop));
            drop(first);
            second.give_back(BUDGET_BYTES);
            assert_eq!(held.join().unwrap(), Ok(()));
        });
        drop(second);
        assert_eq!(memory.book().held, 1);
        drop(third);
        assert_eq!(memory.book().held, 0);
    }
}
