//! What objects are called: templates in, names out. Pure; the clock is an argument.

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What may stay as it is in a stream's part of a name.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

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
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Stream,
    Year,
    Month,
    Day,
    Hour,
    Date,
    Timestamp,
}

/// Splits `template` into its parts and fills `{env}` in.
fn parse(
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
    Ok(())
}

/// Where the data files of a stream go, such as
/// `{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json`.
#[derive(Clone, Debug)]
pub struct PathTemplate {
    parts: Vec<Part>,
}

impl PathTemplate {
    /// Checks a template; `environment` takes the place of `{env}`.
    pub fn parse(template: &str, environment: Option<&str>) -> Result<Self, TemplateError> {
        let tokens = [
            ("{stream}", Part::Stream),
            ("{year}", Part::Year),
            ("{month}", Part::Month),
            ("{day}", Part::Day),
            ("{hour}", Part::Hour),
            ("{date}", Part::Date),
            ("{timestamp}", Part::Timestamp),
        ];
        let parts = parse(
            template,
            environment,
            &tokens,
            "{stream}, {env}, {year}, {month}, {day}, {hour}, {date}, {timestamp}",
        )?;
        for (token, part) in [("{stream}", Part::Stream), ("{timestamp}", Part::Timestamp)] {
            if !parts.contains(&part) {
                return Err(TemplateError::MissingToken(token));
            }
        }
        Ok(Self { parts })
    }

    /// The name of a stream's file that was opened at that instant.
    #[must_use]
    pub fn render(&self, stream: &str, opened_at: DateTime<Utc>) -> String {
        let time = |format| opened_at.format(format).to_string();
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name += text,
                Part::Stream => name += &encode(stream),
                Part::Year => name += &time("%Y"),
                Part::Month => name += &time("%m"),
                Part::Day => name += &time("%d"),
                Part::Hour => name += &time("%H"),
                Part::Date => name += &time("%Y-%m-%d"),
                Part::Timestamp => name += &time("%Y%m%dT%H%M%S%6fZ"),
            }
        }
        name
    }
}

/// Where the state objects go, such as `_intercom_state/{stream}_state.json`.
#[derive(Clone, Debug)]
pub struct StatePathTemplate {
    parts: Vec<Part>,
}

impl StatePathTemplate {
    /// Checks a template; `environment` takes the place of `{env}`.
    pub fn parse(template: &str, environment: Option<&str>) -> Result<Self, TemplateError> {
        let parts = parse(
            template,
            environment,
            &[("{stream}", Part::Stream)],
            "{stream}, {env}",
        )?;
        if !parts.contains(&Part::Stream) {
            return Err(TemplateError::MissingToken("{stream}"));
        }
        Ok(Self { parts })
    }

    /// The name of the object that holds what `owner` names.
    #[must_use]
    pub fn render(&self, owner: &StateOwner) -> String {
        let owner = owner.in_name();
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                _ => owner.as_str(),
            })
            .collect()
    }

    /// What the names of all state objects begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Whose state an object of that name holds; `None` when it is no state object.
    #[must_use]
    pub fn owner_of(&self, name: &str) -> Option<StateOwner> {
        let rest = name.strip_prefix(self.prefix())?;
        // Encoded names hold no slash; where it ends is found by trying, since the template may
        // hold the stream more than once.
        let segment = rest.find('/').unwrap_or(rest.len());
        (1..=segment)
            .filter(|end| rest.is_char_boundary(*end))
            .filter_map(|end| StateOwner::from_name(&rest[..end]))
            .find(|owner| self.render(owner) == name)
    }
}

/// Whose part of the tap's state an object holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateOwner {
    /// A stream's bookmark.
    Stream(String),
    /// The top-level keys beside `bookmarks`. In a name this is `@tap`, which no stream's name
    /// becomes, since `@` is encoded there.
    Tap,
}

const TAP_IN_NAME: &str = "@tap";

impl StateOwner {
    fn in_name(&self) -> String {
        match self {
            Self::Stream(stream) => encode(stream),
            Self::Tap => TAP_IN_NAME.to_owned(),
        }
    }

    fn from_name(text: &str) -> Option<Self> {
        if text == TAP_IN_NAME {
            return Some(Self::Tap);
        }
        let stream = percent_decode_str(text).decode_utf8().ok()?.into_owned();
        Some(Self::Stream(stream))
    }
}

/// A stream's name as a part of an object's name: `[A-Za-z0-9_.-]` stay, all else is
/// percent-encoded, so that no name can leave its folder and no two become the same.
#[must_use]
pub fn encode(stream: &str) -> String {
    if matches!(stream, "." | "..") {
        return stream.replace('.', "%2E");
    }
    utf8_percent_encode(stream, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: &str = "{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json";
    const STATE: &str = "_intercom_state/{stream}_state.json";

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
        assert_eq!(folder("../../etc"), "..%2F..%2Fetc");
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
        insta::assert_snapshot!(data("{stream}{timestamp}{week}"), @"has the unknown token `{week}`; known are {stream}, {env}, {year}, {month}, {day}, {hour}, {date}, {timestamp}");
        insta::assert_snapshot!(data("{stream}{timestamp}}"), @"has the unknown token `}`; known are {stream}, {env}, {year}, {month}, {day}, {hour}, {date}, {timestamp}");
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
        let state = StatePathTemplate::parse("state.json", None).unwrap_err();
        assert_eq!(state, TemplateError::MissingToken("{stream}"));
    }

    #[test]
    fn the_tap_s_own_state_has_a_name_that_no_stream_gets() {
        let template = StatePathTemplate::parse(STATE, None).unwrap();
        assert_eq!(
            template.render(&StateOwner::Tap),
            "_intercom_state/@tap_state.json"
        );
        assert_eq!(
            template.render(&StateOwner::Stream("@tap".into())),
            "_intercom_state/%40tap_state.json"
        );
        assert_eq!(template.owner_of("_intercom_state/readme.txt"), None);
        assert_eq!(template.owner_of("_intercom_state/a/b_state.json"), None);
    }

    proptest! {
        #[test]
        fn names_lead_back_to_their_stream(stream in ".{1,20}") {
            let owner = StateOwner::Stream(stream.clone());
            for template in [STATE, "{stream}", "s/{stream}/{stream}.json"] {
                let template = StatePathTemplate::parse(template, None).unwrap();
                prop_assert_eq!(template.owner_of(&template.render(&owner)), Some(owner.clone()));
            }
            let encoded = encode(&stream);
            prop_assert!(!encoded.contains('/') && encoded != "." && encoded != "..");
        }
    }
}
