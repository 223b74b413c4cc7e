//! Which sinks take the records of which days, where files are told apart by when records were
//! updated. At most so many of them are open at a time.

use std::collections::{HashMap, VecDeque};

use chrono::NaiveDate;
use serde_json::Value;

use super::bookmark::plain_instant;
use super::sink::Sink;
use crate::json::scanner::Scanner;

/// How many bytes of a text are its date, where its time has no zone.
const DATE_BYTES: usize = "0000-00-00".len();

/// A stream by its place, and the first day of those that go into the same files.
type Span = (usize, NaiveDate);

/// The sinks of days, by their places among all sinks.
#[derive(Debug)]
pub struct Days {
    most: usize,
    open: HashMap<Span, usize>,
    /// The open ones, oldest first.
    order: VecDeque<Span>,
    /// Those that take nothing more, until they are empty.
    closed: Vec<usize>,
    /// Those that are empty, for other days.
    free: Vec<usize>,
}

impl Days {
    /// No day yet, and at most that many at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            open: HashMap::new(),
            order: VecDeque::new(),
            closed: Vec::new(),
            free: Vec::new(),
        }
    }

    /// The sink that is open for a stream's day.
    #[must_use]
    pub fn find(&self, span: Span) -> Option<usize> {
        self.open.get(&span).copied()
    }

    /// The oldest sink, where another one would be too many. It has to be closed.
    pub fn close_oldest(&mut self) -> Option<usize> {
        if self.order.len() < self.most {
            return None;
        }
        let sink = self.open.remove(&self.order.pop_front()?)?;
        self.closed.push(sink);
        Some(sink)
    }

    /// The place of a sink that may be replaced.
    pub fn take_free(&mut self) -> Option<usize> {
        self.free.pop()
    }

    /// That sink is open for a stream's day from now on.
    pub fn open(&mut self, span: Span, sink: usize) {
        self.open.insert(span, sink);
        self.order.push_back(span);
    }

    /// Whether sinks were closed that still hold objects.
    #[must_use]
    pub fn have_closed(&self) -> bool {
        !self.closed.is_empty()
    }

    /// How many of all sinks take nothing.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.closed.len() + self.free.len()
    }

    /// Looks which sinks a commit has emptied.
    pub fn release(&mut self, sinks: &[Sink]) {
        let Self {
            open, order, free, ..
        } = self;
        order.retain(|span| {
            let sink = open.get(span).copied();
            let idle = sink.filter(|sink| sinks[*sink].is_idle());
            if idle.is_some() {
                open.remove(span);
            }
            free.extend(idle);
            idle.is_none()
        });
        self.closed.retain(|sink| {
            let is_idle = sinks[*sink].is_idle();
            free.extend(is_idle.then_some(*sink));
            !is_idle
        });
    }
}

/// The day, in UTC, of what a record has under its stream's replication key: seconds, an instant or a
/// date.
#[must_use]
pub fn day_of(record: &str, replication_key: &str) -> Option<NaiveDate> {
    let mut found = None;
    // Not looked at beyond the key, which stands near the front of most records.
    let _ = Scanner::new(record).object(|scanner, name| {
        let is_it = name.is(replication_key);
        let value = scanner.value()?;
        found = is_it.then_some(value);
        (!is_it).then_some(())
    });
    let value: Value = serde_json::from_str(found?).ok()?;
    let instant = plain_instant(&value).map(|instant| instant.date_naive());
    instant.or_else(|| {
        let (date, time) = value.as_str()?.split_at_checked(DATE_BYTES)?;
        let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
        time.starts_with(['T', ' ']).then_some(date)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_found_in_all_forms() {
        for value in [
            "1763800000",
            "\"2025-11-22\"",
            "\"2025-11-22T08:26:40Z\"",
            "\"2025-11-23T01:00:00+02:00\"",
            "\"2025-11-22T08:26:40.5\"",
            "\"2025-11-22 08:26:40\"",
        ] {
            let record = format!("{{\"a\":{{\"at\":1}},\"\\u0061t\":{value},\"b\":2}}");
            let day = day_of(&record, "at").map(|day| day.to_string());
            assert_eq!(day.as_deref(), Some("2025-11-22"), "{value}");
        }
        for value in [
            "null",
            "7",
            "true",
            "\"soon\"",
            "[1763800000]",
            "\"2025-11-22x\"",
        ] {
            let record = format!("{{\"at\":{value}}}");
            assert_eq!(day_of(&record, "at"), None, "{value}");
        }
        assert_eq!(day_of("{}", "at"), None);
    }
}
