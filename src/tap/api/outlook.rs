//! What may be sent in the near future, as far as the API and the settings say it.

use std::time::{Duration, Instant};

use super::client::Client;
use super::window::most_a_minute;

/// The API's own limit, which is told with its first answer: for those that tell none.
const USUAL_LIMIT_A_MINUTE: f64 = 10_000.0;
/// Pages don't all take the same time.
const SPARE_FOR_UNEVEN_PAGES: f64 = 2.0;

impl Client {
    /// So many pages that are on their way at once are enough to read lists as fast as may be sent. More
    /// would come no sooner.
    #[must_use]
    pub fn enough_at_once(&self) -> usize {
        let Some(page) = self.common.page_time.mean() else {
            return self.config().concurrency;
        };
        let most_a_minute = self.most_a_minute().unwrap_or(USUAL_LIMIT_A_MINUTE);
        self.config().concurrency.min(enough(page, most_a_minute))
    }

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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number, and too large a one is the largest"
)]
fn enough(page: Duration, most_a_minute: f64) -> usize {
    let on_their_way = most_a_minute * page.as_secs_f64() / 60.0;
    ((SPARE_FOR_UNEVEN_PAGES * on_their_way) as usize).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_enough_at_once_follows_from_the_limit_and_from_how_long_a_page_takes() {
        let enough = |milliseconds, most| enough(Duration::from_millis(milliseconds), most);
        assert_eq!(
            [1, 20, 100, 300].map(|page| enough(page, 10_000.0)),
            [1, 7, 34, 101]
        );
        assert_eq!(enough(100, 60.0), 1);
        assert_eq!(enough(100, 1e300), usize::MAX);
    }
}
