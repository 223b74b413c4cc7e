//! Records that weren't let in, as lines that a target takes: RECORD messages with the record's own
//! bytes, and beside them where it came from and what is wrong with it. Behind a SCHEMA that fits
//! they load like any others.

use serde_json::json;

use super::admission::Inadmissible;
use super::object_name::PathTemplate;
use crate::cli::foreign::told;
use crate::singer::messages::RecordMessage;

/// Where such files go, below the destination.
const PATH_TEMPLATE: &str =
    "_invalid/{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json";

/// How such files are named.
#[must_use]
pub fn path_template() -> PathTemplate {
    PathTemplate::parse(PATH_TEMPLATE, None).expect("the template is a good one")
}

/// Where a record came from.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The line of the input, from 1.
    pub line: u64,
    /// The file that a BATCH on that line named, and the line of it, from 1.
    pub batch: Option<(&'a str, u64)>,
}

/// Appends the line, without a line feed.
pub fn append(
    message: &RecordMessage<'_>,
    origin: &Origin<'_>,
    refusal: &Inadmissible,
    line: &mut Vec<u8>,
) {
    let mut add = |text: &str| line.extend_from_slice(text.as_bytes());
    add(&format!(
        "{{\"type\":\"RECORD\",\"stream\":{}",
        json!(message.stream)
    ));
    for (name, value) in [
        ("record", Some(message.record)),
        ("time_extracted", message.time_extracted),
        ("version", message.version),
    ] {
        if let Some(value) = value {
            add(&format!(",\"{name}\":"));
            add(value);
        }
    }
    add(&format!(",\"line\":{}", origin.line));
    if let Some((file, line)) = origin.batch {
        add(&format!(
            ",\"batch_file\":{},\"batch_line\":{line}",
            json!(file)
        ));
    }
    let errors = refusal.errors();
    let errors: Vec<_> = errors.iter().map(|error| told(error)).collect();
    add(&format!(",\"errors\":{}}}", json!(errors)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_as_it_came() {
        let message = RecordMessage {
            stream: "a \"stream\"".into(),
            record: r#"{"id": 1e2,"x":"\ud800"}"#,
            time_extracted: Some("\"2024-02-01T00:00:00Z\""),
            version: None,
        };
        let refusal = Inadmissible::LacksKey("key\u{7}".into());
        let line = |batch| {
            let mut line = Vec::new();
            append(&message, &Origin { line: 7, batch }, &refusal, &mut line);
            String::from_utf8(line).unwrap()
        };
        insta::assert_snapshot!(line(None), @r#"{"type":"RECORD","stream":"a \"stream\"","record":{"id": 1e2,"x":"\ud800"},"time_extracted":"2024-02-01T00:00:00Z","line":7,"errors":["the record lacks the key property `key `"]}"#);
        assert!(
            line(Some(("file:///a", 3)))
                .contains(r#","line":7,"batch_file":"file:///a","batch_line":3,"#)
        );
    }
}
