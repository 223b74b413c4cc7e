//! A schema that follows the data: what a record holds and the schema doesn't allow is added to it,
//! so that every record fits what was last said of its stream. Knows nothing of messages.
//!
//! Most records fit, which one pass of a compiled schema tells that is stricter than what is said:
//! it knows no properties but those declared. Only a record that fails it is looked at value by
//! value.

use std::collections::HashSet;

use serde_json::Value;

use super::change::{ChangeKind, SchemaChange};
use super::validator::{Unusable, Validator};
use super::widening::{Declared, Widening, finish_guesses, for_each_nested, keep_types_alone};
use crate::json::{duplicates, surrogates};

/// So often one name may come in an object.
const MOST_REPETITIONS: usize = 100;

/// A schema, and what it takes to let it grow.
#[derive(Debug)]
pub struct GrowingSchema {
    schema: Value,
    strict: Validator,
    keys: Vec<String>,
    declared: Declared,
    /// Places that have changed before.
    known: HashSet<String>,
}

/// What became of records that didn't fit.
#[derive(Debug, Default)]
pub struct Grown {
    /// How many things were added.
    pub changes: u64,
    /// The first of them at each place that had none before.
    pub news: Vec<SchemaChange>,
}

impl GrowingSchema {
    /// A schema as it was declared. `keys` are the properties that keep their types.
    pub fn new(schema: &Value, keys: &[String]) -> Result<Self, Unusable> {
        Ok(Self {
            strict: Validator::with_formats(&strict(schema))?,
            schema: schema.clone(),
            keys: keys.to_vec(),
            declared: Declared::default(),
            known: HashSet::new(),
        })
    }

    /// The schema as it is now.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether a record, given as valid JSON text, holds nothing but what the schema allows.
    #[must_use]
    pub fn fits(&self, record: &str) -> bool {
        self.strict.is_valid(record)
    }

    /// Grows until these records fit, all but those whose keys don't.
    pub fn grow(&mut self, records: &[String]) -> Grown {
        let mut values = Vec::with_capacity(records.len());
        for record in records {
            values.extend(values_of(record));
        }
        let mut changes = self.widen(&mut values);
        if !values.iter().all(|value| self.fits(&value.to_string())) {
            // Some keyword that can't be judged on its own.
            keep_types_alone(&mut self.schema);
            changes.push(SchemaChange {
                path: String::new(),
                kind: ChangeKind::TypesOnly,
            });
            changes.extend(self.widen(&mut values));
        }
        let mut grown = Grown {
            changes: changes.len() as u64,
            news: Vec::new(),
        };
        for change in changes {
            if self.known.insert(change.path.clone()) {
                grown.news.push(change);
            }
        }
        grown
    }

    /// Widens the schema for all these values but those whose keys don't fit, which it takes out.
    fn widen(&mut self, values: &mut Vec<Value>) -> Vec<SchemaChange> {
        let mut widening = Widening::new(&self.keys, &mut self.declared);
        values.retain(|value| widening.record(&mut self.schema, value).is_ok());
        let changes = widening.into_changes();
        finish_guesses(&mut self.schema);
        // What was compiled before can't become unusable: nothing but types and properties is new.
        if let Ok(compiled) = Validator::with_formats(&strict(&self.schema)) {
            self.strict = compiled;
        }
        changes
    }
}

/// A record as a tree, and, where names come more than once in it, as trees of the values before the
/// last: validators look at all of them.
fn values_of(record: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut shadowed = Some(record.to_owned());
    while let Some(text) = shadowed.filter(|_| values.len() < MOST_REPETITIONS) {
        values.extend(surrogates::parse(&text).ok());
        shadowed = duplicates::without_last(&text);
    }
    values
}

/// The schema that knows no properties but those declared, wherever some are.
fn strict(schema: &Value) -> Value {
    let mut strict = schema.clone();
    close(&mut strict);
    strict
}

fn close(schema: &mut Value) {
    for_each_nested(schema, &mut close);
    if let Value::Object(keywords) = schema
        && keywords.get("properties").is_some_and(Value::is_object)
        && !keywords.contains_key("additionalProperties")
    {
        keywords.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn contacts() -> Value {
        json!({"type": "object", "required": ["id"], "properties": {
            "id": {"type": ["string", "integer"]},
            "name": {"type": ["null", "string"]},
            "count": {"type": "integer"},
            "location": {"type": ["null", "object"], "properties": {"city": {"type": "string"}}},
            "tags": {"type": ["null", "array"], "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
            "custom": {"type": ["null", "object"]},
            "any": {},
        }})
    }

    /// The schema after these records, one page each; an independent validator takes them all.
    fn grown(declared: &Value, records: &[Value]) -> (Value, Vec<String>) {
        let mut schema = GrowingSchema::new(declared, &["id".to_owned()]).unwrap();
        let mut told = Vec::new();
        for record in records {
            let text = record.to_string();
            if !schema.fits(&text) {
                let grown = schema.grow(std::slice::from_ref(&text));
                told.extend(grown.news.iter().map(ToString::to_string));
            }
            assert!(schema.fits(&text), "{text} in {}", schema.schema());
        }
        let independent = jsonschema::options()
            .should_validate_formats(true)
            .build(schema.schema())
            .unwrap();
        for record in records {
            assert!(
                independent.is_valid(record),
                "{record} in {}",
                schema.schema()
            );
        }
        (schema.schema().clone(), told)
    }

    /// A record, what then stands where in the schema, and what is told.
    type Case = (Value, &'static str, Value, &'static str);

    fn check(cases: impl IntoIterator<Item = Case>) {
        for (record, pointer, expected, told) in cases {
            let (schema, changes) = grown(&contacts(), std::slice::from_ref(&record));
            let found = schema.pointer(pointer);
            assert_eq!(found, Some(&expected), "{record}: {schema}");
            assert!(changes.contains(&told.to_owned()), "{changes:?}");
        }
    }

    #[test]
    fn types_are_added() {
        check([
            (
                json!({"id": 1, "name": 2}),
                "/properties/name/type",
                json!(["null", "string", "integer"]),
                "/name may be an integer",
            ),
            (
                json!({"id": 1, "count": null}),
                "/properties/count/type",
                json!(["null", "integer"]),
                "/count may be null",
            ),
            (
                json!({"id": 1, "count": 1.5}),
                "/properties/count/type",
                json!(["number"]),
                "/count may be a number",
            ),
            (
                json!({"id": 1, "name": {"first": "a"}}),
                "/properties/name",
                json!({"type": ["null", "string", "object"], "properties": {"first": {"type": ["null", "string"]}}}),
                "/name may be an object",
            ),
            (
                json!({"id": 1, "name": [1, "a"]}),
                "/properties/name/items",
                json!({"type": ["null", "integer", "string"]}),
                "/name may be an array",
            ),
            (
                json!({"id": 1, "custom": [null, {"x": 1}]}),
                "/properties/custom/items/properties/x/type",
                json!(["null", "integer"]),
                "/custom may be an array",
            ),
        ]);
    }

    #[test]
    fn properties_are_declared_wherever_they_are_enumerated() {
        check([
            (
                json!({"id": 1, "new": null}),
                "/properties/new",
                json!({"type": ["null", "string"]}),
                "/new is new and may be null",
            ),
            (
                json!({"id": 1, "new": []}),
                "/properties/new",
                json!({"type": ["null", "array"], "items": {"type": ["null", "string"]}}),
                "/new is new and may be an array",
            ),
            (
                json!({"id": 1, "new": {"a": {"b": true}}}),
                "/properties/new/properties/a/properties/b/type",
                json!(["null", "boolean"]),
                "/new is new and may be an object",
            ),
            (
                json!({"id": 1, "location": {"city": "c", "zip": 7}}),
                "/properties/location/properties/zip",
                json!({"type": ["null", "integer"]}),
                "/location/zip is new and may be an integer",
            ),
            (
                json!({"id": 1, "tags": [{"id": "1"}, {"id": 1, "a/b~": "x"}]}),
                "/properties/tags/items/properties/a~1b~0/type",
                json!(["null", "string"]),
                "/tags/*/id may be an integer",
            ),
            (
                json!({"id": 1, "$ref": "x", "type": 5}),
                "/properties/$ref/type",
                json!(["null", "string"]),
                "/$ref is new and may be a string",
            ),
        ]);
    }

    #[test]
    fn what_fits_changes_nothing_and_free_form_objects_do_not_grow() {
        let records = [
            json!({"id": "1", "name": null, "custom": {"a": [1, {"b": null}]}, "any": [{}]}),
            json!({"id": 1, "tags": null}),
        ];
        let (schema, told) = grown(&contacts(), &records);
        assert_eq!((schema, told), (contacts(), Vec::new()));
    }

    #[test]
    fn every_place_is_told_once_and_null_is_no_guess_where_more_is_seen() {
        let mut schema = GrowingSchema::new(&contacts(), &["id".to_owned()]).unwrap();
        let page = [json!({"id": 1, "new": null}), json!({"id": 2, "new": 5})];
        let first = schema.grow(&page.map(|record| record.to_string()));
        assert_eq!(
            schema.schema()["properties"]["new"],
            json!({"type": ["null", "integer"]})
        );
        assert_eq!(first.news.len(), 1);
        let second = schema.grow(&[json!({"id": 1, "new": "text"}).to_string()]);
        assert_eq!((second.changes, second.news.len()), (1, 0));
    }

    #[test]
    fn all_values_of_a_name_that_comes_twice_count() {
        let mut schema = GrowingSchema::new(&contacts(), &["id".to_owned()]).unwrap();
        let record = r#"{"id":1,"new":[1],"name":{"a":1},"new":2,"name":"n"}"#.to_owned();
        let _ = schema.grow(std::slice::from_ref(&record));
        assert!(schema.fits(&record), "{}", schema.schema());
    }

    #[test]
    fn keys_keep_their_types() {
        for record in [
            json!({"id": true}),
            json!({"id": null}),
            json!({"name": "n", "new": 1}),
        ] {
            let mut schema = GrowingSchema::new(&contacts(), &["id".to_owned()]).unwrap();
            let _ = schema.grow(&[record.to_string()]);
            assert_eq!(schema.schema(), &contacts());
            assert!(!schema.fits(&record.to_string()), "{record}");
        }
    }

    #[test]
    fn keywords_of_a_narrower_schema_go_where_they_are_not_met() {
        for keywords in [
            json!({"type": "string", "format": "date-time"}),
            json!({"type": "string", "enum": ["a", "b"]}),
            json!({"type": "string", "maxLength": 2}),
            json!({"type": "string", "pattern": "^[0-9]+$"}),
            json!({"const": 1}),
            json!({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
            json!({"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]}),
            json!({"allOf": [{"type": "integer"}]}),
            json!({"not": {"type": "string"}}),
            json!({"if": {"type": "string"}, "then": {"maxLength": 1}}),
            json!({"$ref": "#/definitions/short"}),
            json!(false),
        ] {
            let declared = json!({
                "type": "object",
                "properties": {"id": {"type": "integer"}, "x": keywords},
                "required": ["id", "x"],
                "additionalProperties": false,
                "definitions": {"short": {"maxLength": 1}},
            });
            let records = [
                json!({"id": 1, "x": "long"}),
                json!({"id": 2}),
                json!({"id": 3, "x": [1], "y": 2}),
            ];
            let (_, told) = grown(&declared, &records);
            assert!(!told.is_empty(), "{declared}");
        }
    }

    /// Objects of all types of values, by names that the schema has and others.
    fn objects(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        let name = "id|name|count|location|city|tags|custom|any|new";
        btree_map(name, value, 0..5).prop_map(|members| json!(members))
    }

    fn records() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-5..5_i64).prop_map(Value::from),
            (-2.0..2.0_f64).prop_map(Value::from),
            "[a0]{0,3}".prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                objects(inner)
            ]
        });
        (objects(value), any::<Option<i8>>()).prop_map(|(mut record, id)| {
            if let Some(id) = id {
                record["id"] = json!(id);
            }
            record
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_fits_and_nothing_is_taken_back(pages in vec(vec(records(), 0..4), 0..4)) {
            let mut schema = GrowingSchema::new(&contacts(), &["id".to_owned()]).unwrap();
            let of_keys = jsonschema::validator_for(&json!({
                "required": ["id"], "properties": {"id": {"type": ["string", "integer"]}},
            })).unwrap();
            for page in &pages {
                let fitting = |schema: &GrowingSchema| -> Vec<String> {
                    let all = pages.iter().flatten().map(Value::to_string);
                    all.filter(|record| schema.fits(record)).collect()
                };
                let before = fitting(&schema);
                let texts: Vec<String> = page.iter().map(Value::to_string).collect();
                let _ = schema.grow(&texts);
                let after = fitting(&schema);
                prop_assert!(before.iter().all(|record| after.contains(record)), "{}", schema.schema());
                let said = jsonschema::validator_for(schema.schema()).unwrap();
                for record in page {
                    let is_emitted = schema.fits(&record.to_string());
                    prop_assert_eq!(is_emitted, of_keys.is_valid(record), "{}", record);
                    prop_assert!(!is_emitted || said.is_valid(record), "{}", record);
                }
                prop_assert_eq!(schema.grow(&texts).changes, 0);
            }
        }
    }

    #[test]
    fn growth_has_bounds() {
        let mut schema = GrowingSchema::new(&contacts(), &["id".to_owned()]).unwrap();
        let many = |from: usize, to: usize| {
            let members = (from..to).map(|number| (format!("name {number}"), json!(number)));
            let mut record: serde_json::Map<String, Value> = members.collect();
            record.insert("id".to_owned(), json!(1));
            Value::Object(record).to_string()
        };
        let _ = schema.grow(&[many(0, 900)]);
        let grown = schema.grow(&[many(500, 1500)]);
        let free = grown.news.last().unwrap().to_string();
        assert!(free.contains("has too many unknown properties"), "{free}");
        assert_eq!(
            schema.schema()["properties"].as_object().unwrap().len(),
            1007
        );
        assert!(schema.fits(&many(5000, 6000)));

        let mut deep = json!(1);
        for _ in 0..60 {
            deep = json!({"d": [deep]});
        }
        let record = json!({"id": 1, "deep": deep}).to_string();
        let _ = schema.grow(std::slice::from_ref(&record));
        assert!(schema.fits(&record));
        let text = schema.schema()["properties"]["deep"].to_string();
        assert!(text.matches("\"d\"").count() < 10, "{text}");

        let long = json!({"id": 1, "location": {"x".repeat(2 << 20): 1}}).to_string();
        let _ = schema.grow(std::slice::from_ref(&long));
        assert!(schema.fits(&long));
        assert!(schema.schema().to_string().len() < 200_000);
    }
}
