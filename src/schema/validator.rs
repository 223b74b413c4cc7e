//! Records against their stream's schema: with [`super::tape`] the only place that knows
//! `jsonschema`.

use std::cell::{OnceCell, RefCell};
use std::fmt;

use jsonschema::Draft;
use jsonschema::json::{Json, SerdeJson};
use serde_json::Value;
use serde_json::value::RawValue;

use super::tape::{Entries, Tape};

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
    schema: Value,
    /// Decides, fast.
    fast: jsonschema::Validator<Tape>,
    /// Explains; compiled when the first record fails.
    explaining: OnceCell<Result<jsonschema::Validator, String>>,
    entries: RefCell<Entries>,
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
        // Singer targets agree that a schema without them describes no record.
        if !schema["properties"].is_object() {
            return Err("it has no `properties`".to_owned());
        }
        match compile::<Tape>(&schema) {
            Ok(fast) => Ok(Self {
                schema,
                fast,
                explaining: OnceCell::new(),
                entries: RefCell::default(),
            }),
            Err(error) if error.instance_path().as_str().is_empty() => Err(error.to_string()),
            Err(error) => Err(format!("{}: {error}", error.instance_path())),
        }
    }

    /// Checks one record.
    pub fn check(&self, record: &str) -> Result<(), Invalid> {
        let mut entries = self.entries.borrow_mut();
        match entries.lay_out(record) {
            Some(node) if self.fast.is_valid(node) => Ok(()),
            _ => self.explain(record),
        }
    }

    /// Asks the library's own representation, which has the last word.
    fn explain(&self, record: &str) -> Result<(), Invalid> {
        let invalid = |pointer: String, rule: String| Invalid { pointer, rule };
        let broken = |rule: String| invalid(String::new(), rule);
        let record: Value =
            serde_json::from_str(record).map_err(|error| broken(error.to_string()))?;
        let compiled = self
            .explaining
            .get_or_init(|| compile::<SerdeJson>(&self.schema).map_err(|error| error.to_string()));
        let validator = compiled.as_ref().map_err(|error| broken(error.clone()))?;
        validator.validate(&record).map_err(|error| {
            invalid(
                error.instance_path().to_string(),
                error.masked_with("the value").to_string(),
            )
        })
    }
}

fn compile<F: Json>(
    schema: &Value,
) -> Result<jsonschema::Validator<F>, jsonschema::ValidationError<'static>> {
    let mut options = jsonschema::options_for::<F>().should_validate_formats(true);
    if schema.get("$schema").is_none() {
        options = options.with_draft(Draft::Draft7);
    }
    for format in UNCHECKED_FORMATS {
        options = options.with_format(*format, |_: &str| true);
    }
    options.build(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

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
                    "c": { "anyOf": [{ "format": "date-time", "type": "string" }, { "enum": [1, "a", null] }] },
                },
                "required": ["a"], "additionalProperties": { "type": "number", "multipleOf": 0.5 },
                "propertyNames": { "maxLength": 1 }, "maxProperties": 3,
            });
            let record = json!({ "a": record.clone(), "b": record.clone(), "c": record });
            for record in [record["a"].clone(), record] {
                let text = if pretty { format!("{record:#}") } else { record.to_string() };
                let fast = Validator::new(&raw(&schema)).unwrap();
                let tree = compile::<SerdeJson>(&schema).unwrap();
                let mut entries = Entries::default();
                let node = entries.lay_out(&text).unwrap();
                prop_assert_eq!(fast.fast.is_valid(node), tree.is_valid(&record), "{}", text);
            }
        }
    }

    #[test]
    fn numbers_are_what_they_are_written_as() {
        let validator = |kind: &str| {
            Validator::new(&raw(&json!({ "properties": { "n": { "type": kind } } }))).unwrap()
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
        let validator = Validator::new(&raw(&schema)).unwrap();
        let record = r#"{"a":1,"a":"x"}"#;
        assert!(validator.check(record).is_err());
    }
}
