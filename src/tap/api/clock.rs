//! The API's clock, as far as answers have told it: instants of records are by it.

use std::sync::atomic::Ordering;

use super::client::{Client, lock};
use super::request::ApiRequest;
use crate::tap::fault::Fault;
use crate::tap::time::{self, EpochSeconds, Seconds};

impl Client {
    /// Now, by the API's clock as far as it is known.
    #[must_use]
    pub fn now(&self) -> EpochSeconds {
        time::now() + self.common.clock_ahead.load(Ordering::Relaxed)
    }

    /// By how many seconds the API's clock is ahead of this machine's, as far as it is known.
    #[must_use]
    pub fn clock_ahead(&self) -> Seconds {
        self.common.clock_ahead.load(Ordering::Relaxed)
    }

    /// `Date` has no fractions and the answer was on its way, so that the difference of the two clocks
    /// wavers by a second. A run has but one start: it follows only what is more than that.
    pub(super) fn learn_the_clock(&self, ahead: Seconds) {
        let known = self.common.clock_ahead.load(Ordering::Relaxed);
        if (ahead - known).abs() > 1 {
            let ahead = if ahead.abs() > 1 { ahead } else { 0 };
            self.common.clock_ahead.store(ahead, Ordering::Relaxed);
        }
    }

    /// Asks for the API's time, unless some answer has told it already.
    pub fn ask_the_time(&self) -> Result<(), Fault> {
        let _one_is_enough = lock(&self.common.asking_the_time);
        if self.common.answers.load(Ordering::Relaxed) > 0 {
            return Ok(());
        }
        self.send(&ApiRequest::Get("/me".into()), |_| Ok(()))
    }
}
