//! Recorded and published answers of the API against the schemas of the streams: every record must
//! be valid, and every property of it described. The table of streams says which answers hold whose
//! records, so a new stream is tested by its row.
//!
//! The answers are not part of this repository. `INTERCOM_SHARED_DIR` names the directory whose
//! `data` holds them:
//! - `recordings/STREAM.jsonl`, a record a line;
//! - `examples-by-version.jsonl`, a line an object of `stream`, `version` and `record`;
//! - `examples/NAME.STATUS.TITLE.json`, an answer a file, also found by `INTERCOM_EXAMPLES_DIR`.

#![allow(clippy::unwrap_used, reason = "what can't be read fails the test")]
#![allow(clippy::print_stdout, reason = "what was checked, or why nothing was")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use intercom_singer::internals::tap::streams::{self, ChildAnswer, ChildSource, Stream};
use jsonschema::Validator;
use serde_json::Value;

/// Properties of records in the material that the stream's own requests don't answer.
const NOT_OF_THE_STREAM: [(&str, &str); 4] = [
    ("articles", "statistics"),
    ("conversations", "conversation_parts"),
    ("calls", "transcript"),
    ("calls", "transcript_status"),
];

/// A property that a recording program added to each record.
const OF_THE_RECORDER: &str = "_meta";

/// Answers that hold no record of any stream.
const NO_RECORDS: [&str; 1] = ["me"];

#[test]
fn recordings_match_the_schemas() {
    let Some(directory) = shared("recordings") else {
        return;
    };
    let mut rows = Rows::of_the_table();
    for file in files(&directory, "jsonl") {
        let stream = file.file_stem().unwrap().to_str().unwrap();
        for (number, record) in lines(&file).into_iter().enumerate() {
            rows.check(stream, &format!("recording {}", number + 1), record);
        }
    }
    rows.finish();
}

#[test]
fn examples_of_every_version_match_the_schemas() {
    let Some(file) = shared("examples-by-version.jsonl") else {
        return;
    };
    let mut rows = Rows::of_the_table();
    for line in lines(&file) {
        let stream = line["stream"].as_str().unwrap();
        let origin = format!("version {}", line["version"].as_str().unwrap());
        rows.check(stream, &origin, line["record"].clone());
    }
    rows.finish();
}

#[test]
fn published_answers_match_the_schemas() {
    let directory = std::env::var_os("INTERCOM_EXAMPLES_DIR").map(PathBuf::from);
    let Some(directory) = directory.or_else(|| shared("examples")) else {
        return;
    };
    let mut rows = Rows::of_the_table();
    for file in files(&directory, "json") {
        let title = file.file_stem().unwrap().to_str().unwrap();
        let Some((name, _)) = title.split_once(".200.") else {
            continue;
        };
        let answer: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let lists = records_in(name, &answer);
        if lists.is_empty() && !NO_RECORDS.contains(&name) {
            rows.faults.insert(format!("{title}: records of no stream"));
        }
        for (stream, records) in lists {
            for record in records {
                rows.check(stream, title, record);
            }
        }
    }
    rows.finish();
}

/// Every stream and child stream with what its records are held against, and the faults found.
struct Rows {
    rows: BTreeMap<&'static str, Row>,
    faults: BTreeSet<String>,
}

struct Row {
    schema: Value,
    validator: Validator,
    /// The property that the tap adds to name the parent, where the API's own record doesn't.
    parent_key: Option<&'static str>,
    /// Lists inside a record that hold another stream's records.
    inside: Vec<(&'static str, (&'static str, &'static str))>,
    checked: usize,
}

impl Rows {
    fn of_the_table() -> Self {
        let mut rows = BTreeMap::new();
        for stream in streams::all() {
            let inside = stream.children.iter().filter_map(|child| {
                let ChildSource::Request(request) = child.source else {
                    return None;
                };
                match request.answer {
                    ChildAnswer::Listed { at, .. } => Some((child.name, at)),
                    _ => None,
                }
            });
            rows.insert(stream.name, row(&(stream.schema)(), None, inside.collect()));
            for child in stream.children {
                let schema = (child.schema)();
                rows.insert(child.name, row(&schema, child.parent_key, vec![]));
            }
        }
        Self {
            rows,
            faults: BTreeSet::new(),
        }
    }

    /// Holds `record` against the schema of its stream, and what is listed inside it against theirs.
    fn check(&mut self, stream: &str, origin: &str, mut record: Value) {
        let Some(row) = self.rows.get_mut(stream) else {
            self.faults.insert(format!("{stream}: no such stream"));
            return;
        };
        row.checked += 1;
        let properties = record.as_object_mut().unwrap();
        properties.remove(OF_THE_RECORDER);
        if let Some(name) = row.parent_key {
            properties.entry(name).or_insert_with(|| "1".into());
        }
        for error in row.validator.iter_errors(&record) {
            let at = error.instance_path();
            self.faults
                .insert(format!("{stream}{at}: {error} ({origin})"));
        }
        for path in undescribed(&record, &row.schema, "") {
            if !NOT_OF_THE_STREAM.contains(&(stream, &path)) {
                self.faults
                    .insert(format!("{stream}/{path} is not in the schema ({origin})"));
            }
        }
        for (child, (object, list)) in row.inside.clone() {
            for part in record[object][list].as_array().into_iter().flatten() {
                self.check(child, origin, part.clone());
            }
        }
    }

    /// Says how many records were checked of each stream, and fails where one had a fault.
    fn finish(self) {
        for (stream, row) in &self.rows {
            println!("{stream}: {} records checked", row.checked);
        }
        let checked: usize = self.rows.values().map(|row| row.checked).sum();
        assert!(checked > 0, "no record was found");
        let faults: Vec<String> = self.faults.into_iter().collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

fn row(
    schema: &Value,
    parent_key: Option<&'static str>,
    inside: Vec<(&'static str, (&'static str, &'static str))>,
) -> Row {
    Row {
        validator: jsonschema::draft7::new(schema).unwrap(),
        schema: schema.clone(),
        parent_key,
        inside,
        checked: 0,
    }
}

/// The records that an answer holds, by the answer's name: one of a list's requests (`contacts`,
/// `contacts_list`, `companies_scroll`), or of the request for a single object (`contact`).
fn records_in(name: &str, answer: &Value) -> Vec<(&'static str, Vec<Value>)> {
    let list = ["_list", "_scroll", "_search"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let records_at = |property: &str| answer[property].as_array().unwrap().clone();
    let mut found = Vec::new();
    for stream in streams::all() {
        let names = names_of(stream);
        if names.iter().any(|name| name == list) {
            found.push((stream.name, records_at(stream.records_at)));
        } else if names.iter().any(|name| singular(name) == list) {
            found.push((stream.name, vec![answer.clone()]));
        }
        for child in stream.children.iter().filter(|child| child.name == list) {
            found.push((child.name, records_at("data")));
        }
    }
    found
}

/// What the list of a stream may be called: as the stream, or as the last word of its path.
fn names_of(stream: &Stream) -> [String; 2] {
    let path = stream.path.split('?').next().unwrap();
    let mut words = path.split('/').filter(|word| !word.starts_with('{'));
    let last = words.next_back().unwrap();
    [stream.name.to_owned(), last.to_owned()]
}

fn singular(name: &str) -> String {
    match name.strip_suffix("ies") {
        Some(start) => format!("{start}y"),
        None => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}

/// Paths of the properties of `value` that `schema` doesn't name. What is below an object without
/// named properties (custom attributes) is anyone's.
fn undescribed(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(properties) => {
            let Some(described) = schema["properties"].as_object() else {
                return found;
            };
            for (name, value) in properties {
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}/{name}"),
                };
                match described.get(name) {
                    Some(schema) => found.extend(undescribed(value, schema, &path)),
                    None => found.push(path),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                found.extend(undescribed(item, &schema["items"], path));
            }
        }
        _ => {}
    }
    found
}

/// Where the material of this name is; says so where there is none.
fn shared(name: &str) -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("INTERCOM_SHARED_DIR") else {
        // Past what the test harness keeps to itself.
        let line = format!("SKIPPED: INTERCOM_SHARED_DIR is not set, so {name} were not checked\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let path = Path::new(&shared).join("data").join(name);
    assert!(path.exists(), "{} is missing", path.display());
    Some(path)
}

fn files(directory: &Path, extension: &str) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
