//! Messages as a target receives them: a line each, parsed in one pass. What a record, a schema or a
//! state holds is not looked at, so its bytes stay as they came; nor are fields that a message's
//! type has no use for.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::json::scanner::Scanner;
use crate::json::strings::unquoted;
use crate::json::surrogates;

/// What Python's `json` writes for numbers that are none.
const NO_NUMBERS: &[&str] = &["NaN", "-Infinity", "Infinity"];

/// One message; `record`, `schema` and `value` are the sender's own bytes.
#[derive(Debug)]
pub enum Message<'a> {
    /// A row of a stream.
    Record(RecordMessage<'a>),
    /// What the following rows of a stream look like.
    Schema(Schema<'a>),
    /// How far the tap has come: any JSON value, as JSON text.
    State(&'a str),
    /// The version of a full table that replaces older ones.
    ActivateVersion {
        /// The stream's name.
        stream: Cow<'a, str>,
        /// As JSON text, if it says so.
        version: Option<&'a str>,
    },
    /// Rows left in files.
    Batch(BatchMessage<'a>),
    /// A message type that this program does not know.
    Other(String),
}

/// A RECORD message.
#[derive(Debug)]
pub struct RecordMessage<'a> {
    /// The stream's name.
    pub stream: Cow<'a, str>,
    /// The row, as JSON text.
    pub record: &'a str,
    /// When the tap read it, as JSON text, if it says so.
    pub time_extracted: Option<&'a str>,
    /// The table's version, as JSON text, if it has one.
    pub version: Option<&'a str>,
}

/// A SCHEMA message.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the protocol's names")]
pub struct Schema<'a> {
    /// The stream's name.
    pub stream: Cow<'a, str>,
    /// A JSON Schema, as JSON text.
    pub schema: &'a str,
    /// The properties that every row must have.
    pub key_properties: Vec<String>,
    /// The properties that are higher in rows that changed later, where the tap says so.
    pub bookmark_properties: Vec<String>,
}

/// A BATCH message.
#[derive(Debug)]
pub struct BatchMessage<'a> {
    /// The stream's name.
    pub stream: Cow<'a, str>,
    /// How the files are written.
    pub encoding: BatchEncoding,
    /// The files, as URLs.
    pub manifest: Vec<String>,
}

/// How the files of a BATCH are written.
#[derive(Debug, Default, Deserialize)]
pub struct BatchEncoding {
    /// `jsonl`, or something else.
    pub format: String,
    /// `gzip`, or absent.
    pub compression: Option<String>,
}

/// Why a line is not a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The line is not JSON.
    #[error("invalid message: {}", at_column(.0))]
    Json(#[from] serde_json::Error),
    /// The line is not text.
    #[error("invalid message: not UTF-8 at column {column}")]
    NotUtf8 {
        /// Where, in bytes from 1.
        column: usize,
    },
    /// A number that is none: some programs write them as if JSON had them.
    #[error(
        "invalid message: {word} at column {column}, which JSON doesn't know: the tap should write null"
    )]
    NoNumber {
        /// As it is written.
        word: &'static str,
        /// Where, in bytes from 1.
        column: usize,
    },
    /// The line is not a JSON object.
    #[error("invalid message: not a JSON object")]
    NotAnObject,
    /// It doesn't say what it is.
    #[error("invalid message: missing field `type`")]
    NoType,
    /// A field is of no use as it is.
    #[error("{kind} message whose `{field}` is not {wanted}")]
    Unfit {
        /// The message's type.
        kind: &'static str,
        /// The field's name.
        field: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
    /// A field that this type of message needs is missing.
    #[error("{kind} message without `{field}`")]
    Missing {
        /// The message's type.
        kind: &'static str,
        /// The field's name.
        field: &'static str,
    },
}

/// A parser's words, with the column only: it has seen nothing but one line.
#[must_use]
pub fn at_column(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(words) => format!("{words} at column {}", error.column()),
        None => text,
    }
}

/// A message's fields by their names, each as JSON text. Of two of one name the last one counts.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Fields<'a> {
    fn of(line: &'a [u8]) -> Result<Self, MessageError> {
        let text = std::str::from_utf8(line).map_err(|error| MessageError::NotUtf8 {
            column: error.valid_up_to() + 1,
        })?;
        if text.trim_ascii_start().as_bytes().first() != Some(&b'{') {
            return Err(MessageError::NotAnObject);
        }
        let mut fields = Vec::new();
        let mut scanner = Scanner::new(text);
        let passed = scanner.object(|scanner, name| {
            fields.push((name.content()?, scanner.value()?));
            Some(())
        });
        if passed.is_some() && scanner.is_at_end() {
            return Ok(Self(fields));
        }
        // The scanner doesn't say what is wrong; nor does it go as deep as a message may.
        let fields: HashMap<String, &'a RawValue> =
            serde_json::from_str(text).map_err(|error| not_json(text, error))?;
        let fields = fields.into_iter();
        Ok(Self(
            fields
                .map(|(name, value)| (Cow::Owned(name), value.get()))
                .collect(),
        ))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.0.iter().rev();
        fields.find(|field| field.0 == name).map(|field| field.1)
    }

    /// One that may as well be null.
    fn given(&self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|value| *value != "null")
    }

    fn need(&self, kind: &'static str, field: &'static str) -> Result<&'a str, MessageError> {
        self.get(field).ok_or(MessageError::Missing { kind, field })
    }

    fn stream(&self, kind: &'static str) -> Result<Cow<'a, str>, MessageError> {
        let field = "stream";
        let value = self
            .given(field)
            .filter(|value| *value != "\"\"")
            .ok_or(MessageError::Missing { kind, field })?;
        name_in(value).ok_or(MessageError::Unfit {
            kind,
            field,
            wanted: "a text of whole characters",
        })
    }

    fn parsed<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        field: &'static str,
        wanted: &'static str,
    ) -> Result<T, MessageError> {
        let unfit = |_| MessageError::Unfit {
            kind,
            field,
            wanted,
        };
        let value = surrogates::parse(self.need(kind, field)?).map_err(unfit)?;
        serde_json::from_value(value).map_err(unfit)
    }
}

/// A name that becomes part of a file's: two that differ in halves of characters only would be one.
fn name_in(json: &str) -> Option<Cow<'_, str>> {
    let name = unquoted(json)?;
    let is_whole = !name.contains(char::REPLACEMENT_CHARACTER)
        || serde_json::from_str::<Cow<'_, str>>(json).is_ok();
    is_whole.then_some(name)
}

fn not_json(text: &str, error: serde_json::Error) -> MessageError {
    let at = error.column().saturating_sub(1);
    for word in NO_NUMBERS {
        // Of a word with a sign the second letter is the first to be wrong.
        for start in [at, at.saturating_sub(1)] {
            let found = text.as_bytes().get(start..);
            if found.is_some_and(|found| found.starts_with(word.as_bytes())) {
                let column = start + 1;
                return MessageError::NoNumber { word, column };
            }
        }
    }
    error.into()
}

impl<'a> Message<'a> {
    /// Reads one line.
    pub fn parse(line: &'a [u8]) -> Result<Self, MessageError> {
        if let Some(record) = RecordMessage::scan(line) {
            return Ok(Message::Record(record));
        }
        let fields = Fields::of(line)?;
        let kind = fields.get("type").and_then(unquoted);
        match &*kind.ok_or(MessageError::NoType)? {
            "RECORD" => Ok(Message::Record(RecordMessage {
                stream: fields.stream("RECORD")?,
                record: fields.need("RECORD", "record")?,
                time_extracted: fields.given("time_extracted"),
                version: fields.given("version"),
            })),
            "SCHEMA" => Ok(Message::Schema(Schema {
                stream: fields.stream("SCHEMA")?,
                schema: fields.need("SCHEMA", "schema")?,
                key_properties: match fields.given("key_properties") {
                    None => Vec::new(),
                    Some(_) => fields.parsed("SCHEMA", "key_properties", "a list of names")?,
                },
                // Nothing depends on it: what can't be read says nothing.
                bookmark_properties: fields
                    .given("bookmark_properties")
                    .and_then(|names| serde_json::from_str(names).ok())
                    .unwrap_or_default(),
            })),
            "STATE" => Ok(Message::State(fields.need("STATE", "value")?)),
            "ACTIVATE_VERSION" => Ok(Message::ActivateVersion {
                stream: fields.stream("ACTIVATE_VERSION")?,
                version: fields.given("version"),
            }),
            "BATCH" => Ok(Message::Batch(BatchMessage {
                stream: fields.stream("BATCH")?,
                encoding: fields.parsed("BATCH", "encoding", "an object with a `format`")?,
                manifest: fields.parsed("BATCH", "manifest", "a list of URLs")?,
            })),
            other => Ok(Message::Other(other.to_owned())),
        }
    }
}

impl<'a> RecordMessage<'a> {
    /// Reads a line that is a RECORD message of the usual form, in one fast pass. All else is left
    /// to the general way.
    fn scan(line: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut scanner = Scanner::new(text);
        let (mut kind, mut stream, mut record) = (None, None, None);
        let (mut time_extracted, mut version) = (None, None);
        scanner.object(|scanner, name| {
            let field = match name.json() {
                "\"type\"" => &mut kind,
                "\"stream\"" => &mut stream,
                "\"record\"" => &mut record,
                "\"time_extracted\"" => &mut time_extracted,
                "\"version\"" => &mut version,
                _ => return scanner.value().map(drop),
            };
            let value = scanner.value()?;
            // A field that comes twice is not of the usual form.
            field.replace(value).is_none().then_some(())
        })?;
        if !scanner.is_at_end() || kind != Some("\"RECORD\"") {
            return None;
        }
        let is_given = |value: &&str| *value != "null";
        Some(Self {
            stream: name_in(stream?).filter(|stream| !stream.is_empty())?,
            record: record.filter(is_given)?,
            time_extracted: time_extracted.filter(is_given),
            version: version.filter(is_given),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_bytes_are_kept() {
        let line = br#"{"type":"RECORD","stream":"s","record":{"a": 1e400,"b":-0.0,"c":"\u00e9"}}"#;
        let Message::Record(record) = Message::parse(line).unwrap() else {
            panic!("not a record");
        };
        assert_eq!(record.record, r#"{"a": 1e400,"b":-0.0,"c":"\u00e9"}"#);
    }

    #[test]
    fn a_null_state_is_a_state() {
        let line = br#"{"type":"STATE","value":null}"#;
        assert!(matches!(
            Message::parse(line).unwrap(),
            Message::State("null")
        ));
    }

    #[test]
    fn missing_fields_are_named() {
        let fault = |line: &str| Message::parse(line.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(fault(r#"{"type":"RECORD","record":{}}"#), @"RECORD message without `stream`");
        insta::assert_snapshot!(fault(r#"{"type":"RECORD","stream":"s"}"#), @"RECORD message without `record`");
        insta::assert_snapshot!(fault(r#"{"type":"STATE"}"#), @"STATE message without `value`");
        insta::assert_snapshot!(fault(r#"{"type":"RECORD","str"#), @"invalid message: EOF while parsing a string at column 21");
        insta::assert_snapshot!(fault("[1]"), @"invalid message: not a JSON object");
    }

    #[test]
    fn fields_that_a_type_has_no_use_for_are_not_looked_at() {
        let kind_of = |line: &str| match Message::parse(line.as_bytes()).unwrap() {
            Message::Other(kind) => kind,
            other => format!("{other:?}"),
        };
        for fields in [
            r#""stream":{"name":"s"}"#,
            r#""key_properties":7,"manifest":{},"encoding":[]"#,
            r#""value":1,"value":2,"type":"LOG""#,
            r#""\ud800":"\udc00""#,
        ] {
            assert_eq!(kind_of(&format!("{{\"type\":\"LOG\",{fields}}}")), "LOG");
            let record = format!(
                "{{\"type\":\"RECORD\",{fields},\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{{}}}}"
            );
            assert!(matches!(
                Message::parse(record.as_bytes()).unwrap(),
                Message::Record(RecordMessage { record: "{}", .. })
            ));
        }
    }

    #[test]
    fn what_is_no_json_is_told_for_what_it_is() {
        let fault = |line: &[u8]| Message::parse(line).unwrap_err().to_string();
        insta::assert_snapshot!(fault(br#"{"type":"RECORD","stream":"s","record":{"a":NaN}}"#), @"invalid message: NaN at column 45, which JSON doesn't know: the tap should write null");
        insta::assert_snapshot!(fault(br#"{"type":"RECORD","stream":"s","record":[1,-Infinity]}"#), @"invalid message: -Infinity at column 43, which JSON doesn't know: the tap should write null");
        insta::assert_snapshot!(fault(br#"{"type":"LOG","x":Infinity}"#), @"invalid message: Infinity at column 19, which JSON doesn't know: the tap should write null");
        insta::assert_snapshot!(fault(br#"{"type":"LOG","x":"NaN",}"#), @"invalid message: trailing comma at column 25");
        insta::assert_snapshot!(fault(b"{\"type\":\"LOG\",\"x\":\"\xff\"}"), @"invalid message: not UTF-8 at column 20");
        insta::assert_snapshot!(fault(br#"{"type":"RECORD","stream":"\ud800","record":{}}"#), @"RECORD message whose `stream` is not a text of whole characters");
        insta::assert_snapshot!(fault(br#"{"type":"RECORD","stream":{},"record":{}}"#), @"RECORD message whose `stream` is not a text of whole characters");
        insta::assert_snapshot!(fault(br#"{"type":"SCHEMA","stream":"s","schema":{},"key_properties":"id"}"#), @"SCHEMA message whose `key_properties` is not a list of names");
        insta::assert_snapshot!(fault(br#"{"type":["RECORD"]}"#), @"invalid message: missing field `type`");
    }

    #[test]
    fn a_record_may_nest_deeper_than_the_fast_way_goes() {
        let record = "[".repeat(1000) + &"]".repeat(1000);
        let line = format!("{{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{record}}}");
        let Message::Record(found) = Message::parse(line.as_bytes()).unwrap() else {
            panic!("not a record");
        };
        assert_eq!(found.record, record);
    }
}
