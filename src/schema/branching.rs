//! Where references lead, and how many schemas are held against one value by them. Forty definitions that each refer twice to the next
//! one make a trillion of a page of text: compiling or checking that would not end.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::dialect::Reference;

/// Schemas that one reference may bring to bear on one value.
const MOST_SCHEMAS: u64 = 10_000;
/// The same where `unevaluatedProperties` or `unevaluatedItems` look into each of them again.
const MOST_SCHEMAS_LOOKED_INTO: u64 = 2000;
/// References that may lead from one to the next.
const MOST_STEPS: usize = 500;

const REFERENCES: &[&str] = &["$dynamicRef", "$recursiveRef", "$ref"];
const IDENTIFIERS: &[&str] = &["$anchor", "$dynamicAnchor", "$id", "id"];

/// How many schemas the references of one bring to bear on one value at most, each of them; or the
/// first that brings more than can be handled.
pub fn schemas_a_value<'a>(
    schema: &Value,
    references: &'a [Reference],
) -> Result<u64, &'a Reference> {
    if references.is_empty() {
        return Ok(1);
    }
    let mut branching = Branching::new(schema);
    let allowed = if branching.looks_into {
        MOST_SCHEMAS_LOOKED_INTO
    } else {
        MOST_SCHEMAS
    };
    let mut most = 1;
    for reference in references {
        let count = branching.behind(&reference.target, 0);
        if count > allowed {
            return Err(reference);
        }
        most = most.max(count);
    }
    Ok(most)
}

/// The first reference to something that the schema doesn't hold.
pub fn leads_nowhere<'a>(schema: &Value, references: &'a [Reference]) -> Option<&'a Reference> {
    let branching = Branching::new(schema);
    references
        .iter()
        .find(|reference| branching.find(&reference.target).is_none())
}

struct Branching<'a> {
    schema: &'a Value,
    /// Schemas by what they call themselves.
    identified: HashMap<&'a str, &'a Value>,
    /// How many schemas are behind a reference's target; `None` while they are counted.
    counted: HashMap<String, Option<u64>>,
    looks_into: bool,
}

impl<'a> Branching<'a> {
    fn new(schema: &'a Value) -> Self {
        let mut branching = Self {
            schema,
            identified: HashMap::new(),
            counted: HashMap::new(),
            looks_into: false,
        };
        branching.identify(schema);
        branching
    }

    fn identify(&mut self, schema: &'a Value) {
        match schema {
            Value::Array(elements) => {
                for element in elements {
                    self.identify(element);
                }
            }
            Value::Object(keywords) => {
                for (keyword, value) in keywords {
                    if let (true, Value::String(name)) =
                        (IDENTIFIERS.contains(&keyword.as_str()), value)
                    {
                        let name = name.strip_prefix('#').unwrap_or(name);
                        self.identified.insert(name, schema);
                    }
                    self.looks_into |= keyword.starts_with("unevaluated");
                    self.identify(value);
                }
            }
            _ => {}
        }
    }

    /// How many schemas a reference leads to, in as many steps as there were before.
    fn behind(&mut self, target: &str, steps: usize) -> u64 {
        if steps > MOST_STEPS {
            return u64::MAX;
        }
        if let Some(counted) = self.counted.get(target) {
            // A reference that leads back to itself adds nothing new.
            return counted.unwrap_or(1);
        }
        let Some(schema) = self.find(target) else {
            return 1;
        };
        self.counted.insert(target.to_owned(), None);
        let count = self.in_schema(schema, steps + 1);
        self.counted.insert(target.to_owned(), Some(count));
        count
    }

    fn find(&self, target: &str) -> Option<&'a Value> {
        let (resource, fragment) = target.split_once('#').unwrap_or((target, ""));
        let resource = match resource {
            "" => self.schema,
            name => self.identified.get(name).copied()?,
        };
        if fragment.is_empty() {
            return Some(resource);
        }
        if !fragment.starts_with('/') {
            return self.identified.get(fragment).copied();
        }
        let pointer = percent_encoding::percent_decode_str(fragment);
        resource.pointer(&pointer.decode_utf8().ok()?)
    }

    fn in_schema(&mut self, schema: &'a Value, steps: usize) -> u64 {
        match schema {
            Value::Object(keywords) => self.in_keywords(keywords, steps),
            _ => 1,
        }
    }

    fn in_keywords(&mut self, keywords: &'a Map<String, Value>, steps: usize) -> u64 {
        let mut count = 1_u64;
        for (keyword, value) in keywords {
            let more = match (keyword.as_str(), value) {
                (name, Value::String(target)) if REFERENCES.contains(&name) => {
                    self.behind(target, steps)
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    self.in_all(schemas.iter(), steps)
                }
                ("dependencies" | "dependentSchemas", Value::Object(schemas)) => {
                    self.in_all(schemas.values(), steps)
                }
                ("not" | "if" | "then" | "else", schema) => self.in_schema(schema, steps),
                _ => 0,
            };
            count = count.saturating_add(more);
        }
        count
    }

    fn in_all(&mut self, schemas: impl Iterator<Item = &'a Value>, steps: usize) -> u64 {
        schemas.fold(0, |count, schema| {
            count.saturating_add(self.in_schema(schema, steps))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::dialect::Dialect;
    use serde_json::json;

    /// Where the schema is found to be too much.
    fn found(mut schema: Value) -> Option<String> {
        let references = Dialect::of(&mut schema).references;
        schemas_a_value(&schema, &references)
            .err()
            .map(|reference| reference.pointer.clone())
    }

    /// So many definitions, each of which has `branch` with the next one twice.
    fn doubling(levels: usize, branch: &str, reference: impl Fn(usize) -> Value) -> Value {
        let definitions: Map<String, Value> = (0..levels)
            .map(|level| {
                let next = reference(level + 1);
                let schema = json!({ "$anchor": format!("d{level}"), branch: [next, next] });
                (format!("d{level}"), schema)
            })
            .collect();
        json!({ "properties": { "a": reference(0) }, "definitions": definitions })
    }

    #[test]
    fn doubling_definitions_are_too_much() {
        let pointer = |level| json!({ "$ref": format!("#/definitions/d{level}") });
        let anchor = |level| json!({ "$ref": format!("#d{level}") });
        let nested = |level| json!({ "not": { "if": { "$dynamicRef": format!("#d{level}") } } });
        for branch in ["allOf", "anyOf", "oneOf"] {
            assert_eq!(found(doubling(10, branch, pointer)), None);
            assert!(found(doubling(40, branch, pointer)).is_some());
            assert!(found(doubling(40, branch, anchor)).is_some());
        }
        let mut mixed = doubling(40, "allOf", nested);
        mixed["items"] = json!({ "$ref": "#d0" });
        assert_eq!(found(mixed), Some("/items/$ref".into()));
        let mut looked_into = doubling(11, "allOf", pointer);
        assert_eq!(found(looked_into.clone()), None);
        looked_into["unevaluatedProperties"] = json!(false);
        assert_eq!(found(looked_into), Some("/properties/a/$ref".into()));
    }

    #[test]
    fn what_is_referred_to_is_found() {
        let schema = json!({
            "definitions": { "a b": { "$anchor": "name" }, "c": { "$id": "https://example.com/c", "items": {} } },
        });
        let lost = |target: &str| {
            let reference = Reference {
                pointer: "/$ref".into(),
                target: target.into(),
            };
            leads_nowhere(&schema, &[reference]).is_some()
        };
        for target in [
            "#",
            "#/definitions/a%20b",
            "#name",
            "https://example.com/c",
            "https://example.com/c#/items",
        ] {
            assert!(!lost(target), "{target}");
        }
        for target in [
            "#/definitions/d",
            "#other",
            "https://example.com/d",
            "https://example.com/c#/not",
        ] {
            assert!(lost(target), "{target}");
        }
    }

    #[test]
    fn a_schema_may_refer_to_itself() {
        let node = json!({ "anyOf": [{ "type": "integer" }, { "items": { "$ref": "#/definitions/node" } }] });
        let schema = json!({ "definitions": { "node": node }, "properties": { "a": { "$ref": "#/definitions/node" } } });
        assert_eq!(found(schema), None);
        let circle = json!({ "allOf": [{ "$ref": "#/definitions/circle" }, { "$ref": "#/definitions/circle" }] });
        let schema = json!({ "definitions": { "circle": circle }, "$ref": "#/definitions/circle" });
        assert_eq!(found(schema), None);
    }
}
