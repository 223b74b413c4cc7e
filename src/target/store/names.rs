//! The names that a data object may get, and the clock that they are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use crate::target::object_name::PathTemplate;

/// The time, never the same twice: names are made of it.
#[derive(Debug, Default)]
pub struct Clock {
    last_microseconds: AtomicI64,
}

impl Clock {
    /// Now, or a microsecond after the last answer.
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now().timestamp_micros();
        let next = |last: i64| now.max(last + 1);
        let last = self
            .last_microseconds
            .update(Ordering::Relaxed, Ordering::Relaxed, next);
        DateTime::from_timestamp_micros(next(last)).unwrap_or_default()
    }
}

/// The names that one data object may get, the next one when the last was taken.
#[derive(Clone, Debug)]
pub struct ObjectNames {
    template: Arc<PathTemplate>,
    stream: Arc<str>,
    suffix: &'static str,
    clock: Arc<Clock>,
    opened_at: Option<DateTime<Utc>>,
}

impl ObjectNames {
    /// Names of an object of `stream` that was opened at `opened_at`, ending with `suffix`.
    #[must_use]
    pub fn new(
        template: &Arc<PathTemplate>,
        stream: &Arc<str>,
        suffix: &'static str,
        clock: &Arc<Clock>,
        opened_at: DateTime<Utc>,
    ) -> Self {
        Self {
            template: Arc::clone(template),
            stream: Arc::clone(stream),
            suffix,
            clock: Arc::clone(clock),
            opened_at: Some(opened_at),
        }
    }

    /// The next name: the first one is that of the object's opening.
    pub fn next(&mut self) -> String {
        let instant = self.opened_at.take().unwrap_or_else(|| self.clock.now());
        self.template.render(&self.stream, instant) + self.suffix
    }
}
