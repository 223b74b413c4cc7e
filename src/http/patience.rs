//! The one way to wait between two tries: longer each time, no less than the server asks for, never
//! beyond a deadline, and not through a signal.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime};
use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

use crate::cli::stop::Stop;

/// After a signal, tries follow each other sooner: little time is left.
const LONGEST_PAUSE_WHEN_STOPPING: Duration = Duration::from_secs(1);

/// Pauses that double, with jitter so that those who failed together don't come back together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The longest that the first pause may be.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after the nth failure, counted from 1.
    #[must_use]
    pub fn pause(&self, failure: u32) -> Duration {
        let doubled = 1 << failure.saturating_sub(1).min(16);
        let full = self.first.saturating_mul(doubled).min(self.longest);
        full.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Why a request isn't tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// A signal came, and the time that it left is over.
    Stopping,
    /// It has failed for too long.
    TimeIsUp {
        /// Tries made.
        tries: u32,
        /// Since the first of them failed.
        seconds: u64,
    },
}

/// How long something that fails is tried again, from its first failure on: a first request that
/// stalls for long is still tried again. A signal doesn't end it at once, but brings its end near.
#[derive(Debug)]
pub struct Patience {
    backoff: Backoff,
    limit: Duration,
    stop: Stop,
    failing_since: Option<Instant>,
    failures: u32,
    /// What the server asked for.
    asked: Duration,
}

impl Patience {
    /// A fresh allowance; a `limit` of zero allows no second try.
    #[must_use]
    pub fn new(backoff: Backoff, limit: Duration, stop: &Stop) -> Self {
        Self {
            backoff,
            limit,
            stop: stop.clone(),
            failing_since: None,
            failures: 0,
            asked: Duration::ZERO,
        }
    }

    /// Starts anew: there was progress.
    pub fn reset(&mut self) {
        self.failing_since = None;
        self.failures = 0;
    }

    /// Notes how long the server asks to be left alone.
    pub fn heed(&mut self, headers: &HeaderMap) {
        self.asked = retry_after(headers).unwrap_or_default();
    }

    /// After a failure: how long to wait before the next try.
    pub fn next_pause(&mut self) -> Result<Duration, GivenUp> {
        self.failures += 1;
        let asked = std::mem::take(&mut self.asked);
        let now = Instant::now();
        let spent = now.duration_since(*self.failing_since.get_or_insert(now));
        let left = self.limit.saturating_sub(spent);
        let mut pause = self.backoff.pause(self.failures).max(asked).min(left);
        if let Some(remaining) = self.stop.remaining() {
            if remaining.is_zero() {
                return Err(GivenUp::Stopping);
            }
            pause = pause.min(LONGEST_PAUSE_WHEN_STOPPING).min(remaining);
        }
        if left.is_zero() {
            return Err(GivenUp::TimeIsUp {
                tries: self.failures,
                seconds: spent.as_secs(),
            });
        }
        Ok(pause)
    }

    /// Waits so long; a signal that comes meanwhile cuts it short.
    pub fn wait(&self, pause: Duration) {
        if self.stop.received().is_some() {
            std::thread::sleep(pause);
        } else if self.stop.wait(pause).is_err() {
            std::thread::sleep(pause.min(LONGEST_PAUSE_WHEN_STOPPING));
        }
    }
}

/// How long `Retry-After` asks to wait, in seconds, whole or not, or until a date; not capped, but
/// for what a [`Duration`] can hold. A date counts from the reply's own `Date`, where it has one.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        // What is too much for it is as good as for ever.
        return (seconds >= 0.0)
            .then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let until = http_date(text)?;
    let now = server_time(headers).unwrap_or_else(|| chrono::Utc::now().timestamp());
    let seconds = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
    Some(Duration::from_secs(seconds))
}

/// `Date`: the server's clock, in Unix seconds.
#[must_use]
pub fn server_time(headers: &HeaderMap) -> Option<i64> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// By how many seconds this machine's clock differs from the server's, if that says its own.
#[must_use]
pub fn clock_differs_by(headers: &HeaderMap) -> Option<u64> {
    Some(server_time(headers)?.abs_diff(chrono::Utc::now().timestamp()))
}

/// A date as HTTP has it, or in RFC 3339, as Unix seconds.
#[must_use]
pub fn http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    DateTime::parse_from_rfc2822(text)
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .map(|date| date.timestamp())
        .or_else(|_| {
            // The two forms of old that RFC 9110 still knows.
            NaiveDateTime::parse_from_str(text, "%A, %d-%b-%y %H:%M:%S GMT")
                .or_else(|_| NaiveDateTime::parse_from_str(text, "%a %b %e %H:%M:%S %Y"))
                .map(|date| date.and_utc().timestamp())
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(500),
        longest: Duration::from_mins(1),
    };

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = ureq::http::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        pairs.collect()
    }

    #[test]
    fn what_a_server_asks_for_is_read_in_every_form() {
        let seconds = |text| retry_after(&headers(&[("retry-after", text)]));
        assert_eq!(seconds("7"), Some(Duration::from_secs(7)));
        assert_eq!(seconds(" 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("-3"), None);
        assert_eq!(seconds("18446744073709551615"), Some(Duration::MAX));
        assert_eq!(seconds("1e400"), Some(Duration::MAX));
        assert_eq!(seconds("NaN"), None);
        assert_eq!(seconds("soon"), None);
        assert_eq!(
            seconds("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        let dated = headers(&[
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"),
        ]);
        assert_eq!(retry_after(&dated), Some(Duration::from_mins(1)));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (failure, most) in [
            (1, 500),
            (2, 1000),
            (3, 2000),
            (20, 60_000),
            (u32::MAX, 60_000),
        ] {
            let pause = BACKOFF.pause(failure);
            let most = Duration::from_millis(most);
            assert!((most / 2..=most).contains(&pause), "{failure}: {pause:?}");
        }
    }

    #[test]
    fn what_is_asked_for_lengthens_a_pause_up_to_what_is_left() {
        let limit = Duration::from_secs(100);
        let pause_of = |asked| {
            let mut patience = Patience::new(BACKOFF, limit, &Stop::default());
            patience.heed(&headers(&[("retry-after", asked)]));
            patience.next_pause().unwrap()
        };
        assert_eq!(pause_of("30"), Duration::from_secs(30));
        assert_eq!(pause_of("18446744073709551615"), limit);
        assert!(pause_of("0") >= Duration::from_millis(250));
    }

    #[test]
    fn no_time_allows_no_second_try() {
        let mut patience = Patience::new(BACKOFF, Duration::ZERO, &Stop::default());
        let given_up = GivenUp::TimeIsUp {
            tries: 1,
            seconds: 0,
        };
        assert_eq!(patience.next_pause(), Err(given_up));
    }
}
