//! Making a schema wider, value by value, so that it allows a record: types are added, properties
//! declared, and keywords that a value doesn't meet go.
//!
//! Where a schema enumerates properties, one that it lacks is declared. An object without
//! `properties`, or with `additionalProperties`, is free-form and stays so.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::change::{ChangeKind, SchemaChange};
use super::validator::Validator;

/// So many properties are declared in one object at most; one with more turns free-form.
const MOST_DECLARED: usize = 1000;
/// So many in a whole schema.
const MOST_DECLARED_IN_ALL: usize = 10_000;
/// Their names together are no longer than this, in bytes.
const MOST_NAME_BYTES: usize = 1 << 20;
/// How deep properties are declared. Programs that read schemas have limits of their own, and each
/// level takes two of theirs.
const MOST_LEVELS_DECLARED: usize = 16;
/// Keywords that are judged with the rest of the record, or that say nothing of values.
const STRUCTURE: &[&str] = &[
    "type",
    "properties",
    "additionalProperties",
    "required",
    "$schema",
    "$id",
    "$comment",
    "id",
    "title",
    "description",
    "default",
    "examples",
    "definitions",
    "$defs",
];
/// Keywords of schemas that are combined.
const COMBINING: &[&str] = &["anyOf", "oneOf", "allOf"];

/// How much was declared so far, which has bounds: the names come from outside.
#[derive(Debug, Default)]
pub struct Declared {
    in_object: HashMap<String, usize>,
    in_all: usize,
    name_bytes: usize,
}

impl Declared {
    fn has_room(&mut self, path: &str, name: &str) -> bool {
        let in_object = self.in_object.entry(path.to_owned()).or_default();
        let has_room = *in_object < MOST_DECLARED
            && self.in_all < MOST_DECLARED_IN_ALL
            && self.name_bytes + name.len() <= MOST_NAME_BYTES;
        if has_room {
            *in_object += 1;
            self.in_all += 1;
            self.name_bytes += name.len();
        }
        has_room
    }
}

/// One record's way through a schema.
pub struct Widening<'a> {
    keys: &'a [String],
    declared: &'a mut Declared,
    changes: Vec<SchemaChange>,
    path: String,
    level: usize,
    /// How many undeclared objects we are inside of: what is in them is no news of its own.
    inside_new: usize,
}

impl<'a> Widening<'a> {
    /// `keys` are the properties of a record that keep their types.
    pub fn new(keys: &'a [String], declared: &'a mut Declared) -> Self {
        Self {
            keys,
            declared,
            changes: Vec::new(),
            path: String::new(),
            level: 0,
            inside_new: 0,
        }
    }

    /// What was added so far.
    pub fn into_changes(self) -> Vec<SchemaChange> {
        self.changes
    }

    /// Makes the schema allow the record. The error names the key that keeps it from that.
    pub fn record(&mut self, schema: &mut Value, record: &Value) -> Result<(), String> {
        let properties = schema.get("properties").cloned().unwrap_or_default();
        for key in self.keys {
            let is_kept = match (properties.get(key), record.get(key)) {
                (Some(property), Some(value)) => is_met(property, value),
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if !is_kept {
                return Err(key.clone());
            }
        }
        self.value(schema, record);
        Ok(())
    }

    fn value(&mut self, schema: &mut Value, value: &Value) {
        if is_guess(schema) {
            if !value.is_null() {
                *schema = self.declare(value);
            }
            return;
        }
        if schema == &Value::Bool(false) {
            *schema = json!({});
            self.changed(ChangeKind::Type(type_of(value)));
        }
        let Value::Object(keywords) = schema else {
            return;
        };
        self.add_type(keywords, value);
        self.drop_unmet(keywords, value);
        match value {
            Value::Object(members) => self.members(keywords, members),
            Value::Array(elements) => self.elements(keywords, elements),
            _ => {}
        }
    }

    fn add_type(&mut self, keywords: &mut Map<String, Value>, value: &Value) {
        let Some(declared) = keywords.get("type") else {
            return;
        };
        let name = type_of(value);
        let mut types = match declared {
            Value::Array(types) => types.clone(),
            one => vec![one.clone()],
        };
        let is_declared = types
            .iter()
            .any(|declared| declared == name || (declared == "number" && name == "integer"));
        if is_declared {
            return;
        }
        match name {
            "null" => types.insert(0, json!(name)),
            // Every integer is a number, and a column of both is one of numbers.
            "number" => {
                types.retain(|declared| declared != "integer");
                types.push(json!(name));
            }
            _ => types.push(json!(name)),
        }
        keywords.insert("type".to_owned(), Value::Array(types));
        if name == "object" && !keywords.contains_key("properties") && self.may_declare() {
            keywords.insert("properties".to_owned(), json!({}));
        }
        if name == "array" && !keywords.contains_key("items") && self.may_declare() {
            keywords.insert("items".to_owned(), guess());
        }
        self.changed(ChangeKind::Type(name));
    }

    /// Drops the keywords that the value doesn't meet, but for those that grow.
    fn drop_unmet(&mut self, keywords: &mut Map<String, Value>, value: &Value) {
        let grows = |name: &str, schema: &Value| {
            STRUCTURE.contains(&name) || (name == "items" && !schema.is_array())
        };
        let judged: Vec<String> = keywords
            .iter()
            .filter(|(name, schema)| !grows(name, schema))
            .map(|(name, _)| name.clone())
            .collect();
        for name in judged {
            if is_met(&json!({ &name: &keywords[&name] }), value) {
                continue;
            }
            let dropped = keywords.shift_remove(&name).unwrap_or_default();
            if COMBINING.contains(&name.as_str()) && !keywords.contains_key("type") {
                keywords.insert("type".to_owned(), types_of(&dropped, value));
            }
            self.changed(ChangeKind::Unbound(name));
        }
    }

    fn members(&mut self, keywords: &mut Map<String, Value>, members: &Map<String, Value>) {
        self.make_optional(keywords, members);
        let Some(Value::Object(properties)) = keywords.get_mut("properties") else {
            return;
        };
        let mut properties = std::mem::take(properties);
        for (name, value) in members {
            let before = self.path.len();
            let is_declared = properties.contains_key(name);
            let is_open = !matches!(
                keywords.get("additionalProperties"),
                None | Some(Value::Bool(false))
            );
            if !is_declared && !is_open && !self.declared.has_room(&self.path, name) {
                keywords.insert("additionalProperties".to_owned(), Value::Bool(true));
                self.changed(ChangeKind::FreeForm);
                continue;
            }
            self.enter(&escaped(name));
            if let Some(property) = properties.get_mut(name) {
                self.value(property, value);
            } else if !is_open {
                self.changed(ChangeKind::Declared(type_of(value)));
                let property = self.declare(value);
                properties.insert(name.clone(), property);
            } else if let Some(others) = keywords.get_mut("additionalProperties") {
                self.value(others, value);
            }
            self.leave(before);
        }
        keywords.insert("properties".to_owned(), Value::Object(properties));
    }

    /// Takes out of `required` what a record lacks. The keys were found to be there.
    fn make_optional(&mut self, keywords: &mut Map<String, Value>, members: &Map<String, Value>) {
        let Some(Value::Array(required)) = keywords.get_mut("required") else {
            return;
        };
        let is_there = |name: &Value| {
            let name = name.as_str();
            name.is_none_or(|name| members.contains_key(name))
        };
        let missing: Vec<Value> = required.extract_if(.., |name| !is_there(name)).collect();
        for name in missing.iter().filter_map(Value::as_str) {
            let before = self.path.len();
            self.enter(&escaped(name));
            self.changed(ChangeKind::Optional);
            self.leave(before);
        }
    }

    fn elements(&mut self, keywords: &mut Map<String, Value>, elements: &[Value]) {
        let Some(items) = keywords.get_mut("items").filter(|items| !items.is_array()) else {
            return;
        };
        let before = self.path.len();
        self.enter("*");
        for element in elements {
            self.value(items, element);
        }
        self.leave(before);
    }

    /// The schema of a property that was unknown.
    fn declare(&mut self, value: &Value) -> Value {
        let name = type_of(value);
        if name == "null" {
            return guess();
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!(["null", name]));
        if self.may_declare() {
            self.inside_new += 1;
            match value {
                Value::Object(members) => {
                    schema.insert("properties".to_owned(), json!({}));
                    self.members(&mut schema, members);
                }
                Value::Array(elements) => {
                    schema.insert("items".to_owned(), guess());
                    self.elements(&mut schema, elements);
                }
                _ => {}
            }
            self.inside_new -= 1;
        }
        Value::Object(schema)
    }

    fn may_declare(&self) -> bool {
        self.level < MOST_LEVELS_DECLARED
    }

    fn changed(&mut self, kind: ChangeKind) {
        if self.inside_new == 0 {
            self.changes.push(SchemaChange {
                path: self.path.clone(),
                kind,
            });
        }
    }

    fn enter(&mut self, step: &str) {
        self.path.push('/');
        self.path.push_str(step);
        self.level += 1;
    }

    fn leave(&mut self, before: usize) {
        self.path.truncate(before);
        self.level -= 1;
    }
}

/// What stands for the schema of values of which only null was seen, or none, until the end of the
/// page that they are in.
fn guess() -> Value {
    json!({"type": ["null"], "x-guess": true})
}

fn is_guess(schema: &Value) -> bool {
    schema.get("x-guess").is_some()
}

/// Makes of what was only null, or never there, a string that may be null.
pub fn finish_guesses(schema: &mut Value) {
    if is_guess(schema) {
        *schema = json!({"type": ["null", "string"]});
    }
    for_each_nested(schema, &mut finish_guesses);
}

/// Keeps of a schema nothing but which types values have, and which properties.
pub fn keep_types_alone(schema: &mut Value) {
    if let Value::Object(keywords) = schema {
        keywords.retain(|name, value| match name.as_str() {
            "type" | "properties" | "required" | "title" | "description" | "$schema" => true,
            "items" => value.is_object(),
            "additionalProperties" => value != &Value::Bool(false),
            _ => false,
        });
    }
    for_each_nested(schema, &mut keep_types_alone);
}

/// Calls `change` with the schemas of properties and elements right below this one.
pub fn for_each_nested(schema: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    let Value::Object(keywords) = schema else {
        return;
    };
    if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
        properties.values_mut().for_each(&mut *change);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(nested) = keywords.get_mut(name).filter(|nested| nested.is_object()) {
            change(nested);
        }
    }
}

/// Whether a value meets a schema; one that can't be told on its own counts as met.
fn is_met(schema: &Value, value: &Value) -> bool {
    match Validator::with_formats(schema) {
        Ok(validator) => validator.is_valid(&value.to_string()),
        Err(_) => true,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.to_string().contains(['.', 'e', 'E']) => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The types that combined schemas allow, and a value's own.
fn types_of(combined: &Value, value: &Value) -> Value {
    let mut types = Vec::new();
    for schema in combined.as_array().into_iter().flatten() {
        match schema.get("type") {
            Some(Value::Array(several)) => types.extend(several.clone()),
            Some(one) => types.push(one.clone()),
            None => {}
        }
    }
    types.push(json!(type_of(value)));
    let mut distinct: Vec<Value> = Vec::new();
    for name in types {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct.sort_by_key(|name| name != "null");
    Value::Array(distinct)
}

/// A name as a step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
