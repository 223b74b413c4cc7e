//! The staging models of `examples/dbt` are the table of streams and the schemas once more, for dbt.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use intercom_singer::internals::tap::discover;
use intercom_singer::internals::tap::streams::{self, Child, ChildSource, Stream};
use serde_json::Value;

use crate::{REWRITE, check, root};

const STAGING: &str = "examples/dbt/models/staging";

#[test]
fn every_stream_has_its_staging_model() {
    let schemas: BTreeMap<String, Value> = discover()
        .streams
        .into_iter()
        .map(|stream| (stream.tap_stream_id, stream.schema))
        .collect();
    let mut files = BTreeMap::new();
    let mut tests = format!("# Written by `{REWRITE}`.\nversion: 2\n\nmodels:\n");
    for stream in streams::all() {
        let own = Model {
            stream: stream.name,
            key: stream.key,
            version: stream.replication_key,
            is_whole: !stream.is_incremental(),
            parent: None,
        };
        let children = stream.children.iter().map(|child| Model {
            stream: child.name,
            key: child.key,
            version: child.parent_updated_at,
            is_whole: false,
            parent: parent_of(stream, child, &schemas[child.name]),
        });
        for model in std::iter::once(own).chain(children) {
            let name = model.stream;
            files.insert(format!("stg_{name}.sql"), model.text(&schemas[name]));
            tests += &tests_of(name, model.key);
        }
    }
    files.insert("_staging.yml".to_owned(), tests);
    for (name, text) in &files {
        check(&format!("{STAGING}/{name}"), text);
    }
    let generated: BTreeSet<String> = fs::read_dir(root().join(STAGING))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("stg_"))
        .collect();
    let expected = files.into_keys().filter(|name| name.starts_with("stg_"));
    assert_eq!(generated, expected.collect(), "a model without a stream");
}

/// What a staging model says of its stream.
struct Model<'a> {
    stream: &'a str,
    key: &'a [&'a str],
    version: Option<&'a str>,
    is_whole: bool,
    /// The stream that its records belong to, and their property that names one of that.
    parent: Option<(&'a str, String)>,
}

/// The parent of a child, and how its records name it: by what the tap adds, by their key, or by what the
/// API's own records call it.
fn parent_of(parent: &Stream, child: &Child, schema: &Value) -> Option<(&'static str, String)> {
    if matches!(child.source, ChildSource::SameExport(_)) {
        return None;
    }
    let name = parent.name.trim_end_matches('s');
    let key = child
        .parent_key
        .map_or_else(|| format!("{name}_id"), str::to_owned);
    assert_eq!(
        parent.key,
        ["id"],
        "{}: what its children name",
        parent.name
    );
    let is_named = schema["properties"].get(&key).is_some();
    is_named.then_some((parent.name, key))
}

impl Model<'_> {
    fn text(&self, schema: &Value) -> String {
        let key: Vec<String> = self.key.iter().map(|name| format!("'{name}'")).collect();
        let version = self
            .version
            .map_or("none".to_owned(), |name| format!("'{name}'"));
        let mut text = format!(
            "-- Written by `{REWRITE}`.\n{{{{ staged(\n  stream = '{}', key = [{}], version = \
             {version}, is_whole = {},\n",
            self.stream,
            key.join(", "),
            self.is_whole,
        );
        if let Some((parent, key)) = &self.parent {
            writeln!(text, "  parent = '{parent}', parent_key = '{key}',").unwrap();
        }
        text += "  columns = {\n";
        for (name, property) in schema["properties"].as_object().unwrap() {
            writeln!(text, "    '{name}': '{}',", kind(name, property)).unwrap();
        }
        text += "  },\n) }}\n";
        text
    }
}

/// The macro of `macros/values.sql` that makes a column of a property. One that may be of several
/// kinds is text, which every one of them can be.
fn kind(name: &str, property: &Value) -> &'static str {
    let mut types = BTreeSet::new();
    collect_types(property, &mut types);
    types.remove("null");
    let is_instant = ["_at", "_since", "_until"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    match types.as_slice() {
        [] => "part",
        several if several.contains(&"object") || several.contains(&"array") => "part",
        _ if is_instant => "instant",
        ["boolean"] => "flag",
        ["integer"] => "whole",
        ["number"] | ["integer", "number"] => "number",
        _ => "text",
    }
}

fn collect_types(schema: &Value, types: &mut BTreeSet<String>) {
    match &schema["type"] {
        Value::String(one) => {
            types.insert(one.clone());
        }
        Value::Array(several) => {
            types.extend(several.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    for keyword in ["anyOf", "oneOf"] {
        for choice in schema[keyword].as_array().into_iter().flatten() {
            collect_types(choice, types);
        }
    }
}

/// Keys are there and tell records apart.
fn tests_of(stream: &str, key: &[&str]) -> String {
    let mut text = format!("  - name: stg_{stream}\n");
    if key.is_empty() {
        return text;
    }
    if let [_, _, ..] = key {
        let quoted: Vec<String> = key.iter().map(|name| format!("\"{name}\"")).collect();
        let columns = quoted.join(", ");
        text += "    data_tests:\n      - unique_together:\n          arguments:\n";
        writeln!(text, "            columns: [{columns}]").unwrap();
    }
    text += "    columns:\n";
    for name in key {
        let tests = if key.len() == 1 {
            "[not_null, unique]"
        } else {
            "[not_null]"
        };
        writeln!(text, "      - name: {name}\n        data_tests: {tests}").unwrap();
    }
    text
}
