//! An audit, a repair and another audit, of a lake that `target-gcs` has written: exactly what was taken
//! from it comes back.

#![allow(clippy::unwrap_used, reason = "what can't be set up fails the test")]

mod kills;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use simulators::workspace::{Settings, Workspace, now};
use tempfile::TempDir;

const TAP: &str = env!("CARGO_BIN_EXE_tap-intercom");
const TARGET: &str = env!("CARGO_BIN_EXE_target-gcs");

struct Lake {
    workspace: Workspace,
    directory: TempDir,
}

impl Lake {
    /// A lake with all of a workspace.
    fn loaded() -> Self {
        let workspace = Workspace::start(Settings {
            contacts: 2_000,
            conversations: 300,
            calls: 100,
            articles: 60,
            collections: 40,
            base_time: Some(now() - 3600),
            ..Settings::default()
        });
        let lake = Self {
            workspace,
            directory: TempDir::new().unwrap(),
        };
        let config = lake.workspace.config().to_string();
        fs::write(lake.path("config.json"), config).unwrap();
        // Several files a stream.
        let target = json!({"destination": lake.path("lake"), "max_file_bytes": 100_000});
        fs::write(lake.path("target.json"), target.to_string()).unwrap();
        lake.load(&["--config", "config.json"]);
        lake.keep_state();
        lake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn load(&self, arguments: &[&str]) {
        let output = self.command(TAP, arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        fs::write(self.path("messages"), output.stdout).unwrap();
        let arguments = ["--config", "target.json", "--input", "messages"];
        let output = self.command(TARGET, &arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn read(&self, what: &str) -> Vec<u8> {
        let arguments = ["--config", "target.json", what];
        let output = self.command(TARGET, &arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        output.stdout
    }

    fn keep_state(&self) {
        fs::write(self.path("state.json"), self.read("--read-state")).unwrap();
    }

    fn audit(&self) -> Output {
        fs::write(self.path("keys"), self.read("--read-keys")).unwrap();
        self.command(TAP, &AUDIT).output().unwrap()
    }

    fn repair(&self) {
        fs::write(self.path("keys"), self.read("--read-keys")).unwrap();
        let state = self.read("--read-state");
        self.load(&[&AUDIT[..], &["--repair"]].concat());
        assert_eq!(self.read("--read-state"), state);
    }

    fn files(&self, stream: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.path("lake").join(stream), &mut files);
        files.sort();
        files
    }

    /// Every version of every record, by stream, key and version.
    fn versions(&self) -> BTreeSet<(String, String, String)> {
        let mut versions = BTreeSet::new();
        for (stream, key, version) in STREAMS {
            for file in self.files(stream) {
                for line in fs::read_to_string(file).unwrap().lines() {
                    let record: Value = serde_json::from_str(line).unwrap();
                    let version = record[version].to_string();
                    versions.insert((stream.to_owned(), record[key].to_string(), version));
                }
            }
        }
        versions
    }

    /// Leaves records out of the files; gives how many.
    fn take(&self, stream: &str, is_taken: impl Fn(&Value) -> bool) -> usize {
        let mut taken = 0;
        for file in self.files(stream) {
            let text = fs::read_to_string(&file).unwrap();
            let mut kept = String::new();
            for line in text.lines() {
                if is_taken(&serde_json::from_str(line).unwrap()) {
                    taken += 1;
                } else {
                    kept += line;
                    kept.push('\n');
                }
            }
            fs::write(&file, kept).unwrap();
        }
        taken
    }
}

const AUDIT: [&str; 6] = [
    "--config",
    "config.json",
    "--state",
    "state.json",
    "--audit",
    "keys",
];

const STREAMS: [(&str, &str, &str); 9] = [
    ("contacts", "id", "updated_at"),
    ("conversations", "id", "updated_at"),
    ("conversation_parts", "id", "conversation_updated_at"),
    ("calls", "id", "updated_at"),
    ("call_transcriptions", "call_id", "call_updated_at"),
    ("articles", "id", "updated_at"),
    ("collections", "id", "updated_at"),
    ("tags", "id", "updated_at"),
    ("teams", "id", "updated_at"),
];

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of an audit, by stream and what differs.
fn counts(audit: &Output) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for line in text(&audit.stdout).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let word = |name: &str| line[name].as_str().unwrap().to_owned();
        *counts.entry((word("stream"), word("what"))).or_default() += 1;
    }
    counts
}

#[track_caller]
fn assert_equal(lake: &Lake) {
    let audit = lake.audit();
    assert_eq!(
        audit.status.code(),
        Some(0),
        "{}{}",
        text(&audit.stdout),
        text(&audit.stderr)
    );
}

/// Takes rows, whole files, parts, transcripts and single versions from a lake.
fn damage(lake: &Lake) {
    // Whole files, one of each stream that has several.
    let several = STREAMS.map(|(stream, ..)| lake.files(stream));
    let several: Vec<_> = several.iter().filter(|files| files.len() > 1).collect();
    assert!(several.len() >= 3, "{}", several.len());
    for files in several {
        fs::remove_file(&files[0]).unwrap();
    }
    let is_one_in = |many: u32| {
        move |record: &Value| {
            let id = record["id"].as_str().or_else(|| record["call_id"].as_str());
            crc32c::crc32c(id.unwrap().as_bytes()).is_multiple_of(many)
        }
    };
    assert!(lake.take("contacts", is_one_in(20)) > 10);
    assert!(lake.take("conversation_parts", is_one_in(30)) > 5);
    assert!(lake.take("call_transcriptions", is_one_in(3)) > 5);
    for stream in ["calls", "articles", "collections", "tags", "teams"] {
        assert!(lake.take(stream, is_one_in(2)) > 0, "{stream}");
    }
}

#[test]
fn what_was_taken_from_a_lake_is_named_and_mended_and_nothing_else() {
    let lake = Lake::loaded();
    assert_equal(&lake);
    // Newer versions, which then are taken: what is left is old.
    let contacts: Vec<String> = lake
        .workspace
        .ids("contacts")
        .into_iter()
        .take(20)
        .collect();
    for id in &contacts {
        lake.workspace.touch("contacts", id, now() - 1800);
    }
    lake.load(&["--config", "config.json", "--state", "state.json"]);
    lake.keep_state();
    assert_equal(&lake);
    let before = lake.versions();
    lake.take("contacts", |record| {
        contacts.iter().any(|id| record["id"] == *id)
            && record["updated_at"].as_i64() > Some(now() - 3000)
    });
    damage(&lake);
    let after = lake.versions();
    assert!(before.len() > after.len() + 100);
    let audit = lake.audit();
    assert_eq!(audit.status.code(), Some(3), "{}", text(&audit.stderr));
    let found = counts(&audit);
    for (stream, what) in [
        ("contacts", "missing"),
        ("contacts", "stale"),
        ("conversations", "missing"),
        ("conversations", "parts_missing"),
        ("calls", "missing"),
        ("call_transcriptions", "missing"),
        ("articles", "missing"),
    ] {
        let count = found.get(&(stream.to_owned(), what.to_owned()));
        assert!(count.is_some(), "no {what} of {stream}: {found:?}");
    }
    assert!(found.keys().all(|(_, what)| what != "gone"), "{found:?}");
    lake.repair();
    // All versions are there again but for those that newer ones have replaced in the workspace.
    let mended = lake.versions();
    let replaced = |version: &&(String, String, String)| {
        version.0 == "contacts" && contacts.iter().any(|id| version.1 == format!("\"{id}\""))
    };
    let lost: Vec<_> = before
        .difference(&mended)
        .filter(|it| !replaced(it))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(
        mended.is_subset(&before),
        "{:?}",
        mended.difference(&before)
    );
    assert_equal(&lake);
    // And the runs after it have nothing more to read.
    lake.load(&["--config", "config.json", "--state", "state.json"]);
    assert_equal(&lake);
}

#[test]
fn a_stream_lost_whole_is_named_and_mended() {
    let lake = Lake::loaded();
    let before = lake.versions();
    // Contacts and calls are in the state, tags are only where a catalog selects them.
    let lost: BTreeSet<_> = before
        .iter()
        .filter(|(stream, ..)| ["contacts", "calls", "tags"].contains(&&**stream))
        .cloned()
        .collect();
    for stream in ["contacts", "calls", "tags"] {
        fs::remove_dir_all(lake.path("lake").join(stream)).unwrap();
    }
    let missing = |audit: &Output| -> BTreeSet<(String, String)> {
        assert_eq!(audit.status.code(), Some(3), "{}", text(&audit.stderr));
        let lines = text(&audit.stdout);
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|line: Value| {
                assert_eq!(line["what"], "missing");
                let stream = line["stream"].as_str().unwrap();
                (stream.to_owned(), line["key"].to_string())
            })
            .collect()
    };
    let expected = |streams: &[&str]| -> BTreeSet<(String, String)> {
        let lost = lost
            .iter()
            .filter(|(stream, ..)| streams.contains(&&**stream));
        lost.map(|(stream, key, _)| (stream.clone(), key.clone()))
            .collect()
    };
    assert_eq!(missing(&lake.audit()), expected(&["contacts", "calls"]));
    let streams: Vec<_> = ["contacts", "conversations", "calls", "tags"]
        .map(|name| json!({"tap_stream_id": name, "stream": name, "schema": {}, "selected": true}))
        .into();
    fs::write(
        lake.path("catalog.json"),
        json!({"streams": streams}).to_string(),
    )
    .unwrap();
    let selected = [&AUDIT[..], &["--catalog", "catalog.json"]].concat();
    let audit = lake.command(TAP, &selected).output().unwrap();
    assert_eq!(missing(&audit), expected(&["contacts", "calls", "tags"]));
    // What is excluded wasn't lost.
    let narrowed = [&selected[..], &["--exclude", "contacts,tags"]].concat();
    let audit = lake.command(TAP, &narrowed).output().unwrap();
    assert_eq!(missing(&audit), expected(&["calls"]));
    lake.load(&[&selected[..], &["--repair"]].concat());
    assert_eq!(lake.versions(), before);
    fs::write(lake.path("keys"), lake.read("--read-keys")).unwrap();
    let audit = lake.command(TAP, &selected).output().unwrap();
    assert_eq!(audit.status.code(), Some(0), "{}", text(&audit.stdout));
}

#[test]
fn what_the_workspace_lost_is_told_once() {
    let lake = Lake::loaded();
    let ids = |stream: &str| -> Vec<String> { lake.workspace.ids(stream).into_iter().collect() };
    let contacts = ids("contacts");
    let mut gone = BTreeSet::new();
    for id in &contacts[..7] {
        lake.workspace.delete("contacts", id);
        gone.insert(("contacts".to_owned(), id.clone(), "null".to_owned()));
    }
    let target = &contacts[20];
    lake.workspace
        .change(|data| data.merge(&contacts[10], target));
    gone.insert((
        "contacts".to_owned(),
        contacts[10].clone(),
        json!(target).to_string(),
    ));
    for stream in ["conversations", "calls", "articles", "collections"] {
        let id = ids(stream)[3].clone();
        lake.workspace.delete(stream, &id);
        gone.insert((stream.to_owned(), id, "null".to_owned()));
    }
    let audit = lake.audit();
    assert_eq!(audit.status.code(), Some(3), "{}", text(&audit.stderr));
    assert_eq!(text(&audit.stdout).lines().count(), gone.len());
    lake.repair();
    let mut told = BTreeSet::new();
    for file in lake.files("deletions") {
        for line in fs::read_to_string(file).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let word = |name: &str| record[name].as_str().unwrap().to_owned();
            assert!((now() - record["found_at"].as_i64().unwrap()).abs() < 600);
            told.insert((
                word("stream"),
                word("id"),
                record["merged_into"].to_string(),
            ));
        }
    }
    assert_eq!(told, gone);
    assert_equal(&lake);
}
