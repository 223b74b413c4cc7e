//! A window of the API's budget, as answers describe it, and how much of it is ours. Pure, but for the
//! clock that the end of a window is told by.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Slack behind the end of a window, so that a clock that is a little ahead doesn't send early.
const SLACK: Duration = Duration::from_millis(20);
/// Where others share the limit, not everyone begins at once with a window.
const LONGEST_DELAY_AMONG_OTHERS: u64 = 40;
/// No window is longer.
const LONGEST_WINDOW: Duration = Duration::from_mins(2);
/// How long the API's windows are.
const USUAL_WINDOW: Duration = Duration::from_secs(10);
/// How many requests of a window weigh as much as what is known from the one before.
const WEIGHT_OF_LAST_WINDOW: f64 = 8.0;
/// Whoever makes a larger share of the requests is taken to be alone.
const ALONE: f64 = 0.97;
/// Of a window that others share, one in so many requests is left to those that are on their way.
const LEFT_TO_OTHERS: u32 = 33;
/// Of what is ours of a window that others share, no more than one in so many is in flight: what others
/// have used is known only as of answers that were on their way for a while.
const IN_FLIGHT_AMONG_OTHERS: f64 = 3.0;
/// Others' speed is told by no less time than this.
const LEAST_TIME_TO_TELL: Duration = Duration::from_millis(50);

/// A window of the API's budget, as the newest answers describe it.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    limit: u32,
    /// The lowest count any answer of this window gave. Requests in flight may or may not be in it
    /// already, and count as if they weren't: never over the budget, and exact when they are done.
    pub remaining: u32,
    /// Answers of this window, each one of our own requests.
    answered: u32,
    reset: u64,
    /// When it is over.
    pub ends: Instant,
    /// How much of the last one was ours.
    share_before: f64,
    /// When the first answer came, and what others had used by then.
    began: (Instant, u32),
    /// When the newest answer came.
    told: Instant,
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

impl Window {
    /// The window that an answer tells of, `last` being the one that was known. None where it tells of
    /// none, or of an older one.
    #[must_use]
    pub fn after(last: Option<Self>, budget: Budget, now: Instant) -> Option<Self> {
        let limit = budget.limit?;
        let remaining = budget.remaining?;
        let reset = budget.reset?;
        match last {
            Some(window) if reset < window.reset => None,
            Some(window) if reset == window.reset => Some(Self {
                remaining: window.remaining.min(remaining),
                answered: window.answered + 1,
                told: now,
                ..window
            }),
            _ => {
                let share_before = last.map_or(1.0, |last| last.share());
                let delay = if share_before < ALONE {
                    Duration::from_millis(fastrand::u64(0..=LONGEST_DELAY_AMONG_OTHERS))
                } else {
                    Duration::ZERO
                };
                Some(Self {
                    limit,
                    remaining,
                    answered: 1,
                    reset,
                    ends: now + until(reset, budget.server_time) + SLACK + delay,
                    share_before,
                    began: (now, limit.saturating_sub(remaining).saturating_sub(1)),
                    told: now,
                })
            }
        }
    }

    /// What the next window holds for us until an answer says so: other apps are taken to use as
    /// much of it as of this one.
    #[must_use]
    pub fn next_budget(&self) -> u32 {
        self.limit.saturating_sub(self.used_by_others()).max(1)
    }

    fn used_by_others(&self) -> u32 {
        let used = self.limit.saturating_sub(self.remaining);
        used.saturating_sub(self.answered)
    }

    /// How much of what is used of it is ours, 1 at most.
    fn share(&self) -> f64 {
        let used = f64::from(self.answered + self.used_by_others());
        let weight = WEIGHT_OF_LAST_WINDOW;
        (f64::from(self.answered) + weight * self.share_before) / (used + weight)
    }

    /// How many may be in flight at `now`. Others have requests on their way too, of which nothing is
    /// known but that there are as many as their share.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a positive count"
    )]
    #[must_use]
    pub fn budget(&self, now: Instant) -> u32 {
        let share = self.share();
        if share >= ALONE {
            return self.remaining;
        }
        let remaining = f64::from(self.remaining) - self.used_since(now);
        if remaining <= f64::from(self.limit / LEFT_TO_OTHERS) {
            return 0;
        }
        ((remaining * share / IN_FLIGHT_AMONG_OTHERS) as u32).max(1)
    }

    /// What others may have used since the newest answer, at their speed of this window.
    fn used_since(&self, now: Instant) -> f64 {
        let (first, used_before) = self.began;
        let seconds = (self.told - first).max(LEAST_TIME_TO_TELL).as_secs_f64();
        let speed = f64::from(self.used_by_others().saturating_sub(used_before)) / seconds;
        speed * now.saturating_duration_since(self.told).as_secs_f64()
    }
}

/// How many requests a minute may be sent, as far as windows as large as this one and the time between
/// two requests say it.
#[must_use]
pub fn most_a_minute(window: Option<Window>, interval: Option<Duration>) -> Option<f64> {
    let windows = 60.0 / USUAL_WINDOW.as_secs_f64();
    let told = window.map(|window| f64::from(window.limit) * windows);
    let set = interval.map(|interval| 60.0 / interval.as_secs_f64());
    told.into_iter().chain(set).reduce(f64::min)
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

    fn window(remaining: u32, answered: u32, share_before: f64) -> Window {
        let now = Instant::now();
        Window {
            limit: 1667,
            remaining,
            answered,
            reset: 1_010,
            ends: now,
            share_before,
            began: (now, 0),
            told: now,
        }
    }

    #[test]
    fn near_the_end_of_a_window_that_others_share_the_last_requests_are_left_to_them() {
        let budget = |window: Window| window.budget(window.told);
        // Alone, all of it is ours.
        assert_eq!(budget(window(1, 1666, 1.0)), 1);
        // One of six equals.
        let sixth = 1.0 / 6.0;
        assert_eq!(budget(window(600, 178, sixth)), 33);
        assert_eq!(budget(window(60, 268, sixth)), 3);
        assert_eq!(budget(window(50, 270, sixth)), 0);
        // A newcomer gets in.
        assert_eq!(budget(window(667, 1, 1.0)), 1);
        // What others used all at once before leaves the rest to us.
        let few = Window {
            limit: 60,
            ..window(3, 7, 0.2)
        };
        assert!(budget(few) >= 1);
    }

    #[test]
    fn what_others_use_meanwhile_is_reckoned_with() {
        let window = window(600, 178, 1.0 / 6.0);
        let later = Window {
            told: window.told + Duration::from_secs(1),
            ..window
        };
        // 889 in a second.
        let after = |milliseconds| later.budget(later.told + Duration::from_millis(milliseconds));
        assert_eq!(after(0), 33);
        assert_eq!(after(300), 18);
        assert_eq!(after(700), 0);
    }

    #[test]
    fn a_reset_of_hours_ahead_is_the_end_of_a_usual_window() {
        assert_eq!(until(1_007, Some(1_000)), Duration::from_secs(7));
        assert_eq!(until(1_000 + 5 * 3600, Some(1_000)), USUAL_WINDOW);
        assert_eq!(until(900, Some(1_000)), Duration::ZERO);
    }
}
