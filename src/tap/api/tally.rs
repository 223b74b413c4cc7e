//! What was asked for one stream, and how long that took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The count of one stream's requests, by all its threads.
#[derive(Debug, Default)]
pub struct RequestTally {
    requests: AtomicU64,
    retries: AtomicU64,
    nanoseconds_in_requests: AtomicU64,
    nanoseconds_waited: AtomicU64,
}

/// How many requests were made so far, and how they went.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestCounts {
    /// All requests, retries among them.
    pub requests: u64,
    /// Requests that repeated a failed one.
    pub retries: u64,
    /// Time spent in requests, summed over threads.
    pub in_requests: Duration,
    /// Time spent waiting for the rate limit, summed over threads.
    pub waited: Duration,
}

impl RequestTally {
    /// A request that began then has ended.
    pub fn requested_since(&self, begun: Instant) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        add_time(&self.nanoseconds_in_requests, begun);
    }

    /// A request is made again.
    pub fn repeated(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A request had to wait for leave since then.
    pub fn waited_since(&self, begun: Instant) {
        add_time(&self.nanoseconds_waited, begun);
    }

    /// The count so far.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        let time =
            |nanoseconds: &AtomicU64| Duration::from_nanos(nanoseconds.load(Ordering::Relaxed));
        RequestCounts {
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            in_requests: time(&self.nanoseconds_in_requests),
            waited: time(&self.nanoseconds_waited),
        }
    }
}

/// Adds what has passed since then.
fn add_time(nanoseconds: &AtomicU64, since: Instant) {
    let passed = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    nanoseconds.fetch_add(passed, Ordering::Relaxed);
}
