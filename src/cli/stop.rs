//! SIGTERM and SIGINT as a value that long work looks at between two steps.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signal that asked the program to stop, if any. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    received: Arc<AtomicUsize>,
    noticed: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// Catches SIGTERM and SIGINT from here on. A second one ends the process at once.
    pub fn install() -> io::Result<Self> {
        let stop = Self::default();
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_default(signal, Arc::clone(&again))?;
            flag::register(signal, Arc::clone(&again))?;
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&stop.received), number)?;
        }
        Ok(stop)
    }

    /// The number of the signal that came, or `None`.
    #[must_use]
    pub fn received(&self) -> Option<i32> {
        match self.received.load(Ordering::Relaxed) {
            0 => None,
            number => i32::try_from(number).ok(),
        }
    }

    /// How long ago a signal was noticed first, here or in a clone; `None` before one came.
    #[must_use]
    pub fn stopping_for(&self) -> Option<Duration> {
        self.received()?;
        Some(self.noticed.get_or_init(Instant::now).elapsed())
    }
}
