//! A record's top level: are the keys there, which `_sdc_` properties are. Records have been found to
//! be valid JSON before.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use memchr::memmem;

use crate::json::members::members;
use crate::json::scanner::Scanner;

/// The properties that every record of a stream must have.
#[derive(Clone, Debug, Default)]
pub struct KeyProperties {
    names: Vec<String>,
    /// The places of names in the list above.
    places: HashMap<String, usize>,
}

/// Why a record has no key.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyFault<'a> {
    /// It lacks this property, and perhaps others.
    Lacks(&'a str),
    /// It nests so deep that what it has can't be told.
    TooDeep,
}

impl KeyProperties {
    /// Of a SCHEMA message.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        let mut places = HashMap::new();
        for name in names {
            let place = places.len();
            places.entry(name).or_insert(place);
        }
        let mut names = vec![String::new(); places.len()];
        for (name, place) in &places {
            names[*place].clone_from(name);
        }
        Self { names, places }
    }

    /// Looks for them in a record, which must be an object.
    pub fn check(&self, record: &str) -> Result<(), KeyFault<'_>> {
        match self.names.as_slice() {
            [] => return Ok(()),
            [only] => return check_for(only, record),
            _ => {}
        }
        let mut found = vec![false; self.names.len()];
        let mut missing = found.len();
        // Keys stand near the front of most records, so the look is a short one.
        let passed = Scanner::new(record).object(|scanner, name| {
            if let Some(place) = self.places.get(&*name.content()?).copied()
                && !std::mem::replace(&mut found[place], true)
            {
                missing -= 1;
                if missing == 0 {
                    return None;
                }
            }
            scanner.value().map(drop)
        });
        if missing == 0 {
            return Ok(());
        }
        passed.ok_or(KeyFault::TooDeep)?;
        let lacking = found.iter().position(|found| !found).unwrap_or_default();
        Err(KeyFault::Lacks(&self.names[lacking]))
    }
}

/// The usual case, with nothing to remember and no name unquoted.
fn check_for<'a>(key: &'a str, record: &str) -> Result<(), KeyFault<'a>> {
    let mut is_found = false;
    let passed = Scanner::new(record).object(|scanner, name| {
        is_found = name.is(key);
        if is_found {
            return None;
        }
        scanner.value().map(drop)
    });
    match passed {
        _ if is_found => Ok(()),
        Some(()) => Err(KeyFault::Lacks(key)),
        None => Err(KeyFault::TooDeep),
    }
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
    /// Appends the record with the properties added, those aside that it has already. What isn't an
    /// object is appended as it is.
    pub fn append(&self, record: &str, line: &mut Vec<u8>) {
        if !record.starts_with('{') {
            line.extend_from_slice(record.as_bytes());
            return;
        }
        let body = record.trim_end().strip_suffix('}').unwrap_or(record);
        line.extend_from_slice(body.as_bytes());
        let own = if memmem::find(record.as_bytes(), b"_sdc_").is_some() {
            // A record that nests too deep to be looked into is taken as it is.
            members(record).unwrap_or_default()
        } else {
            Vec::new()
        };
        let is_empty = body.trim_ascii_end().ends_with('{') && body.trim_ascii().len() == 1;
        let mut comma = if is_empty { "" } else { "," };
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
            if !own.iter().any(|member| member.name == name) {
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
    #[test]
    fn nested_keys_are_no_keys() {
        let keys = KeyProperties::new(vec!["id".into()]);
        assert_eq!(keys.check(r#"{"a":{"id":1}}"#), Err(KeyFault::Lacks("id")));
        assert_eq!(keys.check("{}"), Err(KeyFault::Lacks("id")));
        assert_eq!(
            keys.check(r#" { "a" : "\"id\":1" , "id" : null } "#),
            Ok(())
        );
        assert_eq!(keys.check(r#"{"\u0069d":1}"#), Ok(()));
    }

    #[test]
    fn all_keys_are_needed_once() {
        let keys = KeyProperties::new(vec!["a".into(), "b".into(), "a".into(), "\u{fffd}".into()]);
        assert_eq!(keys.check(r#"{"\ud800":1,"b":2,"a":3}"#), Ok(()));
        assert_eq!(
            keys.check(r#"{"b":2,"b":2,"b":3}"#),
            Err(KeyFault::Lacks("a"))
        );
        assert_eq!(
            keys.check(r#"{"b":2,"a":3}"#),
            Err(KeyFault::Lacks("\u{fffd}"))
        );
    }

    #[test]
    fn keys_before_a_depth_are_found() {
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        let keys = KeyProperties::new(vec!["id".into()]);
        assert_eq!(keys.check(&format!("{{\"id\":1,\"a\":{deep}}}")), Ok(()));
        assert_eq!(
            keys.check(&format!("{{\"a\":{deep},\"id\":1}}")),
            Err(KeyFault::TooDeep)
        );
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
        assert!(append("{ } ").starts_with(r#"{ "_sdc_extracted_at":null,"#));
        assert_eq!(append("[1]"), "[1]");
        insta::assert_snapshot!(append(r#"{"_sdc_deleted_at":"2024-01-01","x":{"_sdc_sequence":1}}"#), @r#"{"_sdc_deleted_at":"2024-01-01","x":{"_sdc_sequence":1},"_sdc_extracted_at":null,"_sdc_received_at":"2024-02-01T10:05:07.000042Z","_sdc_batched_at":"2024-02-01T10:05:07.000042Z","_sdc_sequence":1706781907000,"_sdc_table_version":null}"#);
    }
}
