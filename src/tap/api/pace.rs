//! When the next request may be sent: one limiter for all threads, led by the API's own headers and by
//! how many may be in flight. Those who wait go in the order in which they came, pages before details,
//! but for one in four, so that neither waits for ever.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::breadth::Breadth;
use super::window::{Budget, Window};
use crate::cli::stop::{LOOK_UP, Stop};

/// Before the first answer, one more request may go each time this has passed: one that hangs must
/// not hold all others.
const FIRST_ANSWER: Duration = Duration::from_secs(2);
/// So many pages may go before a detail that waits.
const PAGES_BEFORE_A_DETAIL: u32 = 3;

/// The limiter. A request takes a [`Permit`] and gives it back with what the answer said.
#[derive(Debug)]
pub struct Pace {
    book: Mutex<Book>,
    request_interval: Option<Duration>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// A page of a list, which further requests follow from.
    Page,
    /// What goes with one record.
    Detail,
}

#[derive(Debug)]
struct Book {
    in_flight: u32,
    breadth: Breadth,
    pages: VecDeque<(u64, Thread)>,
    details: VecDeque<(u64, Thread)>,
    next_number: u64,
    /// How many pages went since the last detail.
    pages_in_a_row: u32,
    window: Option<Window>,
    /// Whether any answer came: before the first, the budget is unknown and one request goes alone.
    is_answered: bool,
    first_sent: Option<Instant>,
    paused_until: Option<Instant>,
    /// How many look into what a refusal means.
    doubts: u32,
    next_slot: Instant,
}

/// Leave to send one request. Dropped unused, it says nothing about the budget.
#[derive(Debug)]
pub struct Permit<'a> {
    pace: &'a Pace,
    sent: Instant,
    /// Whether the server had no trouble with it, once that is known.
    is_healthy: Option<bool>,
    /// Whether it counts among those in flight.
    is_counted: bool,
}

/// Holds all others back until it is known what a refusal means.
#[derive(Debug)]
pub struct Doubt<'a> {
    pace: &'a Pace,
}

impl Pace {
    /// A limiter that lets `most` be in flight at most, and also keeps `request_interval` between two
    /// requests.
    #[must_use]
    pub fn new(request_interval: Option<Duration>, most: usize) -> Self {
        Self {
            book: Mutex::new(Book {
                in_flight: 0,
                breadth: Breadth::new(most),
                pages: VecDeque::new(),
                details: VecDeque::new(),
                next_number: 0,
                pages_in_a_row: 0,
                window: None,
                is_answered: false,
                first_sent: None,
                paused_until: None,
                doubts: 0,
                next_slot: Instant::now(),
            }),
            request_interval,
        }
    }

    /// Waits until a request may be sent; the error is the number of a signal that came meanwhile.
    pub fn permit(&self, purpose: Purpose, stop: &Stop) -> Result<Permit<'_>, i32> {
        let mut book = self.book();
        let number = book.queue_up(purpose);
        loop {
            if let Some(signal) = stop.received() {
                book.leave(purpose, number);
                return Err(signal);
            }
            let now = Instant::now();
            let mut pause = LOOK_UP;
            if book.is_first(purpose, number) {
                match book.wait(now) {
                    None => break,
                    Some(wait) => pause = wait.min(LOOK_UP),
                }
            }
            drop(book);
            thread::park_timeout(pause);
            book = self.book();
        }
        let now = Instant::now();
        if let Some(interval) = self.request_interval {
            book.next_slot = book.next_slot.max(now) + interval;
        }
        book.go(purpose, number);
        book.first_sent.get_or_insert(now);
        Ok(self.send(&mut book))
    }

    fn send(&self, book: &mut Book) -> Permit<'_> {
        book.in_flight += 1;
        let in_flight = book.in_flight;
        book.breadth.sent(in_flight);
        Permit {
            pace: self,
            sent: Instant::now(),
            is_healthy: None,
            is_counted: true,
        }
    }

    /// Holds back all others while somebody looks into what a refusal means.
    pub fn doubt(&self) -> Doubt<'_> {
        self.book().doubts += 1;
        Doubt { pace: self }
    }

    /// Leave for who is in doubt.
    pub fn permit_in_doubt(&self) -> Permit<'_> {
        self.send(&mut self.book())
    }

    /// Holds back every thread for `pause`; pauses that overlap are one.
    pub fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut book = self.book();
        book.paused_until = book.paused_until.max(Some(until));
    }

    /// How long a request that came now would have to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.book().wait(Instant::now())
    }

    /// The newest window that the API has told of.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.book().window
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Takes in what the answer's headers said. `is_healthy`: the server had no trouble with it.
    pub fn answered(&mut self, budget: Budget, is_healthy: bool) {
        self.is_healthy = Some(is_healthy);
        let mut book = self.pace.book();
        book.is_answered = true;
        let known = Window::after(book.window, budget, Instant::now());
        book.window = known.or(book.window);
    }

    /// There was no answer.
    pub fn lost(&mut self) {
        self.is_healthy = Some(false);
    }

    /// What is left of the answer waits for something else: others may go instead.
    pub fn step_aside(&mut self) {
        if std::mem::take(&mut self.is_counted) {
            let mut book = self.pace.book();
            book.in_flight -= 1;
            book.wake_first();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut book = self.pace.book();
        book.in_flight -= u32::from(self.is_counted);
        if let Some(is_healthy) = self.is_healthy {
            book.breadth.ended(is_healthy, self.sent.elapsed());
        }
        book.wake_first();
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut book = self.pace.book();
        book.doubts -= 1;
        book.wake_first();
    }
}

impl Book {
    fn queue_up(&mut self, purpose: Purpose) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.queue(purpose).push_back((number, thread::current()));
        number
    }

    /// The first of those who wait goes.
    fn go(&mut self, purpose: Purpose, number: u64) {
        self.pages_in_a_row = match purpose {
            Purpose::Page => self.pages_in_a_row + 1,
            Purpose::Detail => 0,
        };
        self.leave(purpose, number);
    }

    fn leave(&mut self, purpose: Purpose, number: u64) {
        self.queue(purpose).retain(|(other, _)| *other != number);
        self.wake_first();
    }

    fn queue(&mut self, purpose: Purpose) -> &mut VecDeque<(u64, Thread)> {
        match purpose {
            Purpose::Page => &mut self.pages,
            Purpose::Detail => &mut self.details,
        }
    }

    /// Who goes next.
    fn first(&self) -> Option<&(u64, Thread)> {
        let (page, detail) = (self.pages.front(), self.details.front());
        if self.pages_in_a_row >= PAGES_BEFORE_A_DETAIL {
            detail.or(page)
        } else {
            page.or(detail)
        }
    }

    fn is_first(&self, purpose: Purpose, number: u64) -> bool {
        let queue = match purpose {
            Purpose::Page => &self.pages,
            Purpose::Detail => &self.details,
        };
        let is_front = queue.front().is_some_and(|(front, _)| *front == number);
        is_front && self.first().is_some_and(|(first, _)| *first == number)
    }

    fn wake_first(&self) {
        if let Some((_, thread)) = self.first() {
            thread.unpark();
        }
    }

    /// How long a request has to wait from `now` before asking again, or `None` when it may go.
    fn wait(&self, now: Instant) -> Option<Duration> {
        if self.doubts > 0 {
            return Some(LOOK_UP);
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        if self.next_slot > now {
            return Some(self.next_slot - now);
        }
        let budget = match self.window {
            None if self.is_answered => u32::MAX,
            None => self.budget_before_the_first_answer(now),
            Some(window) if now < window.ends => window.budget(now),
            Some(window) => window.next_budget(),
        };
        if self.in_flight >= self.breadth.allowed() {
            return Some(LOOK_UP);
        }
        if self.in_flight < budget {
            return None;
        }
        match self.window {
            Some(window) if now < window.ends => Some(window.ends - now),
            _ => Some(LOOK_UP),
        }
    }

    fn budget_before_the_first_answer(&self, now: Instant) -> u32 {
        let waited = self.first_sent.map_or(Duration::ZERO, |sent| now - sent);
        let more = waited.as_secs() / FIRST_ANSWER.as_secs();
        1 + u32::try_from(more).unwrap_or(u32::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(remaining: u32, reset: u64) -> Budget {
        Budget {
            limit: Some(3),
            remaining: Some(remaining),
            reset: Some(reset),
            server_time: Some(1_000),
        }
    }

    fn is_held_back(pace: &Pace) -> bool {
        pace.book().wait(Instant::now()).is_some()
    }

    fn permit(pace: &Pace) -> Permit<'_> {
        pace.permit(Purpose::Page, &Stop::default()).unwrap()
    }

    fn answer(mut permit: Permit<'_>, budget: Budget) {
        permit.answered(budget, true);
    }

    #[test]
    fn the_first_request_goes_alone() {
        let pace = Pace::new(None, 64);
        let first = permit(&pace);
        assert!(is_held_back(&pace));
        answer(first, Budget::default());
        let _second = permit(&pace);
        assert!(!is_held_back(&pace));
    }

    #[test]
    fn requests_in_flight_count_against_what_remains() {
        let pace = Pace::new(None, 64);
        answer(permit(&pace), budget(2, 1_010));
        let second = permit(&pace);
        let _third = permit(&pace);
        assert!(is_held_back(&pace));
        answer(second, budget(0, 1_010));
        assert!(is_held_back(&pace));
    }

    #[test]
    fn other_apps_that_use_the_budget_are_noticed() {
        let pace = Pace::new(None, 64);
        answer(permit(&pace), budget(2, 1_010));
        answer(permit(&pace), budget(0, 1_010));
        assert!(is_held_back(&pace));
    }

    #[test]
    fn a_late_answer_of_an_older_window_changes_nothing() {
        let pace = Pace::new(None, 64);
        answer(permit(&pace), budget(2, 1_020));
        answer(permit(&pace), budget(0, 1_010));
        assert!(!is_held_back(&pace));
    }

    #[test]
    fn a_window_that_is_over_gives_way_to_a_whole_new_one() {
        let pace = Pace::new(None, 64);
        answer(permit(&pace), budget(0, 1_010));
        let later = Instant::now() + Duration::from_secs(11);
        assert_eq!(pace.book().wait(later), None);
    }

    #[test]
    fn a_new_window_is_shared_with_other_apps_as_the_one_before() {
        let pace = Pace::new(None, 64);
        answer(permit(&pace), budget(1, 1_010));
        answer(permit(&pace), budget(0, 1_010));
        // One of the three went to others, so two are ours.
        let later = Instant::now() + Duration::from_secs(11);
        pace.book().in_flight = 1;
        assert_eq!(pace.book().wait(later), None);
        pace.book().in_flight = 2;
        assert!(pace.book().wait(later).is_some());
    }

    #[test]
    fn a_pause_holds_back_everyone() {
        let pace = Pace::new(None, 64);
        answer(permit(&pace), Budget::default());
        pace.pause(Duration::from_secs(5));
        assert!(is_held_back(&pace));
    }

    #[test]
    fn an_interval_is_kept_between_two_requests() {
        let pace = Pace::new(Some(Duration::from_mins(1)), 64);
        answer(permit(&pace), Budget::default());
        assert!(is_held_back(&pace));
    }

    #[test]
    fn no_more_are_in_flight_than_may_be_however_large_the_budget() {
        let pace = Pace::new(None, 2);
        answer(permit(&pace), Budget::default());
        let _first = permit(&pace);
        let mut second = permit(&pace);
        assert!(is_held_back(&pace));
        second.step_aside();
        assert!(!is_held_back(&pace));
        drop(second);
        assert_eq!(pace.book().in_flight, 1);
    }

    #[test]
    fn one_that_hangs_before_the_first_answer_holds_the_others_for_a_while_only() {
        let pace = Pace::new(None, 64);
        let _hangs = permit(&pace);
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert!(pace.book().wait(later(1)).is_some());
        assert!(pace.book().wait(later(3)).is_none());
    }

    #[test]
    fn pages_go_first_but_details_are_not_forgotten() {
        let pace = Pace::new(None, 64);
        let mut order = Vec::new();
        let mut book = pace.book();
        for _ in 0..5 {
            book.queue_up(Purpose::Detail);
        }
        for _ in 0..5 {
            book.queue_up(Purpose::Page);
        }
        while let Some(number) = book.first().map(|(number, _)| *number) {
            let purpose = [Purpose::Detail, Purpose::Page][usize::from(number >= 5)];
            assert!(book.is_first(purpose, number));
            book.go(purpose, number);
            order.push(number);
        }
        assert_eq!(order, [5, 6, 7, 0, 8, 9, 1, 2, 3, 4]);
    }
}
