//! What objects are called: templates in, names out. Pure; the clock is an argument.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::stream_in_name::{LEAST_BYTES, encode};

/// The folder of a directory that holds files still being written: no name leads into it.
pub const INCOMPLETE: &str = ".incomplete";
/// What stands for an unknown day, as in Hive's folders: whoever reads them takes it for null.
pub const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";
/// What a compression may add to a name, in bytes.
const LONGEST_SUFFIX: usize = 4;

/// Why a template can't be used; follows the setting's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{…}` with an unknown word, or a brace alone.
    #[error("has the unknown token `{token}`; known are {known}")]
    UnknownToken {
        /// As written, with its braces.
        token: String,
        /// The tokens that this template may hold.
        known: &'static str,
    },
    /// A token without which names would not be unique.
    #[error("must hold `{0}`")]
    MissingToken(&'static str),
    /// `{env}` without the setting `environment`.
    #[error("holds `{{env}}`, but the setting `environment` is not set")]
    NoEnvironment,
    /// An empty, `.` or `..` part, or a control character.
    #[error("must be a relative path without empty, `.` or `..` parts and control characters")]
    NotAPath,
    /// Names could lie in [`INCOMPLETE`].
    #[error("must not lead into `{INCOMPLETE}`, where files are that are still being written")]
    Reserved,
    /// Names would be too long whatever the stream is called.
    #[error("is so long that streams' names don't fit beside it")]
    TooLong,
}

/// How long names may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct NameLimits {
    segment: usize,
    whole: usize,
}

impl NameLimits {
    /// What file systems allow to each part of a path, and systems to the whole of it, less the
    /// destination's own.
    pub const DIRECTORY: Self = Self {
        segment: 255,
        whole: 2048,
    };

    /// What Google Cloud Storage allows to an object below `prefix`; to parts of it only where the
    /// bucket has real folders.
    #[must_use]
    pub fn bucket(prefix: &str) -> Self {
        Self {
            segment: 512,
            whole: 1024_usize.saturating_sub(prefix.len()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Stream,
    Year,
    Month,
    Day,
    Hour,
    Date,
    Timestamp,
    UpdatedYear,
    UpdatedMonth,
    UpdatedDay,
}

impl Part {
    /// How many bytes it becomes at most; a stream's name is measured apart.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Stream => 0,
            Self::Month | Self::Day | Self::Hour => "00".len(),
            Self::Year => "0000".len(),
            Self::Date => "0000-00-00".len(),
            Self::Timestamp => "00000000T000000000000Z".len(),
            Self::UpdatedYear | Self::UpdatedMonth | Self::UpdatedDay => NO_DAY.len(),
        }
    }

    /// How chrono writes a part of the day on which records were updated.
    fn format_of_update(&self) -> Option<&'static str> {
        match self {
            Self::UpdatedYear => Some("%Y"),
            Self::UpdatedMonth => Some("%m"),
            Self::UpdatedDay => Some("%d"),
            _ => None,
        }
    }
}

/// Splits `template` into its parts and fills `{env}` in.
pub(super) fn parse(
    template: &str,
    environment: Option<&str>,
    tokens: &[(&str, Part)],
    known: &'static str,
) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(brace) = rest.find(['{', '}']) {
        text += &rest[..brace];
        rest = &rest[brace..];
        let end = rest.find('}').map_or(rest.len(), |end| end + 1);
        let token = &rest[..end];
        rest = &rest[end..];
        if token == "{env}" {
            text += environment.ok_or(TemplateError::NoEnvironment)?;
            continue;
        }
        let Some((_, part)) = tokens.iter().find(|(name, _)| *name == token) else {
            return Err(TemplateError::UnknownToken {
                token: token.to_owned(),
                known,
            });
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(part.clone());
    }
    text += rest;
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    check_path(&parts)?;
    Ok(parts)
}

/// A rendered part is never empty, `.` or `..` by what a token puts there, so it is enough to look
/// at the template with a letter in each token's place.
fn check_path(parts: &[Part]) -> Result<(), TemplateError> {
    let sample: String = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            _ => "x",
        })
        .collect();
    let bad = |segment: &str| matches!(segment, "" | "." | "..");
    if sample.split('/').any(bad) || sample.chars().any(char::is_control) {
        return Err(TemplateError::NotAPath);
    }
    if leads_into_incomplete(parts) {
        return Err(TemplateError::Reserved);
    }
    Ok(())
}

/// Whether the first folder is [`INCOMPLETE`], or becomes it with some stream; letters' case doesn't
/// count, as on some disks it doesn't.
fn leads_into_incomplete(parts: &[Part]) -> bool {
    let Some(Part::Text(text)) = parts.first() else {
        // A stream's name begins with no dot.
        return false;
    };
    let text = text.to_ascii_lowercase();
    match text.split_once('/') {
        Some((folder, _)) => folder == INCOMPLETE,
        None if parts.len() == 1 => text == INCOMPLETE,
        None => text.starts_with('.') && INCOMPLETE.starts_with(&text),
    }
}

/// How many bytes a stream's name may take wherever `parts` name it, so that names of at most
/// `suffix` more bytes keep to `limits`.
pub(super) fn room_for_stream(
    parts: &[Part],
    suffix: usize,
    limits: NameLimits,
) -> Result<usize, TemplateError> {
    // Text and streams of each segment; the first is the whole name.
    let mut counts = vec![(suffix, 0), (0, 0)];
    for part in parts {
        counts[0].0 += part.bytes();
        let mut last = counts.len() - 1;
        match part {
            Part::Stream => {
                counts[0].1 += 1;
                counts[last].1 += 1;
            }
            Part::Text(text) => {
                for (number, segment) in text.split('/').enumerate() {
                    if number > 0 {
                        counts.push((0, 0));
                        last += 1;
                    }
                    counts[last].0 += segment.len();
                }
            }
            _ => counts[last].0 += part.bytes(),
        }
    }
    let last = counts.len() - 1;
    counts[last].0 += suffix;
    let mut room = usize::MAX;
    for (number, (text, streams)) in counts.into_iter().enumerate() {
        let limit = if number == 0 {
            limits.whole
        } else {
            limits.segment
        };
        let rest = limit.checked_sub(text).ok_or(TemplateError::TooLong)?;
        if let Some(share) = rest.checked_div(streams) {
            room = room.min(share);
        }
    }
    if room < LEAST_BYTES {
        return Err(TemplateError::TooLong);
    }
    Ok(room)
}

/// Where the data files of a stream go, such as
/// `{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json`.
#[derive(Clone, Debug)]
pub struct PathTemplate {
    parts: Vec<Part>,
    /// What a stream's name may take each time.
    stream_bytes: usize,
}

impl PathTemplate {
    /// Checks a template; `environment` takes the place of `{env}`. Names keep to the limits of a
    /// directory.
    pub fn parse(template: &str, environment: Option<&str>) -> Result<Self, TemplateError> {
        let tokens = [
            ("{stream}", Part::Stream),
            ("{year}", Part::Year),
            ("{month}", Part::Month),
            ("{day}", Part::Day),
            ("{hour}", Part::Hour),
            ("{date}", Part::Date),
            ("{timestamp}", Part::Timestamp),
            ("{updated_year}", Part::UpdatedYear),
            ("{updated_month}", Part::UpdatedMonth),
            ("{updated_day}", Part::UpdatedDay),
        ];
        let parts = parse(
            template,
            environment,
            &tokens,
            "{stream}, {env}, {year}, {month}, {day}, {hour}, {date}, {timestamp}, {updated_year}, {updated_month}, {updated_day}",
        )?;
        for (token, part) in [("{stream}", Part::Stream), ("{timestamp}", Part::Timestamp)] {
            if !parts.contains(&part) {
                return Err(TemplateError::MissingToken(token));
            }
        }
        let template = Self {
            parts,
            stream_bytes: 0,
        };
        template.within(NameLimits::DIRECTORY)
    }

    /// The same with names of other lengths.
    pub fn within(mut self, limits: NameLimits) -> Result<Self, TemplateError> {
        self.stream_bytes = room_for_stream(&self.parts, LONGEST_SUFFIX, limits)?;
        Ok(self)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How many folders deep files are.
    pub(super) fn levels(&self) -> usize {
        let slashes = |part: &Part| match part {
            Part::Text(text) => text.matches('/').count(),
            _ => 0,
        };
        self.parts.iter().map(slashes).sum()
    }

    /// Whether records go to different files by when they were updated.
    pub(super) fn is_by_update(&self) -> bool {
        let is_of_update = |part: &Part| part.format_of_update().is_some();
        self.parts.iter().any(is_of_update)
    }

    /// The first of the days whose records share their files with those of `day`.
    pub(super) fn first_day(&self, day: NaiveDate) -> NaiveDate {
        let first = if self.parts.contains(&Part::UpdatedDay) {
            Some(day)
        } else if self.parts.contains(&Part::UpdatedMonth) {
            day.with_day(1)
        } else {
            day.with_ordinal(1)
        };
        first.unwrap_or(day)
    }

    /// Names of files for records that were updated on that day; `None`: nobody knows when.
    pub(super) fn updated_on(&self, day: Option<NaiveDate>) -> Self {
        let mut template = self.clone();
        for part in &mut template.parts {
            if let Some(format) = part.format_of_update() {
                let text = day.map(|day| day.format(format).to_string());
                *part = Part::Text(text.unwrap_or_else(|| NO_DAY.to_owned()));
            }
        }
        template
    }

    /// What a stream's name may take each time.
    pub(super) fn stream_bytes(&self) -> usize {
        self.stream_bytes
    }

    /// The name of a stream's file that was opened at that instant.
    #[must_use]
    pub fn render(&self, stream: &str, opened_at: DateTime<Utc>) -> String {
        let time = |format| opened_at.format(format).to_string();
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name += text,
                Part::Stream => name += &encode(stream, self.stream_bytes),
                Part::Year => name += &time("%Y"),
                Part::Month => name += &time("%m"),
                Part::Day => name += &time("%d"),
                Part::Hour => name += &time("%H"),
                Part::Date => name += &time("%Y-%m-%d"),
                Part::Timestamp => name += &time("%Y%m%dT%H%M%S%6fZ"),
                // Where no day was filled in, none is known.
                Part::UpdatedYear | Part::UpdatedMonth | Part::UpdatedDay => name += NO_DAY,
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json";

    fn instant() -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_706_781_907_000_042).unwrap()
    }

    #[test]
    fn the_seed_layout() {
        let template = PathTemplate::parse(SEED, None).unwrap();
        assert_eq!(
            template.render("contacts", instant()),
            "contacts/year=2024/month=02/day=01/contacts_20240201T100507000042Z.json"
        );
        let template =
            PathTemplate::parse("{env}/{date}/{hour}/{stream}-{timestamp}", Some("prod")).unwrap();
        assert_eq!(
            template.render("calls", instant()),
            "prod/2024-02-01/10/calls-20240201T100507000042Z"
        );
    }

    #[test]
    fn odd_stream_names_stay_inside_their_folder() {
        let template = PathTemplate::parse("{stream}/{timestamp}", None).unwrap();
        let folder = |stream: &str| {
            let name = template.render(stream, instant());
            name.strip_suffix("/20240201T100507000042Z")
                .unwrap()
                .to_owned()
        };
        assert_eq!(folder(".."), "%2E%2E");
        assert_eq!(folder("."), "%2E");
        assert_eq!(folder("../../etc"), "%2E%2E%2F..%2Fetc");
        assert_eq!(folder(".incomplete"), "%2Eincomplete");
        assert_eq!(folder(""), "@empty");
        assert_eq!(folder("a b:c!d?e"), "a%20b%3Ac%21d%3Fe");
        assert_eq!(folder("ünï"), "%C3%BCn%C3%AF");
        assert_eq!(folder("nul\0"), "nul%00");
        assert_eq!(folder("50%"), "50%25");
    }

    #[test]
    fn templates_that_are_refused() {
        let data = |template| PathTemplate::parse(template, None).unwrap_err().to_string();
        insta::assert_snapshot!(data("{timestamp}"), @"must hold `{stream}`");
        insta::assert_snapshot!(data("{stream}"), @"must hold `{timestamp}`");
        insta::assert_snapshot!(data("{stream}{timestamp}{week}"), @"has the unknown token `{week}`; known are {stream}, {env}, {year}, {month}, {day}, {hour}, {date}, {timestamp}, {updated_year}, {updated_month}, {updated_day}");
        insta::assert_snapshot!(data("{stream}{timestamp}}"), @"has the unknown token `}`; known are {stream}, {env}, {year}, {month}, {day}, {hour}, {date}, {timestamp}, {updated_year}, {updated_month}, {updated_day}");
        insta::assert_snapshot!(data("{env}/{stream}{timestamp}"), @"holds `{env}`, but the setting `environment` is not set");
        for path in [
            "/{stream}{timestamp}",
            "a//{stream}{timestamp}",
            "../{stream}{timestamp}",
            "{stream}{timestamp}/",
            "./{stream}{timestamp}",
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(data(path), @"must be a relative path without empty, `.` or `..` parts and control characters");
            }
        }
        for path in [
            ".incomplete/{stream}{timestamp}",
            ".Incomplete/{stream}{timestamp}",
            ".{stream}/{timestamp}",
            ".inc{stream}/{timestamp}",
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(data(path), @"must not lead into `.incomplete`, where files are that are still being written");
            }
        }
        assert!(PathTemplate::parse(".lake/{stream}{timestamp}", None).is_ok());
        let long = format!("{}/{{stream}}_{{timestamp}}", "x".repeat(256));
        insta::assert_snapshot!(data(&long), @"is so long that streams' names don't fit beside it");
    }

    #[test]
    fn long_names_keep_to_the_limits_and_apart() {
        let template = PathTemplate::parse(SEED, None).unwrap();
        let longest = "x".repeat(223);
        let name = template.render(&longest, instant());
        assert!(name.contains(&longest), "{name}");
        let others = ["a", "b"].map(|end| "\u{65e5}".repeat(400) + end);
        let bucket = template.clone().within(NameLimits::bucket("p/")).unwrap();
        for (template, segment) in [(template, 255), (bucket, 512)] {
            let names = others
                .each_ref()
                .map(|stream| template.render(stream, instant()) + ".zst");
            for name in &names {
                assert!(name.len() <= 1022, "{}", name.len());
                assert!(name.split('/').all(|part| part.len() <= segment), "{name}");
            }
            assert_ne!(names[0], names[1]);
        }
    }
}
