//! The rate limit: windows aligned with the wall clock, a budget shared with other apps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::settings::{Settings, TooMany};
use crate::http::Reply;

/// What has been used of the window.
#[derive(Debug, Default)]
pub struct RateLimit {
    /// Windows since the epoch.
    window: u128,
    used: u64,
    /// How many requests were answered with 429.
    pub refused: u64,
}

/// The limit as one request met it.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub allowed: bool,
    limit: u64,
    remaining: u64,
    reset: Duration,
    until_reset: Duration,
}

impl RateLimit {
    /// Counts a request. `None`: there is no limit.
    pub fn take(&mut self, settings: &Settings) -> Option<Standing> {
        if settings.rate_limit == 0 {
            return None;
        }
        let now = self.enter_window(settings);
        let reset = settings.rate_window.as_millis() * (self.window + 1);
        let reset = Duration::from_millis(reset as u64);
        let allowed = self.used < settings.rate_limit;
        if allowed {
            self.used += 1;
        } else {
            self.refused += 1;
        }
        Some(Standing {
            allowed,
            limit: settings.rate_limit,
            remaining: settings.rate_limit - self.used,
            reset,
            until_reset: reset.saturating_sub(now),
        })
    }

    /// Other apps use up that much of the window.
    pub fn spend(&mut self, settings: &Settings, requests: u64) {
        self.enter_window(settings);
        self.used = (self.used + requests).min(settings.rate_limit);
    }

    fn enter_window(&mut self, settings: &Settings) -> Duration {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is set");
        let window = now.as_millis() / settings.rate_window.as_millis().max(1);
        if window != self.window {
            self.window = window;
            self.used = settings.other_apps.min(settings.rate_limit);
        }
        now
    }
}

impl Standing {
    /// What every answer to a request with a valid token says.
    pub fn add_headers(&self, reply: Reply) -> Reply {
        reply
            .header("X-RateLimit-Limit", self.limit.to_string())
            .header("X-RateLimit-Remaining", self.remaining.to_string())
            .header("X-RateLimit-Reset", whole_seconds(self.reset).to_string())
    }

    /// What a 429 says.
    pub fn add_headers_of_refusal(&self, reply: Reply, too_many: TooMany) -> Reply {
        match too_many {
            TooMany::ResetHeaders => self.add_headers(reply),
            TooMany::RetryAfter => {
                reply.header("Retry-After", whole_seconds(self.until_reset).to_string())
            }
            TooMany::Bare => reply,
        }
    }
}

/// Rounded up: whoever waits that long is past it.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
