//! Records against their stream's schema: the only place that knows `jsonschema`.

use std::fmt;

use jsonschema::Draft;
use serde_json::Value;
use serde_json::value::RawValue;

/// Formats that are checked. Others are hints to people: a tap's data has odd URLs and addresses.
const UNCHECKED_FORMATS: &[&str] = &[
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// A compiled schema.
#[derive(Debug)]
pub struct Validator {
    compiled: jsonschema::Validator,
}

/// How a record fails its schema. Never quotes the record.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where in the record, as a JSON pointer; empty at its top.
    pub pointer: String,
    /// What the schema wants there.
    pub rule: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() {
            "the record"
        } else {
            &self.pointer
        };
        write!(formatter, "{place}: {}", self.rule)
    }
}

impl Validator {
    /// Compiles a schema, of draft 7 unless its `$schema` says otherwise. The error says what is
    /// wrong with it.
    pub fn new(schema: &RawValue) -> Result<Self, String> {
        let schema: Value =
            serde_json::from_str(schema.get()).map_err(|error| error.to_string())?;
        if !schema.is_object() {
            return Err("it is not an object".to_owned());
        }
        // Singer targets refuse it: a stream whose records have no known property is a tap's slip.
        if !schema["properties"].is_object() {
            return Err("it has no `properties`".to_owned());
        }
        let mut options = jsonschema::options().should_validate_formats(true);
        if schema.get("$schema").is_none() {
            options = options.with_draft(Draft::Draft7);
        }
        for format in UNCHECKED_FORMATS {
            options = options.with_format(*format, |_: &str| true);
        }
        match options.build(&schema) {
            Ok(compiled) => Ok(Self { compiled }),
            Err(error) if error.instance_path().as_str().is_empty() => Err(error.to_string()),
            Err(error) => Err(format!("{}: {error}", error.instance_path())),
        }
    }

    /// Checks one record.
    pub fn check(&self, record: &RawValue) -> Result<(), Invalid> {
        let invalid = |pointer: String, rule: String| Invalid { pointer, rule };
        let record: Value = serde_json::from_str(record.get())
            .map_err(|error| invalid(String::new(), error.to_string()))?;
        if self.compiled.is_valid(&record) {
            return Ok(());
        }
        match self.compiled.validate(&record) {
            Ok(()) => Ok(()),
            Err(error) => Err(invalid(
                error.instance_path().to_string(),
                error.masked_with("the value").to_string(),
            )),
        }
    }
}
