//! What a data file's name says: its stream, when it was opened, how it is compressed. The way back
//! from a template of names. Pure.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::config::Compression;
use super::object_name::{NO_DAY, Part, PathTemplate};
use super::stream_in_name::{decode, decode_dotted, is_cut};

const TIMESTAMP: &str = "%Y%m%dT%H%M%S%6fZ";
const TIMESTAMP_BYTES: usize = "00000000T000000000000Z".len();

/// A data file by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataName {
    /// Its stream; of a name that was cut, what is left of it.
    pub stream: String,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// How it is compressed.
    pub compression: Compression,
}

/// What has been found out so far.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    stream: Option<&'a str>,
    opened_at: Option<DateTime<Utc>>,
}

impl DataName {
    /// Reads a name that `template` may have made; `None`: it has not.
    #[must_use]
    pub fn read(template: &PathTemplate, name: &str) -> Option<Self> {
        [Compression::Gzip, Compression::Zstd, Compression::None]
            .into_iter()
            .find_map(|compression| {
                let plain = name.strip_suffix(compression.suffix())?;
                let found = look(template.parts(), plain, Found::default())?;
                let text = found.stream?;
                let stream = decode(text, template.stream_bytes())
                    .or_else(|| decode_dotted(text))
                    .or_else(|| is_cut(text).then(|| text.to_owned()))?;
                Some(Self {
                    stream,
                    opened_at: found.opened_at?,
                    compression,
                })
            })
    }
}

/// Follows the parts through the text; where a stream ends is found by trying.
fn look<'a>(parts: &[Part], text: &'a str, found: Found<'a>) -> Option<Found<'a>> {
    let Some((part, rest)) = parts.split_first() else {
        return text.is_empty().then_some(found);
    };
    match part {
        Part::Text(expected) => look(rest, text.strip_prefix(expected.as_str())?, found),
        Part::Stream => {
            if let Some(stream) = found.stream {
                return look(rest, text.strip_prefix(stream)?, found);
            }
            let most = text.find('/').unwrap_or(text.len());
            (1..=most)
                .filter(|end| text.is_char_boundary(*end))
                .find_map(|end| {
                    let stream = Some(&text[..end]);
                    look(rest, &text[end..], Found { stream, ..found })
                })
        }
        Part::Timestamp => {
            let (timestamp, behind) = text.split_at_checked(TIMESTAMP_BYTES)?;
            let opened_at = NaiveDateTime::parse_from_str(timestamp, TIMESTAMP).ok()?;
            let opened_at = Some(opened_at.and_utc());
            look(rest, behind, Found { opened_at, ..found })
        }
        Part::UpdatedYear | Part::UpdatedMonth | Part::UpdatedDay => {
            let behind = text.strip_prefix(NO_DAY).or_else(|| {
                let digits = if *part == Part::UpdatedYear { 4 } else { 2 };
                let (digits, behind) = text.split_at_checked(digits)?;
                let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
                are_digits.then_some(behind)
            })?;
            look(rest, behind, found)
        }
        Part::Year | Part::Month | Part::Day | Part::Hour | Part::Date => {
            let (digits, behind) = text.split_at_checked(part.bytes())?;
            let fits = |(place, byte): (usize, u8)| match (part, place) {
                (Part::Date, 4 | 7) => byte == b'-',
                _ => byte.is_ascii_digit(),
            };
            if !digits.bytes().enumerate().all(fits) {
                return None;
            }
            look(rest, behind, found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEMPLATES: [&str; 5] = [
        "{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json",
        "{stream}_{timestamp}",
        "lake/{date}/{hour}/{timestamp}-{stream}.ndjson",
        "{stream}/{timestamp}",
        "{stream}/{updated_year}-{updated_month}/{updated_day}/{timestamp}.json",
    ];

    #[test]
    fn what_is_no_data_file() {
        let template = PathTemplate::parse(TEMPLATES[0], None).unwrap();
        for name in [
            "_intercom_state/contacts_state.json",
            "_invalid/a/year=2024/month=02/day=01/a_20240201T100507000042Z.json",
            "a/year=2024/month=02/day=01/b_20240201T100507000042Z.json",
            "a/year=2024/month=02/day=1/a_20240201T100507000042Z.json",
            "a/year=2024/month=02/day=01/a_20240201T100507000042Z.json.bz2",
            "a/year=2024/month=02/day=01/a_20249901T100507000042Z.json",
            "a/part-0000.parquet",
            "",
        ] {
            assert_eq!(DataName::read(&template, name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_lead_back(stream in ".{0,8}", micros in 0..4_000_000_000_000_000_i64) {
            let opened_at = DateTime::from_timestamp_micros(micros).unwrap();
            for template in TEMPLATES {
                let template = PathTemplate::parse(template, None).unwrap();
                let day = (micros % 2 == 0).then(|| opened_at.date_naive());
                for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
                    let name = template.updated_on(day).render(&stream, opened_at);
                    let name = name + compression.suffix();
                    let read = DataName::read(&template, &name);
                    prop_assert_eq!(read, Some(DataName {
                        stream: stream.clone(), opened_at, compression,
                    }));
                }
            }
        }
    }
}
