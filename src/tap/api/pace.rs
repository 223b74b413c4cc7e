//! When the next request may be sent: one limiter for all threads, led by the API's own headers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cli::stop::{LOOK_UP, Stop};

/// Slack behind the end of a window, so that a clock that is a little ahead doesn't send early.
const SLACK: Duration = Duration::from_millis(20);
/// No window is longer.
const LONGEST_WINDOW: Duration = Duration::from_mins(2);
/// How long the API's windows are.
const USUAL_WINDOW: Duration = Duration::from_secs(10);

/// The limiter. A request takes a [`Permit`] and gives it back with what the answer said.
#[derive(Debug)]
pub struct Pace {
    book: Mutex<Book>,
    changed: Condvar,
    request_interval: Option<Duration>,
}

#[derive(Debug)]
struct Book {
    in_flight: u32,
    window: Option<Window>,
    /// Whether any answer came: before the first, the budget is unknown and one request goes alone.
    is_answered: bool,
    paused_until: Option<Instant>,
    /// How many look into what a refusal means.
    doubts: u32,
    next_slot: Instant,
}

/// A window of the API's budget, as the newest answers describe it.
#[derive(Clone, Copy, Debug)]
struct Window {
    limit: u32,
    /// The lowest count any answer of this window gave. Requests in flight may or may not be in it
    /// already, and count as if they weren't: never over the budget, and exact when they are done.
    remaining: u32,
    /// Answers of this window, each one of our own requests.
    answered: u32,
    reset: u64,
    ends: Instant,
}

impl Window {
    /// What the next window holds for us until an answer says so: other apps are taken to use as
    /// much of it as of this one.
    fn next_budget(&self) -> u32 {
        let used = self.limit.saturating_sub(self.remaining);
        let used_by_others = used.saturating_sub(self.answered);
        self.limit.saturating_sub(used_by_others).max(1)
    }
}

/// What the headers of an answer say of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// `X-RateLimit-Limit`: requests a window.
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`: requests left in it.
    pub remaining: Option<u32>,
    /// `X-RateLimit-Reset`: Unix seconds of its end.
    pub reset: Option<u64>,
    /// `Date` as Unix seconds: the server's clock, which `reset` is on.
    pub server_time: Option<u64>,
}

/// Leave to send one request. Dropped unused, it says nothing about the budget.
#[derive(Debug)]
pub struct Permit<'a> {
    pace: &'a Pace,
}

/// Holds all others back until it is known what a refusal means.
#[derive(Debug)]
pub struct Doubt<'a> {
    pace: &'a Pace,
}

impl Pace {
    /// A limiter that also keeps `request_interval` between two requests.
    #[must_use]
    pub fn new(request_interval: Option<Duration>) -> Self {
        Self {
            book: Mutex::new(Book {
                in_flight: 0,
                window: None,
                is_answered: false,
                paused_until: None,
                doubts: 0,
                next_slot: Instant::now(),
            }),
            changed: Condvar::new(),
            request_interval,
        }
    }

    /// Waits until a request may be sent; the error is the number of a signal that came meanwhile.
    pub fn permit(&self, stop: &Stop) -> Result<Permit<'_>, i32> {
        let mut book = self.book();
        loop {
            if let Some(signal) = stop.received() {
                return Err(signal);
            }
            let now = Instant::now();
            let Some(wait) = book.wait(now) else {
                break;
            };
            (book, _) = self
                .changed
                .wait_timeout(book, wait.min(LOOK_UP))
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(interval) = self.request_interval {
            book.next_slot = book.next_slot.max(Instant::now()) + interval;
        }
        book.in_flight += 1;
        Ok(Permit { pace: self })
    }

    /// Holds back all others while somebody looks into what a refusal means.
    pub fn doubt(&self) -> Doubt<'_> {
        self.book().doubts += 1;
        Doubt { pace: self }
    }

    /// Leave for who is in doubt.
    pub fn permit_in_doubt(&self) -> Permit<'_> {
        self.book().in_flight += 1;
        Permit { pace: self }
    }

    /// Holds back every thread for `pause`; pauses that overlap are one.
    pub fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut book = self.book();
        book.paused_until = Some(
            book.paused_until
                .map_or(until, |earlier| earlier.max(until)),
        );
    }

    /// How long a request that came now would have to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.book().wait(Instant::now())
    }

    /// How many requests the current window still allows, where the API says it.
    #[must_use]
    pub fn remaining(&self) -> Option<u32> {
        let now = Instant::now();
        let window = self.book().window.filter(|window| now < window.ends)?;
        Some(window.remaining)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Gives the permit back with what the answer's headers said.
    pub fn answered(self, budget: Budget) {
        let mut book = self.pace.book();
        book.is_answered = true;
        book.learn(budget, Instant::now());
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.pace.book().in_flight -= 1;
        self.pace.changed.notify_all();
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.pace.book().doubts -= 1;
        self.pace.changed.notify_all();
    }
}

impl Book {
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
            None => 1,
            Some(window) if now < window.ends => window.remaining,
            Some(window) => window.next_budget(),
        };
        if self.in_flight < budget {
            return None;
        }
        match self.window {
            Some(window) if now < window.ends => Some(window.ends - now),
            _ => Some(LOOK_UP),
        }
    }

    fn learn(&mut self, budget: Budget, now: Instant) {
        let Budget {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(reset),
            server_time,
        } = budget
        else {
            return;
        };
        match &mut self.window {
            Some(window) if reset < window.reset => {}
            Some(window) if reset == window.reset => {
                window.remaining = window.remaining.min(remaining);
                window.answered += 1;
            }
            _ => {
                self.window = Some(Window {
                    limit,
                    remaining,
                    answered: 1,
                    reset,
                    ends: now + until(reset, server_time) + SLACK,
                });
            }
        }
    }
}

/// The time left until a second of the server's clock. Clocks less than two seconds apart count as
/// the same, since `Date` has no fractions.
#[must_use]
pub fn until(second: u64, server_time: Option<u64>) -> Duration {
    let here = unix_time();
    let now = match server_time {
        Some(there) if there.abs_diff(here.as_secs()) >= 2 => Duration::from_secs(there),
        _ => here,
    };
    let left = Duration::from_secs(second).saturating_sub(now);
    // So far away, it is no window's end but some other clock's or zone's time.
    if left > LONGEST_WINDOW {
        USUAL_WINDOW
    } else {
        left
    }
}

/// The clock of this machine, since 1970.
#[must_use]
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
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
        pace.permit(&Stop::default()).unwrap()
    }

    #[test]
    fn the_first_request_goes_alone() {
        let pace = Pace::new(None);
        let first = permit(&pace);
        assert!(is_held_back(&pace));
        first.answered(Budget::default());
        let _second = permit(&pace);
        assert!(!is_held_back(&pace));
    }

    #[test]
    fn requests_in_flight_count_against_what_remains() {
        let pace = Pace::new(None);
        permit(&pace).answered(budget(2, 1_010));
        let second = permit(&pace);
        let _third = permit(&pace);
        assert!(is_held_back(&pace));
        second.answered(budget(0, 1_010));
        assert!(is_held_back(&pace));
    }

    #[test]
    fn other_apps_that_use_the_budget_are_noticed() {
        let pace = Pace::new(None);
        permit(&pace).answered(budget(2, 1_010));
        permit(&pace).answered(budget(0, 1_010));
        assert!(is_held_back(&pace));
    }

    #[test]
    fn a_late_answer_of_an_older_window_changes_nothing() {
        let pace = Pace::new(None);
        permit(&pace).answered(budget(2, 1_020));
        permit(&pace).answered(budget(0, 1_010));
        assert!(!is_held_back(&pace));
    }

    #[test]
    fn a_window_that_is_over_gives_way_to_a_whole_new_one() {
        let pace = Pace::new(None);
        permit(&pace).answered(budget(0, 1_010));
        let later = Instant::now() + Duration::from_secs(11);
        assert_eq!(pace.book().wait(later), None);
    }

    #[test]
    fn a_new_window_is_shared_with_other_apps_as_the_one_before() {
        let pace = Pace::new(None);
        permit(&pace).answered(budget(1, 1_010));
        permit(&pace).answered(budget(0, 1_010));
        // One of the three went to others, so two are ours.
        let later = Instant::now() + Duration::from_secs(11);
        pace.book().in_flight = 1;
        assert_eq!(pace.book().wait(later), None);
        pace.book().in_flight = 2;
        assert!(pace.book().wait(later).is_some());
    }

    #[test]
    fn a_reset_of_hours_ahead_is_the_end_of_a_usual_window() {
        assert_eq!(until(1_007, Some(1_000)), Duration::from_secs(7));
        assert_eq!(until(1_000 + 5 * 3600, Some(1_000)), USUAL_WINDOW);
        assert_eq!(until(900, Some(1_000)), Duration::ZERO);
    }

    #[test]
    fn a_pause_holds_back_everyone() {
        let pace = Pace::new(None);
        permit(&pace).answered(Budget::default());
        pace.pause(Duration::from_secs(5));
        assert!(is_held_back(&pace));
    }

    #[test]
    fn an_interval_is_kept_between_two_requests() {
        let pace = Pace::new(Some(Duration::from_mins(1)));
        permit(&pace).answered(Budget::default());
        assert!(is_held_back(&pace));
    }
}
