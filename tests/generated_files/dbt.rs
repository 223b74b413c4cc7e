//! The staging models of `examples/dbt` are the table of streams and the schemas once more, for dbt.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use intercom_singer::internals::tap::discover;
use intercom_singer::internals::tap::streams;
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
        let mut add = |name: &str, key: &[&str], version: Option<&str>, is_whole: bool| {
            let model = model(name, key, version, is_whole, &schemas[name]);
            files.insert(format!("stg_{name}.sql"), model);
            tests += &tests_of(name, key);
        };
        let is_whole = !stream.is_incremental();
        add(stream.name, stream.key, stream.replication_key, is_whole);
        for child in stream.children {
            add(child.name, child.key, child.parent_updated_at, false);
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

fn model(
    stream: &str,
    key: &[&str],
    version: Option<&str>,
    is_whole: bool,
    schema: &Value,
) -> String {
    let key: Vec<String> = key.iter().map(|name| format!("'{name}'")).collect();
    let version = version.map_or("none".to_owned(), |name| format!("'{name}'"));
    let mut text = format!(
        "-- Written by `{REWRITE}`.\n{{{{ staged(\n  stream = '{stream}', key = [{}], version = \
         {version}, is_whole = {is_whole},\n  columns = {{\n",
        key.join(", ")
    );
    for (name, property) in schema["properties"].as_object().unwrap() {
        writeln!(text, "    '{name}': '{}',", kind(name, property)).unwrap();
    }
    text += "  },\n) }}\n";
    text
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
