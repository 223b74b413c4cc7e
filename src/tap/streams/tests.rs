//! What holds for every row of the table, children included, and for the schema it names.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::all;

/// What a stream or child stream is called, the properties that identify a record, and the schema.
fn rows() -> Vec<(&'static str, &'static [&'static str], Value)> {
    let mut rows = Vec::new();
    for stream in all() {
        rows.push((stream.name, stream.key, (stream.schema)()));
        for child in stream.children {
            rows.push((child.name, child.key, (child.schema)()));
        }
    }
    rows
}

/// Calls `visit` with every schema nested in `schema` and the path to it.
fn visit_nested(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, property);
        visit_nested(property, &path, visit);
    }
    if let Some(items) = schema.get("items") {
        let path = format!("{path}[]");
        visit(&path, items);
        visit_nested(items, &path, visit);
    }
}

#[test]
fn no_two_streams_share_a_name() {
    let names: Vec<&str> = rows().into_iter().map(|(name, ..)| name).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

#[test]
fn replication_keys_are_properties_of_the_schema() {
    for stream in all() {
        let schema = (stream.schema)();
        if let Some(key) = stream.replication_key {
            let property = schema["properties"].get(key);
            assert!(property.is_some(), "{} has no property {key}", stream.name);
        }
    }
}

#[test]
fn nested_lists_are_those_of_the_schema() {
    for stream in all() {
        let schema = (stream.schema)();
        let is_truncated = |property: &Value| {
            ["data", "has_more", "url"]
                .iter()
                .all(|name| property["properties"].get(name).is_some())
        };
        let properties = schema["properties"].as_object().into_iter().flatten();
        let truncated: BTreeSet<&str> = properties
            .filter(|(_, property)| is_truncated(property))
            .map(|(name, _)| name.as_str())
            .collect();
        let Some(lists) = stream.nested_lists else {
            continue;
        };
        let named: BTreeSet<&str> = lists.lists.iter().map(|list| list.name).collect();
        assert_eq!(named, truncated, "{}", stream.name);
    }
}

#[test]
fn every_schema_is_valid_draft_7() {
    for (stream, _, schema) in rows() {
        if let Err(error) = jsonschema::draft7::meta::validate(&schema) {
            panic!("{stream}: {error}");
        }
    }
}

#[test]
fn a_schema_uses_only_keywords_that_refuse_no_record() {
    let allowed = ["description", "type", "properties", "items"];
    for (stream, _, schema) in rows() {
        visit_nested(&schema, stream, &mut |path, nested| {
            for keyword in nested.as_object().expect("an object, not `true`").keys() {
                assert!(allowed.contains(&keyword.as_str()), "{path}: {keyword}");
            }
        });
    }
}

#[test]
fn a_record_is_an_object_that_must_have_its_key() {
    for (stream, keys, schema) in rows() {
        assert_eq!(schema["type"], json!("object"), "{stream}");
        // What has no key has no empty list of it, which older drafts don't know.
        let required = (!keys.is_empty()).then(|| json!(keys));
        assert_eq!(schema.get("required"), required.as_ref(), "{stream}");
        let keywords: Vec<_> = schema.as_object().expect("an object").keys().collect();
        assert_eq!(keywords[..3], ["description", "type", "properties"]);
    }
}

#[test]
fn everything_nested_but_the_key_may_be_null_and_says_so_first() {
    for (stream, keys, schema) in rows() {
        let keys: Vec<_> = keys.iter().map(|key| format!("{stream}.{key}")).collect();
        visit_nested(&schema, stream, &mut |path, nested| {
            let types: Vec<_> = nested["type"].as_array().into_iter().flatten().collect();
            let nulls: Vec<_> = types.iter().map(|name| *name == "null").collect();
            let is_key = keys.iter().any(|key| key == path);
            assert_eq!(nulls.first() == Some(&true), !is_key, "{path}: {nested}");
            assert!(!nulls.iter().skip(1).any(|null| *null), "{path}: {nested}");
        });
    }
}

#[test]
fn every_property_has_a_one_line_description() {
    for (stream, _, schema) in rows() {
        visit_nested(&schema, stream, &mut |path, nested| {
            let description = nested["description"].as_str().unwrap_or_default();
            let described = description.ends_with('.') && !description.contains('\n');
            assert!(described || path.ends_with("[]"), "{path}: {description:?}");
        });
    }
}

/// Any form in which a point in time is on record; or numbers, or ISO 8601 text, where a stream is
/// read by it and loaders order by it.
#[test]
fn points_in_time_are_of_the_types_that_are_decided_once() {
    let decided = [
        json!(["null", "number", "string"]),
        json!(["null", "number"]),
        json!(["null", "string"]),
    ];
    for (stream, keys, schema) in rows() {
        let keys: Vec<_> = keys.iter().map(|key| format!("{stream}.{key}")).collect();
        visit_nested(&schema, stream, &mut |path, nested| {
            let is_key = keys.iter().any(|key| key == path);
            if !is_key
                && ["_at", "_since", "_until"]
                    .iter()
                    .any(|end| path.ends_with(end))
            {
                assert!(decided.contains(&nested["type"]), "{path}: {nested}");
            }
        });
    }
}

/// Text or a number wherever one is named, since both are on record for the same field.
#[test]
fn identifiers_are_text_or_integers_everywhere() {
    for (stream, _, schema) in rows() {
        visit_nested(&schema, stream, &mut |path, nested| {
            let name = path.rsplit('.').next().unwrap_or(path);
            if name == "id" || name.ends_with("_id") || name.ends_with("_ids[]") {
                let types: Vec<&str> = types_of(nested).collect();
                let takes_both = types.contains(&"string")
                    && (types.contains(&"integer") || types.contains(&"number"));
                assert!(takes_both, "{path}: {nested}");
            }
        });
    }
}

/// A count may come as `4.0`, a duration as `4.5`: only identifiers are whole.
#[test]
fn no_number_must_be_whole() {
    for (stream, _, schema) in rows() {
        visit_nested(&schema, stream, &mut |path, nested| {
            let types: Vec<&str> = types_of(nested).collect();
            let is_whole = types.contains(&"integer") && !types.contains(&"string");
            assert!(!is_whole, "{path}: {nested}");
        });
    }
}

fn types_of(schema: &Value) -> impl Iterator<Item = &str> {
    let types = schema["type"]
        .as_array()
        .map_or_else(|| std::slice::from_ref(&schema["type"]), Vec::as_slice);
    types.iter().filter_map(Value::as_str)
}
