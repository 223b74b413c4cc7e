//! What a schema is written in: its draft, what of it is only a hint, and where it refers to.

use jsonschema::Draft;
use serde_json::{Map, Value};

/// Keywords that tell people and databases what a value is like. Values that don't heed them are
/// data all the same: times without a zone, text that isn't the base64 it was announced as.
const HINTS: &[&str] = &["format", "contentEncoding", "contentMediaType"];
/// Keywords whose value is data, in which nothing is a keyword.
const DATA: &[&str] = &["const", "default", "enum", "example", "examples"];
/// Keywords whose value is an object of schemas by names that mean nothing here.
const NAMED_SCHEMAS: &[&str] = &[
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];
/// Keywords that were switches in draft 4 and are numbers since.
const SWITCHES_OF_DRAFT_4: &[&str] = &["exclusiveMaximum", "exclusiveMinimum"];

/// A `$ref` and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    /// The keyword, as a JSON pointer into the schema.
    pub pointer: String,
    /// What it refers to.
    pub target: String,
}

/// What was found out about a schema.
#[derive(Debug, Default)]
pub struct Dialect {
    /// A schema without `$schema` is of draft 7, unless it has the switches of draft 4.
    has_switches_of_draft_4: bool,
    /// All of them, in the order of the text.
    pub references: Vec<Reference>,
}

impl Dialect {
    /// Looks a schema through and takes the hints out of it.
    pub fn of(schema: &mut Value) -> Self {
        let mut dialect = Self::default();
        dialect.visit(schema, &mut String::new());
        dialect
    }

    /// The draft that a schema without `$schema` is of.
    pub fn draft(&self) -> Draft {
        if self.has_switches_of_draft_4 {
            Draft::Draft4
        } else {
            Draft::Draft7
        }
    }

    /// `pointer` says where `schema` stands.
    fn visit(&mut self, schema: &mut Value, pointer: &mut String) {
        match schema {
            Value::Object(keywords) => self.visit_keywords(keywords, pointer),
            Value::Array(schemas) => {
                for (place, schema) in schemas.iter_mut().enumerate() {
                    at(pointer, &place.to_string(), |pointer| {
                        self.visit(schema, pointer);
                    });
                }
            }
            _ => {}
        }
    }

    fn visit_keywords(&mut self, keywords: &mut Map<String, Value>, pointer: &mut String) {
        // A keyword that isn't known may have schemas in it that are referred to, and names: a hint
        // is one only where it isn't a schema itself.
        let is_schema = |value: &Value| value.is_object() || value.is_boolean();
        keywords.retain(|keyword, value| !HINTS.contains(&keyword.as_str()) || is_schema(value));
        for (keyword, value) in keywords {
            let name = keyword.as_str();
            if DATA.contains(&name) {
                continue;
            }
            if SWITCHES_OF_DRAFT_4.contains(&name) && value.is_boolean() {
                self.has_switches_of_draft_4 = true;
            }
            at(pointer, name, |pointer| match value {
                Value::String(target) if name == "$ref" => self.references.push(Reference {
                    pointer: pointer.clone(),
                    target: target.clone(),
                }),
                Value::Object(schemas) if NAMED_SCHEMAS.contains(&name) => {
                    for (name, schema) in schemas {
                        at(pointer, name, |pointer| self.visit(schema, pointer));
                    }
                }
                _ => self.visit(value, pointer),
            });
        }
    }
}

/// Does something with the pointer to a member or element.
fn at(pointer: &mut String, name: &str, with: impl FnOnce(&mut String)) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    with(pointer);
    pointer.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft(mut schema: Value) -> Draft {
        Dialect::of(&mut schema).draft()
    }

    #[test]
    fn switches_make_it_draft_4() {
        assert_eq!(draft(json!({})), Draft::Draft7);
        let price = json!({ "minimum": 0, "exclusiveMinimum": true });
        for schema in [
            json!({ "properties": { "a": price } }),
            json!({ "properties": { "enum": price } }),
            json!({ "anyOf": [{ "items": [{}, price] }] }),
            json!({ "components": { "schemas": { "Price": price } } }),
        ] {
            assert_eq!(draft(schema), Draft::Draft4);
        }
        for schema in [
            json!({ "properties": { "a": { "exclusiveMinimum": 0 } } }),
            json!({ "properties": { "exclusiveMinimum": true } }),
            json!({ "enum": [price] }),
            json!({ "properties": { "a": { "default": price } } }),
        ] {
            assert_eq!(draft(schema), Draft::Draft7);
        }
    }

    #[test]
    fn hints_are_taken_out_and_what_is_called_like_them_is_not() {
        let mut schema = json!({
            "properties": {
                "format": { "format": "date-time", "type": "string" },
                "a": { "items": { "contentEncoding": "base64", "contentMediaType": null } },
            },
            "enum": [{ "format": "date" }],
            "components": { "format": { "format": "time" } },
        });
        Dialect::of(&mut schema);
        assert_eq!(
            schema,
            json!({
                "properties": { "format": { "type": "string" }, "a": { "items": {} } },
                "enum": [{ "format": "date" }],
                "components": { "format": {} },
            })
        );
    }

    #[test]
    fn references_are_found_with_their_place() {
        let mut schema = json!({
            "properties": {
                "a": { "$ref": "#/definitions/a%20b" }, "x/y": { "items": [{ "$ref": "#/components/B" }] },
                "$ref": { "$ref": "other.json" },
            },
        });
        let references = Dialect::of(&mut schema).references;
        let found: Vec<_> = references
            .iter()
            .map(|reference| (reference.pointer.as_str(), reference.target.as_str()))
            .collect();
        let expected = [
            ("/properties/a/$ref", "#/definitions/a%20b"),
            ("/properties/x~1y/items/0/$ref", "#/components/B"),
            ("/properties/$ref/$ref", "other.json"),
        ];
        assert_eq!(found, expected);
    }
}
