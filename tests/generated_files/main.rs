//! Files that derive from the code are in the repository for people and for tools that don't run
//! it: the schemas, the catalog, the README's tables. They are the code's, to the byte.
//!
//! `UPDATE_GENERATED=1 cargo test --test generated_files` rewrites them.

#![allow(clippy::unwrap_used, reason = "what can't be set up fails the test")]

mod dbt;
mod meltano;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use intercom_singer::internals::tap::discover;
use intercom_singer::internals::tap::streams::{
    self, Child, ChildSource, ExportJobs, ExportKind, ExportOf, Paging, Stream,
};
use intercom_singer::internals::{about, settings, tap, target};

const REWRITE: &str = "UPDATE_GENERATED=1 cargo test --test generated_files";

#[test]
fn schemas_are_those_of_the_record_types() {
    let mut expected = BTreeSet::new();
    for stream in discover().streams {
        let name = format!("{}.json", stream.tap_stream_id);
        let schema = serde_json::to_string_pretty(&stream.schema).unwrap();
        check(&format!("schemas/{name}"), &format!("{schema}\n"));
        expected.insert(name);
    }
    let found: BTreeSet<String> = fs::read_dir(root().join("schemas"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected, "a schema without a stream");
}

#[test]
fn the_catalog_is_the_discovered_one() {
    let catalog = tap::catalog_json(&discover());
    check("catalog.json", &format!("{catalog}\n"));
}

#[test]
fn the_readme_has_the_streams_and_settings_of_the_code() {
    let tap_settings = settings::schema_of::<tap::Settings>();
    let target_settings = settings::schema_of::<target::Settings>();
    let mut readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (marker, table) in [
        ("streams", streams_table(true)),
        ("further streams", streams_table(false)),
        (
            "tap-intercom settings",
            about::settings_table(&tap_settings),
        ),
        (
            "target-gcs settings",
            about::settings_table(&target_settings),
        ),
    ] {
        readme = with_table(&readme, marker, &table);
    }
    check("README.md", &readme);
}

#[test]
fn the_sample_configurations_have_only_known_settings() {
    for (file, schema) in [
        ("sample_config.json", settings::schema_of::<tap::Settings>()),
        (
            "sample_target_config.json",
            settings::schema_of::<target::Settings>(),
        ),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let sample: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut strict = schema.clone();
        strict["additionalProperties"] = serde_json::Value::Bool(false);
        let validator = jsonschema::validator_for(&strict).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(&sample)
            .map(|fault| fault.to_string())
            .collect();
        assert_eq!(faults, Vec::<String>::new(), "{file}");
    }
}

/// The streams that are read when nobody chooses, or those that aren't.
fn streams_table(selected_by_default: bool) -> String {
    let mut table = String::from("| Stream | Key | Replication | Read from |\n|---|---|---|---|\n");
    for stream in streams::all() {
        if stream.selected_by_default == selected_by_default {
            table += &format!(
                "| `{}` | {} | {} | `{}` |\n",
                stream.name,
                key(stream.key),
                replication(stream),
                request(stream),
            );
        }
        for child in stream.children {
            if child.selected_by_default == selected_by_default {
                table += &format!(
                    "| `{}` | {} | with `{}` | {} |\n",
                    child.name,
                    key(child.key),
                    stream.name,
                    child_source(child, stream)
                );
            }
        }
    }
    table
}

fn key(properties: &[&str]) -> String {
    if properties.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = properties.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn child_source(child: &Child, parent: &Stream) -> String {
    match child.source {
        ChildSource::Request(request) => format!("`GET {}`", request.path),
        ChildSource::SameExport(ExportKind::Named(kind)) => format!("the same, files of `{kind}`"),
        ChildSource::SameExport(ExportKind::Others { .. } | ExportKind::Rows) => {
            "the same, all other files".to_owned()
        }
        ChildSource::Inside(list) => format!("`{list}` of each record of `{}`", parent.name),
    }
}

fn replication(stream: &Stream) -> String {
    match stream.replication_key {
        Some(key) => format!("incremental by `{key}`"),
        None if stream.is_incremental() => "incremental, by windows of time".to_owned(),
        None => "full table".to_owned(),
    }
}

fn request(stream: &Stream) -> String {
    let method = match stream.paging {
        Paging::FoundByAudits => return "none: `--audit --repair` finds its records".to_owned(),
        Paging::Scroll { search, .. } => return format!("GET {}, POST {search}", stream.path),
        Paging::Search(_) | Paging::ExportJobs(_) => "POST",
        Paging::Single
        | Paging::NewestFirst { .. }
        | Paging::Unsorted { .. }
        | Paging::CursorSince { .. }
        | Paging::KeptCursor { .. }
        | Paging::Between { .. }
        | Paging::Cursors { .. }
        | Paging::Object
        | Paging::Texts => "GET",
    };
    if let Paging::ExportJobs(ExportJobs {
        of: ExportOf::Dataset { id, .. },
        ..
    }) = stream.paging
    {
        return format!("{method} {}`, dataset `{id}", stream.path);
    }
    format!("{method} {}", stream.path)
}

/// The document with the table between the marker's two comments replaced.
fn with_table(document: &str, marker: &str, table: &str) -> String {
    let begin = format!("<!-- {marker} -->\n");
    let end = format!("<!-- end of {marker} -->");
    let start = document
        .find(&begin)
        .unwrap_or_else(|| panic!("README.md lacks {begin}"))
        + begin.len();
    let stop = start
        + document[start..]
            .find(&end)
            .unwrap_or_else(|| panic!("README.md lacks {end}"));
    format!("{}\n{table}\n{}", &document[..start], &document[stop..])
}

fn check(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} isn't what the code makes of it; `{REWRITE}` rewrites it"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
