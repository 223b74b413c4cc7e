//! Instants as Intercom counts them: whole seconds since 1970 in UTC. Converted once, where they
//! enter.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Instants that name no zone.
const NAIVE: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

/// Larger numbers are milliseconds: as seconds, they lie in the year 5138 and beyond.
const LEAST_MILLISECONDS: i64 = 100_000_000_000;

/// How long something takes or lies apart, in seconds.
pub type Seconds = i64;

/// An hour.
pub const HOUR: Seconds = 3600;
/// A day, as a timezone has that never changes its clocks.
pub const DAY: Seconds = 24 * HOUR;

/// An instant: seconds since 1970-01-01T00:00:00Z, from the year 1 to 9999. What is computed from one
/// stays within.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct EpochSeconds(i64);

impl EpochSeconds {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800);
    /// 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_402_300_799);

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant so many seconds after 1970 began; `None` outside of the years 1 to 9999.
    #[must_use]
    pub const fn new(seconds: i64) -> Option<Self> {
        if seconds < Self::MIN.0 || seconds > Self::MAX.0 {
            return None;
        }
        Some(Self(seconds))
    }

    /// The same, the nearest that there is where there is none.
    #[must_use]
    pub const fn nearest(seconds: i64) -> Self {
        if seconds < Self::MIN.0 {
            return Self::MIN;
        }
        if seconds > Self::MAX.0 {
            return Self::MAX;
        }
        Self(seconds)
    }

    /// How long a day had lasted by then, if days begin so many seconds after those of UTC.
    #[must_use]
    pub const fn since_day_began(self, begins: Seconds) -> Seconds {
        (self.0 - begins).rem_euclid(DAY)
    }

    /// Seconds since 1970 began.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for EpochSeconds {
    type Error = String;

    fn try_from(seconds: i64) -> Result<Self, String> {
        Self::new(seconds).ok_or_else(|| format!("{seconds} is no instant"))
    }
}

impl From<EpochSeconds> for i64 {
    fn from(instant: EpochSeconds) -> Self {
        instant.0
    }
}

impl fmt::Display for EpochSeconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Add<Seconds> for EpochSeconds {
    type Output = Self;

    fn add(self, span: Seconds) -> Self {
        Self::nearest(self.0.saturating_add(span))
    }
}

impl Sub<Seconds> for EpochSeconds {
    type Output = Self;

    fn sub(self, span: Seconds) -> Self {
        Self::nearest(self.0.saturating_sub(span))
    }
}

impl Sub for EpochSeconds {
    type Output = Seconds;

    fn sub(self, earlier: Self) -> Seconds {
        self.0 - earlier.0
    }
}

/// The clock of this machine.
#[must_use]
pub fn now() -> EpochSeconds {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    EpochSeconds::nearest(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}

/// The clock of this machine, in milliseconds since 1970.
#[must_use]
pub fn now_in_milliseconds() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default()
}

/// Now, to the millisecond, as RFC 3339 in UTC.
#[must_use]
pub fn now_to_millis() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads a date (`2024-01-31`), an RFC 3339 instant, or an ISO 8601 one without a zone, which
/// counts as UTC. Fractions of a second are cut off.
#[must_use]
pub fn parse(text: &str) -> Option<EpochSeconds> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return EpochSeconds::new(instant.timestamp());
    }
    if let Ok(instant) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z") {
        return EpochSeconds::new(instant.timestamp());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return EpochSeconds::new(date.and_time(NaiveTime::MIN).and_utc().timestamp());
    }
    NAIVE
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .and_then(|instant| EpochSeconds::new(instant.and_utc().timestamp()))
}

/// Whether a text that can be read is an instant of some zone that it doesn't name.
#[must_use]
pub fn lacks_zone(text: &str) -> bool {
    NAIVE
        .iter()
        .any(|format| NaiveDateTime::parse_from_str(text, format).is_ok())
}

/// Reads a timestamp in JSON as the API writes it: a whole number of seconds, with or without quotes,
/// or an ISO 8601 string (calls have both). Fields that other systems fill hold milliseconds at times.
#[must_use]
pub fn parse_json(text: &str) -> Option<EpochSeconds> {
    if let Some(quoted) = text.strip_prefix('"') {
        let text = quoted.strip_suffix('"')?.trim();
        return number(text).or_else(|| parse(text));
    }
    number(text)
}

/// Whether a timestamp in JSON counts milliseconds.
#[must_use]
pub fn is_in_milliseconds(text: &str) -> bool {
    whole_number(text.trim_matches('"').trim()).is_some_and(|number| number >= LEAST_MILLISECONDS)
}

/// Seconds, or milliseconds where there are too many of them.
fn number(text: &str) -> Option<EpochSeconds> {
    let number = whole_number(text)?;
    let is_milliseconds = number >= LEAST_MILLISECONDS;
    EpochSeconds::new(if is_milliseconds {
        number / 1000
    } else {
        number
    })
}

/// A fraction is cut off.
fn whole_number(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is beyond the limits is no instant, and stays so"
    )]
    number.is_finite().then(|| number.floor() as i64)
}

/// An instant as RFC 3339 in UTC, for people.
#[must_use]
pub fn to_rfc3339(seconds: EpochSeconds) -> String {
    DateTime::from_timestamp(seconds.get(), 0).map_or_else(
        || seconds.to_string(),
        |instant| instant.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_the_api_writes_is_the_same_instant() {
        for text in [
            "1734537531",
            "\"1734537531\"",
            "\"1734537531.0\"",
            "1.734537531e9",
            "1734537531.75",
            "1734537531750",
            "\"1734537531750\"",
            "\"2024-12-18T15:58:51Z\"",
            "\"2024-12-18T15:58:51.750Z\"",
            "\"2024-12-18T17:58:51+02:00\"",
            "\"2024-12-18T17:58:51+0200\"",
            "\"2024-12-18T15:58:51\"",
            "\"2024-12-18 15:58:51\"",
        ] {
            assert_eq!(parse_json(text), EpochSeconds::new(1_734_537_531), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_first_second_in_utc() {
        assert_eq!(parse("2024-12-18"), EpochSeconds::new(1_734_480_000));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "null", "\"soon\"", "true", "{}", "\"\"", "1e300", "9e18", "-9e18",
        ] {
            assert_eq!(parse_json(text), None, "{text}");
        }
    }
}
