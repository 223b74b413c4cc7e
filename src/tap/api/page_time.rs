//! How long pages of lists take, of late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A page weighs one in so many.
const WEIGHT: u64 = 8;

/// A mean in which newer pages weigh more.
#[derive(Debug, Default)]
pub struct PageTime {
    /// None yet is 0.
    nanoseconds: AtomicU64,
}

impl PageTime {
    /// A page took so long, from request to end.
    pub fn met(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        // Whoever comes in between has met a page as good as this one.
        let before = self.nanoseconds.load(Ordering::Relaxed);
        let mean = match before {
            0 => took,
            before => before - before / WEIGHT + took / WEIGHT,
        };
        self.nanoseconds.store(mean, Ordering::Relaxed);
    }

    /// The mean; none before the first page.
    pub fn mean(&self) -> Option<Duration> {
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_is_met() {
        let time = PageTime::default();
        assert_eq!(time.mean(), None);
        time.met(Duration::from_millis(80));
        assert_eq!(time.mean(), Some(Duration::from_millis(80)));
        time.met(Duration::from_millis(160));
        assert_eq!(time.mean(), Some(Duration::from_millis(90)));
        for _ in 0..100 {
            time.met(Duration::from_millis(20));
        }
        let mean = time.mean().unwrap();
        assert!(mean < Duration::from_millis(21), "{mean:?}");
    }
}
