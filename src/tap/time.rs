//! Instants as Intercom counts them: whole seconds since 1970 in UTC. Converted once, where they
//! enter.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};

/// Instants that name no zone.
const NAIVE: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

/// Seconds since 1970-01-01T00:00:00Z.
pub type EpochSeconds = i64;

/// The clock of this machine.
#[must_use]
pub fn now() -> EpochSeconds {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
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
        return Some(instant.timestamp());
    }
    if let Ok(instant) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z") {
        return Some(instant.timestamp());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_time(NaiveTime::MIN).and_utc().timestamp());
    }
    NAIVE
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|instant| instant.and_utc().timestamp())
}

/// Whether a text that can be read is an instant of some zone that it doesn't name.
#[must_use]
pub fn lacks_zone(text: &str) -> bool {
    NAIVE
        .iter()
        .any(|format| NaiveDateTime::parse_from_str(text, format).is_ok())
}

/// Reads a timestamp in JSON as the API writes it: a whole number of seconds, with or without quotes,
/// or an ISO 8601 string (calls have both).
#[must_use]
pub fn parse_json(text: &str) -> Option<EpochSeconds> {
    if let Some(quoted) = text.strip_prefix('"') {
        let text = quoted.strip_suffix('"')?.trim();
        return number(text).or_else(|| parse(text));
    }
    number(text)
}

/// Whole seconds, a fraction of one being cut off.
fn number(text: &str) -> Option<EpochSeconds> {
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
    DateTime::from_timestamp(seconds, 0).map_or_else(
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
            "\"2024-12-18T15:58:51Z\"",
            "\"2024-12-18T15:58:51.750Z\"",
            "\"2024-12-18T17:58:51+02:00\"",
            "\"2024-12-18T17:58:51+0200\"",
            "\"2024-12-18T15:58:51\"",
            "\"2024-12-18 15:58:51\"",
        ] {
            assert_eq!(parse_json(text), Some(1_734_537_531), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_first_second_in_utc() {
        assert_eq!(parse("2024-12-18"), Some(1_734_480_000));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["null", "\"soon\"", "true", "{}", "\"\""] {
            assert_eq!(parse_json(text), None, "{text}");
        }
    }
}
