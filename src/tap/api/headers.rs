//! What the headers of an answer mean, in whatever form they come.

use std::time::Duration;

use ureq::http::HeaderMap;

use super::window::{Budget, unix_time, until};
use crate::http::patience;

/// No pause that a server asks for is longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);
/// Numbers below are seconds from now on rather than seconds since 1970.
const LEAST_EPOCH_SECONDS: u64 = 1_000_000_000;
/// Numbers from here on are milliseconds since 1970 rather than seconds.
const LEAST_EPOCH_MILLISECONDS: u64 = 100_000_000_000;

/// A header's value, without white space around it.
#[must_use]
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// What they say of the rate limit.
#[must_use]
pub fn budget_of(headers: &HeaderMap) -> Budget {
    let number = |name| header(headers, name)?.parse().ok();
    let server_time = server_time(headers);
    Budget {
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        reset: header(headers, "x-ratelimit-reset").and_then(|text| instant(text, server_time)),
        server_time,
    }
}

/// `Date`, in Unix seconds.
#[must_use]
pub fn server_time(headers: &HeaderMap) -> Option<u64> {
    header(headers, "date").and_then(http_date)
}

/// How long a 429 asks everyone to wait, where it says so.
#[must_use]
pub fn pause_of_rate_limit(headers: &HeaderMap, budget: Budget) -> Option<Duration> {
    let reset = budget.reset.map(|reset| until(reset, budget.server_time));
    retry_after(headers).max(reset)
}

/// What `Retry-After` asks for, up to what is reasonable.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    patience::retry_after(headers).map(|pause| pause.min(LONGEST_RETRY_AFTER))
}

/// The key of what took the place of something that is gone: the last part of the path that `Link`
/// calls canonical.
#[must_use]
pub fn successor(headers: &HeaderMap) -> Option<String> {
    let links = header(headers, "link")?.split(',');
    let canonical = links
        .filter_map(|link| link.trim().strip_prefix('<')?.split_once('>'))
        .find(|(_, relation)| relation.replace('"', "").contains("rel=canonical"));
    let (url, _) = canonical?;
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let key = path.trim_end_matches('/').rsplit('/').next()?;
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (!key.is_empty() && key.bytes().all(is_key)).then(|| key.to_owned())
}

/// A reset time in Unix seconds: given so, in milliseconds, with a fraction, as seconds from now on,
/// or as a date.
fn instant(text: &str, server_time: Option<u64>) -> Option<u64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let Ok(number) = whole.parse::<u64>() else {
        return http_date(text);
    };
    Some(match number {
        0..LEAST_EPOCH_SECONDS => server_time.unwrap_or_else(unix_seconds) + number,
        LEAST_EPOCH_SECONDS..LEAST_EPOCH_MILLISECONDS => number,
        _ => number.div_ceil(1000),
    })
}

fn unix_seconds() -> u64 {
    unix_time().as_secs()
}

fn http_date(text: &str) -> Option<u64> {
    u64::try_from(patience::http_date(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(ureq::http::HeaderName, ureq::http::HeaderValue)>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn a_pause_is_read_in_every_form() {
        for (text, milliseconds) in [
            ("7", Some(7_000)),
            (" 7 ", Some(7_000)),
            ("0.25", Some(250)),
            ("0", Some(0)),
            ("Sun, 22 Nov 2026 08:00:30 GMT", Some(30_000)),
            ("Sunday, 22-Nov-26 08:00:30 GMT", Some(30_000)),
            ("Sun Nov 22 08:00:30 2026", Some(30_000)),
            ("2026-11-22T08:00:30Z", Some(30_000)),
            ("Sun, 22 Nov 2026 07:00:00 GMT", Some(0)),
            ("99999999999999999999999", Some(300_000)),
            ("1e300", Some(300_000)),
            ("inf", Some(300_000)),
            ("NaN", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = headers(&[
                ("date", "Sun, 22 Nov 2026 08:00:00 GMT"),
                ("retry-after", text),
            ]);
            let expected = milliseconds.map(Duration::from_millis);
            assert_eq!(retry_after(&headers), expected, "{text}");
        }
    }

    #[test]
    fn what_took_the_place_is_the_last_part_of_the_canonical_path() {
        for (link, expected) in [
            (
                r#"<https://api.intercom.io/contacts/6a1>; rel="canonical""#,
                Some("6a1"),
            ),
            (
                r#"</x?a=1>; rel="next", </contacts/6-a_1/?b#c>; rel=canonical"#,
                Some("6-a_1"),
            ),
            (r#"<https://h/contacts/6a1>; rel="next""#, None),
            (r#"<https://h/contacts/%1b>; rel="canonical""#, None),
            ("rel=canonical", None),
            ("", None),
        ] {
            let found = successor(&headers(&[("link", link)]));
            assert_eq!(found.as_deref(), expected, "{link}");
        }
    }

    #[test]
    fn a_reset_is_read_in_every_form() {
        let now = 1_795_334_400;
        for (text, expected) in [
            ("1795334407", Some(now + 7)),
            ("1795334407.25", Some(now + 7)),
            ("1795334407000", Some(now + 7)),
            ("1795334406001", Some(now + 7)),
            ("7", Some(now + 7)),
            ("Sun, 22 Nov 2026 08:00:07 GMT", Some(now + 7)),
            ("2026-11-22T08:00:07Z", Some(now + 7)),
            ("soon", None),
        ] {
            let headers = headers(&[
                ("date", "Sun, 22 Nov 2026 08:00:00 GMT"),
                ("x-ratelimit-reset", text),
            ]);
            assert_eq!(budget_of(&headers).reset, expected, "{text}");
        }
    }
}
