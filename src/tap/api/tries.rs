//! What the tries of a request come to, and how long to wait between them.

use std::time::{Duration, Instant};

use super::error::{ErrorList, describe};
use super::request::ApiRequest;
use crate::http::patience::Backoff;
use crate::tap::fault::Fault;

/// Between the tries of a request.
pub(super) const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_mins(1),
};
/// After refusals by the rate limit: one of its windows is no longer.
pub(super) const BACKOFF_OF_RATE_LIMIT: Backoff = Backoff {
    longest: Duration::from_secs(10),
    ..BACKOFF
};
/// How long nothing of a resource may get through the rate limit before a request of it is given up.
pub(super) const LONGEST_REFUSED: Duration = Duration::from_mins(15);
/// The same unusable answer, so often in a row, is what the API has to say of a detail.
pub(super) const MOST_ALIKE: u32 = 3;

/// What one try came to.
pub(super) enum Try<T> {
    Done(T),
    Again {
        why: String,
        pause: Pause,
    },
    /// The rate limit kept the server from acting on it: no try at all.
    TooMany(Option<Duration>),
    /// An answer that isn't usable, with a checksum of it.
    Unusable {
        why: String,
        checksum: u32,
    },
    /// Another try would change nothing.
    Failed {
        fault: Fault,
        words: Option<ErrorList>,
    },
}

impl<T> Try<T> {
    /// A 429 that isn't of the rate of requests: as many jobs wait as may.
    pub fn of_pending_jobs(request: &ApiRequest, body: &[u8]) -> Option<Self> {
        let words = ErrorList::parse(body).filter(ErrorList::is_of_pending_jobs)?;
        Some(Self::Failed {
            fault: Fault::Stream(format!("{request} failed: {}", describe(429, body))),
            words: Some(words),
        })
    }
}

/// What came of a request that isn't repeated, since the server may have acted on it.
#[derive(Debug)]
pub enum Once<T> {
    /// It was answered.
    Done(T),
    /// It failed on the way or in the server, and nobody knows how far it came.
    Lost(String),
    /// The API answered with an error.
    Error {
        /// In the API's words.
        words: ErrorList,
        /// What it is to whoever doesn't know better.
        fault: Fault,
    },
}

/// How long a request waits before it is made again: longer each time, and no less than the server
/// asks for.
pub(super) struct Pause {
    pub asked: Option<Duration>,
    /// Counts towards smaller pages.
    pub is_overload: bool,
}

/// What happened to a request so far.
#[derive(Default)]
pub(super) struct Past {
    pub tries: u32,
    pub overloads: u32,
    pub refusals: u32,
    refused_since: Option<Instant>,
    /// Of the last unusable answer, and how often it came in a row.
    unusable: Option<(u32, u32)>,
}

impl Pause {
    /// As long as we think best.
    pub const OURS: Self = Self {
        asked: None,
        is_overload: false,
    };

    pub fn after(&self, tries: u32) -> Duration {
        let ours = BACKOFF.pause(tries);
        self.asked.unwrap_or_default().max(ours)
    }
}

impl Past {
    /// The rate limit refused it, `now`; something of its resource last got through at the other instant.
    /// Returns whether nothing has for so long that it is given up.
    pub fn is_refused_for_long(&mut self, now: Instant, got_through: Option<Instant>) -> bool {
        self.refusals += 1;
        let refused_since = *self.refused_since.get_or_insert(now);
        let since = got_through.map_or(refused_since, |at| at.max(refused_since));
        now.saturating_duration_since(since) > LONGEST_REFUSED
    }

    /// Whether an unusable answer has come so often that it is what the API has to say.
    pub fn is_final(&mut self, checksum: u32) -> bool {
        let times = match self.unusable {
            Some((last, times)) if last == checksum => times + 1,
            _ => 1,
        };
        self.unusable = Some((checksum, times));
        times >= MOST_ALIKE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_given_up_when_nothing_of_its_resource_got_through_for_long() {
        let start = Instant::now();
        let after = |minutes| start + Duration::from_mins(minutes);
        let mut past = Past::default();
        assert!(!past.is_refused_for_long(after(1), Some(start)));
        assert!(!past.is_refused_for_long(after(15), Some(start)));
        // Counted from its own first refusal, and no longer than the last that got through.
        assert!(!past.is_refused_for_long(after(16), Some(start)));
        assert!(!past.is_refused_for_long(after(20), Some(after(10))));
        assert!(!past.is_refused_for_long(after(25), Some(after(10))));
        assert!(past.is_refused_for_long(after(26), Some(after(10))));
        assert_eq!(past.refusals, 6);
        let mut past = Past::default();
        assert!(!past.is_refused_for_long(after(0), None));
        assert!(past.is_refused_for_long(after(16), None));
    }
}
