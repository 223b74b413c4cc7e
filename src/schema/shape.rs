//! What almost all schemas say and no more (types, properties, elements), held against a record while
//! it is scanned once.
//!
//! A record that passes is valid. One that doesn't may still be: that is the validator's to say.

use std::collections::HashMap;

use serde_json::Value;

use crate::json::scanner::Scanner;

/// Keywords that no record can fail.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

const NULL: u8 = 1;
const BOOLEAN: u8 = 1 << 1;
const INTEGER: u8 = 1 << 2;
const NUMBER: u8 = 1 << 3;
const STRING: u8 = 1 << 4;
const ARRAY: u8 = 1 << 5;
const OBJECT: u8 = 1 << 6;

/// What a value may be.
#[derive(Debug)]
pub struct Shape {
    /// Bits of the types it may have.
    types: u8,
    members: Option<Members>,
    elements: Option<Box<Shape>>,
}

/// What an object's members may be.
#[derive(Debug, Default)]
struct Members {
    declared: Vec<Member>,
    /// Their places by their names, quotes included.
    places: HashMap<String, usize>,
    /// Bits of those that have to be there.
    required: u64,
    others: Others,
}

#[derive(Debug)]
struct Member {
    /// As it is written, quotes included.
    name: String,
    shape: Shape,
    /// Its bit, if it has to be there.
    required: u64,
}

#[derive(Debug, Default)]
enum Others {
    #[default]
    Any,
    None,
    Shaped(Box<Shape>),
}

impl Shape {
    /// The shape that a schema describes, if it describes nothing else.
    pub fn of(schema: &Value) -> Option<Self> {
        let mut shape = Self {
            types: u8::MAX,
            members: None,
            elements: None,
        };
        let keywords = match schema {
            Value::Bool(true) => return Some(shape),
            Value::Object(keywords) => keywords,
            _ => return None,
        };
        let mut required = None;
        for (keyword, value) in keywords {
            match keyword.as_str() {
                "type" => shape.types = types(value)?,
                "properties" => {
                    let members = shape.members.get_or_insert_default();
                    for (name, schema) in value.as_object()? {
                        members.declare(name, Self::of(schema)?);
                    }
                }
                "additionalProperties" => {
                    shape.members.get_or_insert_default().others = match value {
                        Value::Bool(false) => Others::None,
                        other => Others::Shaped(Box::new(Self::of(other)?)),
                    }
                }
                "items" => shape.elements = Some(Box::new(Self::of(value)?)),
                "required" => required = Some(value.as_array()?),
                other if ANNOTATIONS.contains(&other) => {}
                _ => return None,
            }
        }
        for name in required.into_iter().flatten() {
            let members = shape.members.get_or_insert_default();
            members.require(name.as_str()?)?;
        }
        Some(shape)
    }

    /// Whether a record, given as JSON text, is of this shape for sure.
    pub fn has(&self, record: &str) -> bool {
        let mut scanner = Scanner::new(record);
        self.pass(&mut scanner).is_some() && scanner.is_at_end()
    }

    fn pass(&self, scanner: &mut Scanner<'_>) -> Option<()> {
        let kind = match scanner.peek()? {
            b'{' => OBJECT,
            b'[' => ARRAY,
            b'"' => STRING,
            b't' | b'f' => BOOLEAN,
            b'n' => NULL,
            _ => INTEGER | NUMBER,
        };
        if self.types & kind == 0 {
            return None;
        }
        match (kind, &self.members, &self.elements) {
            (OBJECT, Some(members), _) => members.pass(scanner),
            (ARRAY, _, Some(elements)) => scanner.array(|scanner| elements.pass(scanner)),
            _ => {
                let value = scanner.value()?;
                // A number with a point may be whole; who knows is the validator.
                let is_whole = |number: &str| !number.contains(['.', 'e', 'E']);
                let must_be_whole = kind == INTEGER | NUMBER && self.types & NUMBER == 0;
                (!must_be_whole || is_whole(value)).then_some(())
            }
        }
    }
}

impl Members {
    fn declare(&mut self, name: &str, shape: Shape) {
        let name = Value::from(name).to_string();
        self.places.insert(name.clone(), self.declared.len());
        self.declared.push(Member {
            name,
            shape,
            required: 0,
        });
    }

    /// None where there are too many for the bits, or where what it is isn't said.
    fn require(&mut self, name: &str) -> Option<()> {
        let place = *self.places.get(&Value::from(name).to_string())?;
        let member = &mut self.declared[place];
        if member.required == 0 {
            member.required = 1_u64.checked_shl(self.required.count_ones())?;
            self.required |= member.required;
        }
        Some(())
    }

    fn pass(&self, scanner: &mut Scanner<'_>) -> Option<()> {
        let mut found = 0;
        // Records mostly have their members in the order of the schema, some left out.
        let mut expected = 0;
        scanner.object(|scanner, name| {
            let place = self.place(name.json(), expected);
            if let Some(place) = place {
                let member = &self.declared[place];
                expected = place + 1;
                found |= member.required;
                return member.shape.pass(scanner);
            }
            match &self.others {
                // It may be that of a declared one.
                _ if !name.is_plain() => None,
                Others::Any => scanner.value().map(|_| ()),
                Others::None => None,
                Others::Shaped(shape) => shape.pass(scanner),
            }
        })?;
        (found == self.required).then_some(())
    }

    fn place(&self, name: &str, expected: usize) -> Option<usize> {
        match self.declared.get(expected) {
            Some(member) if member.name == name => Some(expected),
            _ => self.places.get(name).copied(),
        }
    }
}

fn types(keyword: &Value) -> Option<u8> {
    let of_name = |name: &Value| {
        Some(match name.as_str()? {
            "null" => NULL,
            "boolean" => BOOLEAN,
            "integer" => INTEGER,
            "number" => NUMBER,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => return None,
        })
    };
    match keyword {
        Value::Array(names) => names
            .iter()
            .try_fold(0, |types, name| Some(types | of_name(name)?)),
        name => of_name(name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contacts() -> Value {
        json!({
            "type": "object", "required": ["id", "tags"], "title": "a contact",
            "properties": {
                "id": {"type": "string"},
                "age": {"type": ["null", "integer"]},
                "weight": {"type": "number"},
                "tags": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
                "custom": {"type": "object", "additionalProperties": {"type": ["string", "boolean"]}},
                "any": {},
            },
            "additionalProperties": false,
        })
    }

    #[test]
    fn records_of_the_shape() {
        let shape = Shape::of(&contacts()).unwrap();
        for record in [
            r#"{"id":"1","tags":[]}"#,
            r#" { "tags" : [ { "id" : "a" , "more" : 1 } , { } ] , "id" : "1" } "#,
            r#"{"id":"1","tags":[],"age":null,"weight":1.5,"any":{"a":[1.5]},"custom":{"a":"b","c":true}}"#,
            r#"{"id":"1","id":"2","tags":[],"age":-7,"weight":12e3}"#,
        ] {
            assert!(shape.has(record), "{record}");
        }
    }

    #[test]
    fn what_else_there_is_is_for_the_validator() {
        let shape = Shape::of(&contacts()).unwrap();
        for record in [
            r#"{"id":"1"}"#,
            r#"{"tags":[],"tags":[]}"#,
            r#"{"id":1,"tags":[]}"#,
            r#"{"id":"1","tags":[],"age":1.0}"#,
            r#"{"id":"1","tags":[],"age":1e2}"#,
            r#"{"id":"1","tags":[1]}"#,
            r#"{"id":"1","tags":[{"id":null}]}"#,
            r#"{"id":"1","tags":[],"custom":{"a":1}}"#,
            r#"{"id":"1","tags":[],"other":1}"#,
            r#"{"\u0069d":"1","tags":[]}"#,
            r#"{"id":"1","tags":[]}{}"#,
            r#"{"id":"1","tags":[]"#,
            "[]",
            "",
        ] {
            assert!(!shape.has(record), "{record}");
        }
    }

    #[test]
    fn names_with_escapes_may_be_declared_ones() {
        let open = Shape::of(&json!({"properties": {"id": {"type": "string"}}})).unwrap();
        assert!(open.has(r#"{"name":1}"#));
        assert!(!open.has(r#"{"\u0069d":1}"#));
    }

    #[test]
    fn schemas_that_say_more_have_none() {
        for schema in [
            json!(false),
            json!({"minimum": 1}),
            json!({"items": [{}]}),
            json!({"properties": {"a": {"enum": [1]}}}),
            json!({"additionalProperties": {"$ref": "#"}}),
            json!({"required": ["a"]}),
            json!({"properties": {"a": false}}),
        ] {
            assert!(Shape::of(&schema).is_none(), "{schema}");
        }
    }
}
