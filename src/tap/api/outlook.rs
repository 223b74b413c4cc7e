//! What may be sent in the near future, as far as the API and the settings say it.

use std::time::{Duration, Instant};

use super::client::Client;
use super::window::most_a_minute;

impl Client {
    /// How long nothing may be sent yet, where that is a second or more.
    #[must_use]
    pub fn held_back(&self) -> Option<Duration> {
        let wait = self.common.pace.wait();
        wait.filter(|wait| *wait >= Duration::from_secs(1))
    }

    /// Requests that the API's current window still allows, where it says so.
    #[must_use]
    pub fn budget_left(&self) -> Option<u32> {
        let window = self.common.pace.window()?;
        (Instant::now() < window.ends).then_some(window.remaining)
    }

    /// How many requests a minute may be sent, as far as the API and the settings say it.
    #[must_use]
    pub fn most_a_minute(&self) -> Option<f64> {
        most_a_minute(self.common.pace.window(), self.config().request_interval)
    }
}
