//! The main job, `tap-intercom | target-gcs` as two processes and a pipe: what is in the workspace
//! is in the lake, whatever the workspace is like and whatever happens on the way.

#![allow(clippy::unwrap_used, reason = "what can't be set up fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::{Value, json};
use simulators::gcs::Gcs;
use simulators::workspace::{Dates, Settings, Workspace, now};
use tempfile::TempDir;

const STREAMS: [(&str, &str); 10] = [
    ("admins", "id"),
    ("teams", "id"),
    ("tags", "id"),
    ("contacts", "id"),
    ("conversations", "id"),
    ("conversation_parts", "id"),
    ("calls", "id"),
    ("call_transcriptions", "call_id"),
    ("articles", "id"),
    ("collections", "id"),
];
const INCREMENTAL: [&str; 4] = ["contacts", "conversations", "calls", "articles"];

/// What a run left behind: names of files below the destination, and their contents.
type Tree = BTreeMap<String, String>;

struct Pipeline {
    workspace: Workspace,
    directory: TempDir,
}

impl Pipeline {
    fn new(settings: Settings) -> Self {
        let pipeline = Self {
            workspace: Workspace::start(settings),
            directory: TempDir::new().unwrap(),
        };
        let config = json!({
            "access_token": pipeline.workspace.token(),
            "base_url": pipeline.workspace.base_url(),
        });
        fs::write(pipeline.path("config.json"), config.to_string()).unwrap();
        pipeline.load_into(&json!({"destination": pipeline.path("lake")}));
        pipeline
    }

    /// Loads into another destination from now on.
    fn load_into(&self, target_config: &Value) {
        fs::write(self.path("target.json"), target_config.to_string()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the pipeline from the state in the destination, as the README tells users to.
    fn run(&self, tap_arguments: &[&str]) -> (ExitStatus, ExitStatus) {
        let state = self.target(&["--read-state"]).output().unwrap();
        assert!(state.status.success(), "--read-state failed");
        fs::write(self.path("state.json"), &state.stdout).unwrap();
        let mut tap = Command::new(env!("CARGO_BIN_EXE_tap-intercom"))
            .current_dir(self.directory.path())
            .args(["--config", "config.json", "--state", "state.json"])
            .args(tap_arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let messages = tap.stdout.take().unwrap();
        let target = self
            .target(&[])
            .stdin(messages)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        (tap.wait().unwrap(), target)
    }

    fn run_well(&self, tap_arguments: &[&str]) {
        let (tap, target) = self.run(tap_arguments);
        assert!(tap.success() && target.success(), "{tap} {target}");
    }

    fn target(&self, arguments: &[&str]) -> Command {
        let mut target = Command::new(env!("CARGO_BIN_EXE_target-gcs"));
        target
            .current_dir(self.directory.path())
            .args(["--config", "target.json"])
            .args(arguments)
            .stderr(Stdio::null());
        target
    }

    fn lake(&self) -> Tree {
        tree_of(&self.path("lake"))
    }

    /// The streams whose ids in the lake aren't the workspace's.
    fn streams_that_differ(&self, tree: &Tree) -> Vec<&'static str> {
        STREAMS
            .into_iter()
            .filter(|(stream, key)| ids_in(tree, stream, key) != self.workspace.ids(stream))
            .map(|(stream, _)| stream)
            .collect()
    }
}

fn large(timezone: &str, dates: Dates) -> Settings {
    Settings {
        contacts: 10_000,
        conversations: 2_000,
        calls: 1_000,
        articles: 300,
        collections: 100,
        same_second_rows: 400,
        displaced_calls_every: 9,
        repeated_collections_every: 7,
        timezone: timezone.parse().unwrap(),
        dates,
        ..Settings::default()
    }
}

fn small() -> Settings {
    Settings {
        contacts: 400,
        conversations: 60,
        calls: 120,
        articles: 40,
        collections: 30,
        ..Settings::default()
    }
}

#[test]
fn everything_arrives_from_any_kind_of_workspace_and_nothing_arrives_twice() {
    for (timezone, dates) in [
        ("Pacific/Apia", Dates::WholeDay),
        ("Pacific/Pago_Pago", Dates::WholeDay),
        ("UTC", Dates::Exact),
    ] {
        let pipeline = Pipeline::new(large(timezone, dates));
        pipeline.run_well(&[]);
        let first = pipeline.lake();
        let differing = pipeline.streams_that_differ(&first);
        assert!(differing.is_empty(), "{timezone}: {differing:?} differ");

        pipeline.run_well(&[]);
        let second = pipeline.lake();
        for stream in INCREMENTAL {
            let prefix = format!("{stream}/");
            assert_eq!(
                names_under(&second, &prefix),
                names_under(&first, &prefix),
                "{timezone}: nothing of {stream} changed, but a file was written"
            );
        }
        let states = |tree: &Tree| -> Tree {
            let is_state = |name: &String| name.starts_with("_intercom_state/");
            let states = tree.iter().filter(|(name, _)| is_state(name));
            states
                .map(|(name, text)| (name.clone(), text.clone()))
                .collect()
        };
        assert_eq!(states(&second).len(), INCREMENTAL.len());
        assert_eq!(states(&second), states(&first), "{timezone}");
    }
}

#[test]
fn a_second_run_brings_what_changed_and_nothing_else() {
    let pipeline = Pipeline::new(small());
    pipeline.run_well(&[]);
    let first = pipeline.lake();
    let touched: BTreeSet<String> = pipeline
        .workspace
        .ids("contacts")
        .into_iter()
        .take(2)
        .collect();
    for id in &touched {
        pipeline.workspace.touch("contacts", id, now());
    }
    let added = pipeline.workspace.add("conversations", now());
    pipeline.run_well(&[]);

    let mut new = pipeline.lake();
    new.retain(|name, _| !first.contains_key(name));
    assert_eq!(ids_in(&new, "contacts", "id"), touched);
    assert_eq!(
        ids_in(&new, "conversations", "id"),
        BTreeSet::from([added.clone()])
    );
    let parts = pipeline.workspace.read(|data| data.part_ids_of(&added));
    assert_eq!(ids_in(&new, "conversation_parts", "id"), parts);
}

#[test]
fn one_stream_brings_its_children_in_one_pass() {
    let pipeline = Pipeline::new(small());
    pipeline.run_well(&["--stream", "calls"]);
    let tree = pipeline.lake();
    for (stream, key) in [("calls", "id"), ("call_transcriptions", "call_id")] {
        assert_eq!(ids_in(&tree, stream, key), pipeline.workspace.ids(stream));
    }
    let streams: BTreeSet<&str> = tree
        .keys()
        .filter_map(|name| name.split('/').next())
        .collect();
    assert_eq!(
        streams,
        BTreeSet::from(["_intercom_state", "call_transcriptions", "calls"])
    );
    let mut pages = BTreeSet::new();
    for request in pipeline.workspace.requests() {
        if request.path == "/calls" {
            assert!(
                pages.insert(request.query.clone()),
                "asked twice for {:?}",
                request.query
            );
        }
    }
    assert!(pages.len() >= 5);
}

#[test]
fn a_bucket_holds_the_same_as_a_directory() {
    let pipeline = Pipeline::new(small());
    pipeline.run_well(&[]);
    let directory = pipeline.lake();

    let gcs = Gcs::start("intercom-api-test");
    pipeline.load_into(&json!({
        "destination": "gs://intercom-api-{env}",
        "environment": "test",
        "endpoint": gcs.base_url(),
    }));
    pipeline.run_well(&[]);
    let objects = gcs.objects().into_iter();
    let bucket: Tree = objects
        .map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap()))
        .collect();
    assert_eq!(pipeline.streams_that_differ(&bucket), Vec::<&str>::new());
    assert_eq!(contents_by_place(&bucket), contents_by_place(&directory));
}

/// Contents of files by their names without the instant in them.
fn contents_by_place(tree: &Tree) -> BTreeSet<(String, String)> {
    tree.iter()
        .map(|(name, text)| {
            let place: String = name.split("_2").next().unwrap_or_default().to_owned();
            (place, text.clone())
        })
        .collect()
}

fn names_under(tree: &Tree, prefix: &str) -> Vec<String> {
    let names = tree.keys().filter(|name| name.starts_with(prefix));
    names.cloned().collect()
}

/// The keys of a stream's records in all its files.
fn ids_in(tree: &Tree, stream: &str, key: &str) -> BTreeSet<String> {
    let prefix = format!("{stream}/");
    let files = tree.iter().filter(|(name, _)| name.starts_with(&prefix));
    let mut ids = BTreeSet::new();
    for (name, text) in files {
        assert!(!text.is_empty(), "{name} is empty");
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let id = match &record[key] {
                Value::String(id) => id.clone(),
                other => other.to_string(),
            };
            ids.insert(id);
        }
    }
    ids
}

/// All files below a directory but hidden ones.
fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else {
                tree.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    tree
}

#[test]
fn the_newest_file_of_a_full_table_is_the_whole_list() {
    let pipeline = Pipeline::new(small());
    let config = json!({
        "access_token": pipeline.workspace.token(), "base_url": pipeline.workspace.base_url(),
        "activate_versions": true,
    });
    fs::write(pipeline.path("config.json"), config.to_string()).unwrap();
    pipeline.load_into(&json!({
        "destination": pipeline.path("lake"), "max_file_bytes": 500, "flush_interval_seconds": 0,
    }));
    for _ in 0..2 {
        pipeline.run_well(&[]);
        let lake = pipeline.lake();
        for stream in ["admins", "teams", "tags", "collections"] {
            let newest = lake
                .iter()
                .rfind(|(name, _)| name.starts_with(&format!("{stream}/")));
            let newest: Tree = newest
                .map(|(name, text)| (name.clone(), text.clone()))
                .into_iter()
                .collect();
            assert_eq!(
                ids_in(&newest, stream, "id"),
                pipeline.workspace.ids(stream),
                "{stream}"
            );
        }
    }
}
