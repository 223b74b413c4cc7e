//! A record's top level, read without parsing the rest: are the keys there, which `_sdc_`
//! properties are. Records have been found to be valid JSON before.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use memchr::memmem;

/// The properties that every record of a stream must have.
#[derive(Clone, Debug, Default)]
pub struct KeyProperties {
    names: Vec<String>,
}

impl KeyProperties {
    /// Of a SCHEMA message.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// The first one that the record lacks.
    #[must_use]
    pub fn missing_in(&self, record: &str) -> Option<&str> {
        // Keys stand near the front of most records, so the first look is a short one.
        let lacks = |name: &&String| !top_level_keys(record).any(|key| key == name.as_str());
        self.names.iter().find(lacks).map(String::as_str)
    }
}

/// The keys of an object, in order, with escapes resolved. `object` must be valid JSON.
pub fn top_level_keys(object: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = object.as_bytes().get(1..).unwrap_or_default();
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte == b'"')?;
        rest = &rest[start..];
        let (key, after) = rest.split_at(string_length(rest));
        rest = &after[value_length(after)..];
        let plain = &key[1..key.len() - 1];
        if memchr::memchr(b'\\', plain).is_some() {
            serde_json::from_slice(key).ok().map(Cow::Owned)
        } else {
            std::str::from_utf8(plain).ok().map(Cow::Borrowed)
        }
    })
}

/// The length of the string that `text` begins with, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut end = 1;
    while let Some(offset) = text
        .get(end..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        end += offset;
        if text[end] == b'"' {
            return end + 1;
        }
        end += 2;
    }
    text.len()
}

/// The length of a colon and the value after it, up to the comma or brace that ends the pair.
fn value_length(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut end = 0;
    while let Some(byte) = text.get(end) {
        match byte {
            b'"' => {
                end += string_length(&text[end..]);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' if depth == 0 => return end,
            b'}' | b']' => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return end,
            },
            _ => {}
        }
        end += 1;
    }
    end
}

/// What the `_sdc_` properties of a record say.
#[derive(Debug)]
pub struct RecordMetadata<'a> {
    /// When the tap read the record, as JSON text.
    pub extracted_at: Option<&'a str>,
    /// When this program received it.
    pub received_at: DateTime<Utc>,
    /// When its file was opened.
    pub batched_at: DateTime<Utc>,
    /// The table's version, as JSON text.
    pub table_version: Option<&'a str>,
}

impl RecordMetadata<'_> {
    /// Appends the record with the properties added, those aside that it has already.
    pub fn append(&self, record: &str, line: &mut Vec<u8>) {
        let body = record.trim_end().strip_suffix('}').unwrap_or(record);
        line.extend_from_slice(body.as_bytes());
        let own: Vec<Cow<'_, str>> = if memmem::find(record.as_bytes(), b"_sdc_").is_some() {
            top_level_keys(record).collect()
        } else {
            Vec::new()
        };
        let mut comma = if top_level_keys(record).next().is_some() {
            ","
        } else {
            ""
        };
        let raw = |value: Option<&str>| value.unwrap_or("null").to_owned();
        let time = |instant: DateTime<Utc>| {
            format!(
                "\"{}\"",
                instant.to_rfc3339_opts(SecondsFormat::Micros, true)
            )
        };
        let mut text = String::new();
        for (name, value) in [
            ("_sdc_extracted_at", raw(self.extracted_at)),
            ("_sdc_received_at", time(self.received_at)),
            ("_sdc_batched_at", time(self.batched_at)),
            (
                "_sdc_sequence",
                self.received_at.timestamp_millis().to_string(),
            ),
            ("_sdc_table_version", raw(self.table_version)),
            ("_sdc_deleted_at", "null".to_owned()),
        ] {
            if !own.iter().any(|key| key == name) {
                write!(text, "{comma}\"{name}\":{value}").expect("a String takes any text");
                comma = ",";
            }
        }
        line.extend_from_slice(text.as_bytes());
        line.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn keys(object: &str) -> Vec<String> {
        top_level_keys(object).map(Cow::into_owned).collect()
    }

    #[test]
    fn keys_of_the_top_level_only() {
        assert_eq!(keys("{}"), [""; 0]);
        assert_eq!(keys(" { } "), [""; 0]);
        assert_eq!(
            keys(r#"{"a" : {"x":[1,{"y":"}"}]}, "b":"\"c\":1,", "d\u0061":[] ,"":null}"#),
            ["a", "b", "da", ""]
        );
    }

    #[test]
    fn nested_keys_are_no_keys() {
        let keys = KeyProperties::new(vec!["id".into()]);
        assert_eq!(keys.missing_in(r#"{"a":{"id":1}}"#), Some("id"));
        assert_eq!(keys.missing_in(r#"{"a":"\"id\":1","id":null}"#), None);
        assert_eq!(keys.missing_in(r#"{"\u0069d":1}"#), None);
    }

    #[test]
    fn metadata_keeps_the_record() {
        let instant = DateTime::from_timestamp_micros(1_706_781_907_000_042).unwrap();
        let metadata = RecordMetadata {
            extracted_at: None,
            received_at: instant,
            batched_at: instant,
            table_version: None,
        };
        let append = |record: &str| {
            let mut line = Vec::new();
            metadata.append(record, &mut line);
            String::from_utf8(line).unwrap()
        };
        insta::assert_snapshot!(append(r#"{"id": 1e2 }"#), @r#"{"id": 1e2 ,"_sdc_extracted_at":null,"_sdc_received_at":"2024-02-01T10:05:07.000042Z","_sdc_batched_at":"2024-02-01T10:05:07.000042Z","_sdc_sequence":1706781907000,"_sdc_table_version":null,"_sdc_deleted_at":null}"#);
        insta::assert_snapshot!(append("{}"), @r#"{"_sdc_extracted_at":null,"_sdc_received_at":"2024-02-01T10:05:07.000042Z","_sdc_batched_at":"2024-02-01T10:05:07.000042Z","_sdc_sequence":1706781907000,"_sdc_table_version":null,"_sdc_deleted_at":null}"#);
        insta::assert_snapshot!(append(r#"{"_sdc_deleted_at":"2024-01-01","x":{"_sdc_sequence":1}}"#), @r#"{"_sdc_deleted_at":"2024-01-01","x":{"_sdc_sequence":1},"_sdc_extracted_at":null,"_sdc_received_at":"2024-02-01T10:05:07.000042Z","_sdc_batched_at":"2024-02-01T10:05:07.000042Z","_sdc_sequence":1706781907000,"_sdc_table_version":null}"#);
    }

    proptest! {
        #[test]
        fn the_same_keys_as_a_parser(entries in proptest::collection::vec((".{0,6}", ".{0,9}"), 0..6), pretty: bool) {
            let object: Map<String, Value> = entries
                .into_iter()
                .map(|(key, text)| (key, serde_json::json!([{ "k": text }, 1.5, text])))
                .collect();
            let value = Value::Object(object.clone());
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let expected: Vec<String> = object.keys().cloned().collect();
            prop_assert_eq!(keys(&text), expected);
        }
    }
}
