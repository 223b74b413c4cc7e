//! One line of the lake's keys, by whoever printed it; and keys in the form in which they are compared.
//! Pure.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::json::members::{member, members};
use crate::json::scanner::Scanner;
use crate::json::strings::unquoted;
use crate::tap::read::envelope::key as text_of;
use crate::tap::time::{self, EpochSeconds};

/// What the lake holds of one key.
#[derive(Debug)]
pub struct KeyLine<'a> {
    /// The stream.
    pub stream: Cow<'a, str>,
    /// The key as it is compared.
    pub key: Key,
    /// The key as it was given.
    pub key_json: &'a str,
    /// The newest version, where the line has one.
    pub updated_at: Option<EpochSeconds>,
    /// How many parts belong to it, where the line says so.
    pub parts: Option<u32>,
}

/// A key as text: that of its one property, or, where it has several, an array of their texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The text.
    pub text: String,
    /// How many properties it is made of.
    pub properties: usize,
}

impl<'a> KeyLine<'a> {
    /// Reads a line. The error says what is wrong with it.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let members = members(text).map_err(|error| format!("it is no JSON object ({error})"))?;
        let value = |name: &str| {
            let found = members.iter().rev().find(|member| member.name == name);
            found
                .map(|member| member.value)
                .filter(|value| *value != "null")
        };
        let stream = value("stream")
            .and_then(unquoted)
            .ok_or("it has no `stream`")?;
        let key_json = value("key").ok_or("it has no `key`")?;
        let key = Key::parse(key_json)
            .ok_or("its `key` is neither a text, nor a number, nor an array of these")?;
        let updated_at = match value("updated_at") {
            None | Some("\"\"") => None,
            Some(value) => Some(
                time::parse_json(value)
                    .ok_or("its `updated_at` is neither epoch seconds nor an instant")?,
            ),
        };
        let parts = match value("parts") {
            None => None,
            Some(value) => {
                let count = text_of(value).and_then(|text| text.parse().ok());
                Some(count.ok_or("its `parts` is no count")?)
            }
        };
        Ok(Self {
            stream,
            key,
            key_json,
            updated_at,
            parts,
        })
    }
}

impl Key {
    /// Reads a key as a record or a line has it.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        let mut scanner = Scanner::new(json);
        if scanner.peek()? != b'[' {
            return Self::of_texts(vec![text_of(json)?]);
        }
        let mut texts = Vec::new();
        scanner.array(|scanner| {
            texts.push(text_of(scanner.value()?)?);
            Some(())
        })?;
        Self::of_texts(texts)
    }

    /// Of the values of its properties.
    #[must_use]
    pub fn of_texts(mut texts: Vec<String>) -> Option<Self> {
        let properties = texts.len();
        if texts.iter().any(String::is_empty) {
            return None;
        }
        let text = match properties {
            0 => return None,
            1 => texts.remove(0),
            _ => serde_json::Value::from(texts).to_string(),
        };
        Some(Self { text, properties })
    }

    /// Of a record with these key properties: the key, and the same as JSON.
    #[must_use]
    pub fn of_record(record: &str, properties: &[&str]) -> Option<(Self, String)> {
        let mut texts = Vec::new();
        let mut values = Vec::new();
        for property in properties {
            let value = member(record, property).ok()??;
            texts.push(text_of(value)?);
            values.push(value);
        }
        let json = match values.as_slice() {
            [only] => (*only).to_owned(),
            several => format!("[{}]", several.join(",")),
        };
        Some((Self::of_texts(texts)?, json))
    }
}

/// What a key is found by.
#[must_use]
pub fn hash_of(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_query_are_read() {
        for (text, key, updated_at, parts) in [
            (
                r#"{"stream":"s","key":"a","updated_at":5,"parts":3}"#,
                "a",
                Some(5),
                Some(3),
            ),
            (
                r#"{"key":7,"x":[1],"stream":"s","parts":"3"}"#,
                "7",
                None,
                Some(3),
            ),
            (
                r#"{"stream":"s","key":7.0,"updated_at":null,"parts":3.0}"#,
                "7",
                None,
                Some(3),
            ),
            (
                r#"{"stream":"s","key":["7"],"updated_at":"5"}"#,
                "7",
                Some(5),
                None,
            ),
            (
                r#"{"stream":"s","key":["b", 1.0],"updated_at":"1970-01-01 00:00:05"}"#,
                r#"["b","1"]"#,
                Some(5),
                None,
            ),
        ] {
            let line = KeyLine::parse(text).unwrap();
            assert_eq!(
                (
                    line.key.text.as_str(),
                    line.updated_at.map(EpochSeconds::get),
                    line.parts
                ),
                (key, updated_at, parts),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_line_says_why() {
        for (text, word) in [
            ("", "no JSON object"),
            (r#"{"stream":"s","key":"a""#, "no JSON object"),
            (r#"{"key":"a"}"#, "`stream`"),
            (r#"{"stream":"s"}"#, "`key`"),
            (r#"{"stream":"s","key":""}"#, "`key`"),
            (r#"{"stream":"s","key":[]}"#, "`key`"),
            (r#"{"stream":"s","key":{}}"#, "`key`"),
            (
                r#"{"stream":"s","key":1,"updated_at":"soon"}"#,
                "`updated_at`",
            ),
            (r#"{"stream":"s","key":1,"parts":-1}"#, "`parts`"),
        ] {
            let error = KeyLine::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_records_key_is_that_of_its_line() {
        let (key, json) = Key::of_record(r#"{"b": 1.0,"a":"x"}"#, &["a", "b"]).unwrap();
        assert_eq!(json, r#"["x",1.0]"#);
        assert_eq!(Key::parse(&json), Some(key));
        assert_eq!(Key::of_record(r#"{"a":"x"}"#, &["a", "b"]), None);
    }
}
