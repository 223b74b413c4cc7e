//! Records against their stream's schema: with its neighbours in this room the only place that
//! knows `jsonschema`.

use std::cell::RefCell;
use std::fmt;

use jsonschema::ValidationError;
use serde_json::Value;

use super::branching::schemas_a_value;
use super::dialect::Dialect;
use super::effort::{Exhausted, bounded};
use super::entries::Entries;
use super::shape::Shape;
use super::tape::{Layout, Tape};
pub use super::unusable::Unusable;
use crate::json::scanner::MOST_LEVELS;
use crate::json::surrogates;

/// Of a record's faults, how many are told.
const MOST_FAULTS_TOLD: usize = 20;
/// Of a record with more values and keys than this, one fault is told.
const MOST_VALUES_EXPLAINED: usize = 2000;
/// References that a schema may have: what following them costs grows faster than their number.
const MOST_REFERENCES: usize = 10_000;

/// A compiled schema. Making one takes about as long as checking a hundred records.
#[derive(Debug)]
pub struct Validator {
    compiled: jsonschema::Validator<Tape>,
    /// What tells of most records that they pass, where the schema has such.
    shape: Option<Shape>,
    /// How many schemas may be held against one value.
    schemas_a_value: u64,
    entries: RefCell<Entries>,
}

/// One of the ways in which a record fails its schema. Never quotes the record's values.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Why a record doesn't pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It fails its schema in these ways, at least one; twenty are told.
    Invalid(Vec<Invalid>),
    /// The schema asks for more work on one record than anybody would wait for.
    TooCostly,
}

impl Validator {
    /// Compiles a schema of any draft from 4 to 2020-12. Without `$schema` it is of draft 7, or of
    /// draft 4 where `exclusiveMinimum` or `exclusiveMaximum` is a boolean.
    pub fn new(schema: &Value) -> Result<Self, Unusable> {
        Self::compile(schema, false)
    }

    /// The same, by which the schema's hints count too: strings must be of the `format` that is named.
    pub fn with_formats(schema: &Value) -> Result<Self, Unusable> {
        Self::compile(schema, true)
    }

    fn compile(schema: &Value, checks_formats: bool) -> Result<Self, Unusable> {
        let whole = |fault: &str| Unusable {
            pointer: String::new(),
            fault: fault.to_owned(),
        };
        if !schema.is_object() && !schema.is_boolean() {
            return Err(whole("it is not an object"));
        }
        let mut without_hints = schema.clone();
        let dialect = Dialect::of(&mut without_hints);
        let schema = if checks_formats {
            schema
        } else {
            &without_hints
        };
        if dialect.references.len() > MOST_REFERENCES {
            let count = dialect.references.len();
            return Err(whole(&format!(
                "it has {count} references, of which {MOST_REFERENCES} are followed at most"
            )));
        }
        let schemas_a_value =
            schemas_a_value(schema, &dialect.references).map_err(|reference| Unusable {
                pointer: reference.pointer.clone(),
                fault: "it brings more schemas to bear on one value than can be checked".to_owned(),
            })?;
        let mut options = jsonschema::options_for::<Tape>().should_validate_formats(checks_formats);
        if !schema.get("$schema").is_some_and(Value::is_string) {
            options = options.with_draft(dialect.draft());
        }
        let compiled = options
            .build(schema)
            .map_err(|error| Unusable::refused(&error, schema, &dialect.references))?;
        Ok(Self {
            compiled,
            shape: Shape::of(schema),
            schemas_a_value,
            entries: RefCell::default(),
        })
    }

    /// Compiles a schema given as JSON text.
    pub fn from_text(schema: &str) -> Result<Self, Unusable> {
        let schema = surrogates::parse(schema).map_err(|error| Unusable::unreadable(&error))?;
        Self::new(&schema)
    }

    /// Whether a record, given as valid JSON text, passes.
    pub fn is_valid(&self, record: &str) -> bool {
        if self.has_shape(record) {
            return true;
        }
        let mut entries = self.entries.borrow_mut();
        entries.lay_out(record).is_some_and(|entries| {
            let layout = Layout::new(entries, record);
            self.bounded(&layout, || self.compiled.is_valid(layout.root())) == Ok(true)
        })
    }

    /// Checks one record, given as valid JSON text.
    pub fn check(&self, record: &str) -> Result<(), Rejection> {
        if self.has_shape(record) {
            return Ok(());
        }
        let mut entries = self.entries.borrow_mut();
        let Some(entries) = entries.lay_out(record) else {
            return Err(Rejection::Invalid(vec![Invalid {
                pointer: String::new(),
                rule: format!("it nests deeper than {MOST_LEVELS} levels, or has more than 4 GiB"),
            }]));
        };
        let layout = Layout::new(entries, record);
        match self.bounded(&layout, || self.compiled.is_valid(layout.root())) {
            Ok(true) => Ok(()),
            Ok(false) => self.explain(&layout),
            Err(Exhausted) => Err(Rejection::TooCostly),
        }
    }

    fn has_shape(&self, record: &str) -> bool {
        self.shape.as_ref().is_some_and(|shape| shape.has(record))
    }

    fn bounded<T>(&self, layout: &Layout<'_>, check: impl FnOnce() -> T) -> Result<T, Exhausted> {
        bounded(layout.length(), self.schemas_a_value, check)
    }

    fn explain<'a>(&'a self, layout: &'a Layout<'a>) -> Result<(), Rejection> {
        let told = self.bounded(layout, || -> Vec<Invalid> {
            // All errors are gathered before the first is told, each with its value. A large record
            // may have many.
            if layout.length() > MOST_VALUES_EXPLAINED {
                let first = self.compiled.validate(layout.root()).err();
                return first.iter().map(invalid).collect();
            }
            let errors = self.compiled.iter_errors(layout.root());
            let told = errors.take(MOST_FAULTS_TOLD);
            told.map(|error| invalid(&error)).collect()
        });
        match told {
            Ok(faults) if faults.is_empty() => Ok(()),
            Ok(faults) => Err(Rejection::Invalid(faults)),
            Err(Exhausted) => Err(Rejection::TooCostly),
        }
    }
}

fn invalid(error: &ValidationError<'_>) -> Invalid {
    Invalid {
        pointer: error.instance_path().to_string(),
        rule: error.masked_with("the value").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Values with a chance to satisfy the schema below, and one not to.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (-5..5_i64).prop_map(Value::from),
            (-2.0..2.0_f64).prop_map(Value::from),
            "[a\"\\\\é]{0,3}".prop_map(Value::from),
            Just(json!("2024-02-01T10:05:07Z")),
            Just(json!("a")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[abc\"é]", inner, 0..4)
                    .prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_tape_decides_as_a_tree_does(record in values(), pretty: bool) {
            let schema = json!({
                "properties": {
                    "a": { "type": ["null", "integer", "object"], "minimum": -3 },
                    "b": { "type": ["string", "array"], "maxLength": 2, "minItems": 1, "uniqueItems": true,
                           "items": { "type": ["integer", "string", "object"] } },
                    "c": { "anyOf": [{ "minLength": 20, "type": "string" }, { "enum": [1, "a", null] }] },
                },
                "required": ["a"], "additionalProperties": { "type": "number", "multipleOf": 0.5 },
                "propertyNames": { "maxLength": 1 }, "maxProperties": 3,
            });
            let record = json!({ "a": record.clone(), "b": record.clone(), "c": record });
            for record in [record["a"].clone(), record] {
                let text = if pretty { format!("{record:#}") } else { record.to_string() };
                let checked = Validator::new(&schema).unwrap().check(&text);
                let tree = jsonschema::draft7::new(&schema).unwrap();
                prop_assert_eq!(checked.is_ok(), tree.is_valid(&record), "{}", text);
                if let Err(Rejection::Invalid(faults)) = checked {
                    let expected: Vec<_> = tree.iter_errors(&record).map(|error| invalid(&error)).collect();
                    prop_assert_eq!(faults, expected, "{}", text);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_shape_decides_as_a_tree_does(record in values(), members in values(), pretty: bool) {
            let schema = json!({
                "type": ["object", "array"],
                "properties": {
                    "a": { "type": ["null", "integer", "object"], "properties": { "b": { "type": "number" } } },
                    "b": { "type": ["string", "array"], "items": { "type": ["integer", "string", "object"] } },
                    "é": { "type": "boolean" },
                },
                "items": { "type": ["integer", "string", "null"] },
                "required": ["a"], "additionalProperties": { "type": ["number", "object"] },
            });
            prop_assert!(Shape::of(&schema).is_some());
            for record in [json!({ "a": record.clone(), "b": members.clone() }), record, members] {
                let text = if pretty { format!("{record:#}") } else { record.to_string() };
                let checked = Validator::new(&schema).unwrap().check(&text);
                let tree = jsonschema::draft7::new(&schema).unwrap();
                prop_assert_eq!(checked.is_ok(), tree.is_valid(&record), "{}", text);
            }
        }
    }

    #[test]
    fn numbers_are_what_they_are_written_as() {
        let validator = |kind: &str| {
            Validator::new(&json!({ "properties": { "n": { "type": kind } } })).unwrap()
        };
        let check = |kind: &str, number: &str| {
            let record = format!("{{\"n\":{number}}}");
            validator(kind).check(&record).is_ok()
        };
        for integer in ["0", "-7", "123456789012345678901234567890", "1.0", "1e2"] {
            assert!(check("integer", integer), "{integer}");
        }
        for other in ["1.5", "1e-2", "true", "\"1\""] {
            assert!(!check("integer", other), "{other}");
        }
        assert!(check("number", "1e400"));
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let schema = json!({ "properties": { "a": { "type": "integer" } }, "required": ["a"] });
        let validator = Validator::new(&schema).unwrap();
        let record = r#"{"a":1,"a":"x"}"#;
        assert!(validator.check(record).is_err());
    }

    #[track_caller]
    fn unusable(schema: &Value) -> String {
        Validator::new(schema).unwrap_err().to_string()
    }

    #[test]
    fn schemas_that_are_refused_and_where() {
        let with = |property: Value| json!({ "properties": { "a": property } });
        let refused = |property: Value| unusable(&with(property));
        insta::assert_snapshot!(refused(json!({ "$ref": "#/components/schemas/Link" })), @r##"/properties/a/$ref: nothing in the schema is "#/components/schemas/Link""##);
        insta::assert_snapshot!(refused(json!({ "$ref": "https://example.com/a.json" })), @r#"/properties/a/$ref: nothing in the schema is "https://example.com/a.json""#);
        insta::assert_snapshot!(refused(json!({ "description": null })), @r#"/properties/a/description: null is not of type "string""#);
        insta::assert_snapshot!(refused(json!({ "type": "any" })), @r#"/properties/a/type: "any" is not valid under any of the schemas listed in the 'anyOf' keyword"#);
        insta::assert_snapshot!(refused(json!({ "type": ["string", "string"] })), @r#"/properties/a/type: ["string","string"] is not valid under any of the schemas listed in the 'anyOf' keyword"#);
        insta::assert_snapshot!(refused(json!({ "required": true })), @r#"/properties/a/required: true is not of type "array""#);
        insta::assert_snapshot!(refused(json!({ "pattern": "(?P<a>x)(?P=a)(?>y" })), @r#"/properties/a/pattern: "(?P<a>x)(?P=a)(?>y" is not a "regex""#);
        insta::assert_snapshot!(refused(json!({ "multipleOf": 0 })), @"/properties/a/multipleOf: 0 is less than or equal to the minimum of 0");
        insta::assert_snapshot!(refused(json!({ "$schema": "http://json-schema.org/draft-07/schema#", "minimum": "1" })), @r#"/properties/a/minimum: "1" is not of type "number""#);
        insta::assert_snapshot!(unusable(&json!({ "$schema": "https://example.com/our-own" })), @"/$schema: it names no draft from 4 to 2020-12");
        insta::assert_snapshot!(unusable(&json!({ "$schema": null })), @r#"/$schema: null is not of type "string""#);
        insta::assert_snapshot!(unusable(&json!([])), @"it is not an object");
    }

    #[test]
    fn every_draft_is_known() {
        let check = |schema: Value, record: Value| {
            Validator::new(&schema)
                .map(|validator| validator.check(&record.to_string()).is_ok())
                .map_err(|error| error.to_string())
        };
        let record = json!({ "a": 5 });
        for (draft, exclusive) in [
            (
                "http://json-schema.org/draft-04/schema#",
                json!({ "minimum": 5, "exclusiveMinimum": true }),
            ),
            (
                "http://json-schema.org/draft-06/schema#",
                json!({ "exclusiveMinimum": 5 }),
            ),
            (
                "http://json-schema.org/draft-07/schema",
                json!({ "exclusiveMinimum": 5 }),
            ),
            (
                "https://json-schema.org/draft/2019-09/schema",
                json!({ "exclusiveMinimum": 5 }),
            ),
            (
                "https://json-schema.org/draft/2020-12/schema",
                json!({ "exclusiveMinimum": 5 }),
            ),
        ] {
            let mut schema = json!({ "$schema": draft, "properties": { "a": exclusive } });
            assert_eq!(check(schema.clone(), record.clone()), Ok(false), "{draft}");
            schema["properties"]["a"]["minimum"] = json!(5);
            schema.as_object_mut().unwrap().remove("$schema");
            assert_eq!(check(schema, record.clone()), Ok(false), "{draft} unnamed");
        }
        assert_eq!(check(json!({}), record.clone()), Ok(true));
        assert_eq!(check(json!(true), record.clone()), Ok(true));
        assert_eq!(check(json!(false), record), Ok(false));
    }

    #[test]
    fn hints_refuse_nothing() {
        let schema = json!({ "properties": { "a": {
            "type": "string", "format": "date-time", "contentEncoding": "base64", "contentMediaType": "application/json",
        } } });
        let validator = Validator::new(&schema).unwrap();
        assert_eq!(validator.check(r#"{"a":"yesterday {"}"#), Ok(()));
    }

    #[test]
    fn halves_of_surrogate_pairs_are_characters() {
        let validator = Validator::from_text(
            r#"{"properties":{"a":{"minLength":1,"maxLength":1,"pattern":"^.$"},"b":{"enum":["x","\ud83d"]},"\udc00":{"type":"integer"}},
                "required":["\udc00"],"additionalProperties":false}"#,
        )
        .unwrap();
        assert_eq!(
            validator.check(r#"{"a":"\ud83d","b":"\ud83d","\udc00":1}"#),
            Ok(())
        );
        let Err(Rejection::Invalid(faults)) =
            validator.check(r#"{"a":"\ud83dx","b":"y","\udc00":"\ud83d"}"#)
        else {
            panic!("it passes");
        };
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
    /a: the value is longer than 1 character
    /a: the value does not match "^.$"
    /b: the value is not one of "x" or "�"
    /�: the value is not of type "integer"
    "#);
    }

    #[test]
    fn a_record_that_can_be_looked_at_in_too_many_ways_is_given_up() {
        let mut schema =
            json!({ "properties": { "a": { "items": { "$ref": "#/definitions/list" } } } });
        // Every element is looked at twice by what looks at its list, and scalars aren't remembered.
        let twice = json!({ "items": { "allOf": [{ "pattern": "a" }, { "pattern": "b" }] } });
        schema["definitions"]["list"] = json!({ "oneOf": vec![twice; 2000] });
        let validator = Validator::new(&schema).unwrap();
        let record = json!({ "a": vec![vec!["ab"; 2000]; 4] });
        assert_eq!(
            validator.check(&record.to_string()),
            Err(Rejection::TooCostly)
        );
        assert!(validator.check(r#"{"a":[]}"#).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let validator = Validator::new(&json!({ "items": { "$ref": "#" } })).unwrap();
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(validator.check(&nested(128)), Ok(()));
        assert!(validator.check(&nested(129)).is_err());
        assert!(validator.check(&nested(100_000)).is_err());
    }

    #[test]
    fn members_of_large_objects_are_found() {
        let names: Vec<String> = (0..200).map(|number| format!("p\u{e9}{number}")).collect();
        let schema =
            json!({ "required": names, "properties": { "p\u{e9}7": { "type": "string" } } });
        let validator = Validator::new(&schema).unwrap();
        let mut record: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), json!("x")))
            .collect();
        let text = |record: &serde_json::Map<String, Value>| json!(record).to_string();
        assert_eq!(validator.check(&text(&record)), Ok(()));
        assert_eq!(
            validator.check(&text(&record).replace('\u{e9}', "\\u00e9")),
            Ok(())
        );
        record.remove("p\u{e9}199");
        assert!(validator.check(&text(&record)).is_err());
    }
}
