//! The least time that requests can take at a limit: what no program could be faster than.

/// Requests that are to be made, and what holds them back.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// How many requests there are to be made.
    pub requests: f64,
    /// How many a window allows.
    pub limit: f64,
    /// How long one takes.
    pub latency_seconds: f64,
    /// How many may be in flight at a time.
    pub most_in_flight: f64,
}

/// How long a window of the API's budget is.
pub const WINDOW_SECONDS: f64 = 10.0;

impl Floor {
    /// `max(requests / limit, requests × latency / most in flight)`, in seconds.
    pub fn seconds(&self) -> f64 {
        let at_the_limit = self.requests / self.limit * WINDOW_SECONDS;
        at_the_limit.max(self.in_flight(self.requests))
    }

    /// The same where a whole window's budget may go at once, as it may: shorter, since the last window
    /// isn't waited out.
    pub fn seconds_by_windows(&self) -> f64 {
        let full_windows = (self.requests / self.limit).ceil() - 1.0;
        let full_windows = full_windows.max(0.0);
        let left = self.requests - full_windows * self.limit;
        let last = full_windows * WINDOW_SECONDS + self.in_flight(left);
        last.max(self.in_flight(self.requests))
    }

    /// How long so many take, a full breadth at a time.
    fn in_flight(&self, requests: f64) -> f64 {
        requests * self.latency_seconds / self.most_in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::Floor;

    fn floor(requests: f64, latency_seconds: f64) -> Floor {
        Floor {
            requests,
            limit: 100.0,
            latency_seconds,
            most_in_flight: 10.0,
        }
    }

    #[test]
    fn the_slower_of_limit_and_latency_counts() {
        let seconds = |requests, latency| floor(requests, latency).seconds();
        assert!((seconds(250.0, 0.1) - 25.0).abs() < 1e-9);
        assert!((seconds(250.0, 2.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn the_budget_of_the_last_window_goes_at_once() {
        let seconds = |requests, latency| floor(requests, latency).seconds_by_windows();
        // Two windows are waited out, and fifty requests go in the third.
        assert!((seconds(250.0, 0.1) - 20.5).abs() < 1e-9);
        // Just what two windows hold.
        assert!((seconds(200.0, 0.1) - 11.0).abs() < 1e-9);
        assert!((seconds(10.0, 0.1) - 0.1).abs() < 1e-9);
        assert!((seconds(250.0, 2.0) - 50.0).abs() < 1e-9);
        assert!(seconds(0.0, 0.1).abs() < 1e-9);
    }
}
