//! Drives the real `target-gcs`: settings, input, what came out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use simulators::gcs::Gcs;
use simulators::log::without_times;
use tempfile::TempDir;

/// A target with its settings, in a folder of its own.
pub struct Target {
    /// The folder: settings, and the destination where it is local.
    pub folder: TempDir,
    settings: Value,
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` after a signal that killed it.
    pub code: Option<i32>,
    /// What it printed: one JSON value a line.
    pub stdout: String,
    /// Its log.
    pub stderr: String,
}

impl Target {
    /// A target that writes into a directory.
    pub fn local() -> Target {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("lake");
        Target {
            settings: json!({ "destination": destination }),
            folder,
        }
    }

    /// A target that writes into the bucket of a service on loopback, with short time limits.
    pub fn gcs(service: &Gcs) -> Target {
        Target {
            folder: tempfile::tempdir().unwrap(),
            settings: json!({
                "destination": format!("gs://{}", service.bucket()),
                "endpoint": service.base_url(),
                "request_timeout_seconds": 2,
                "retry_deadline_seconds": 10,
            }),
        }
    }

    /// Sets a setting.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Target {
        self.settings[key] = value.into();
        self
    }

    /// The local destination.
    pub fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The command with its settings and no proxies in its way.
    pub fn command(&self) -> Command {
        let config = self.folder.path().join("config.json");
        fs::write(&config, self.settings.to_string()).unwrap();
        let mut command = Command::new(cargo_bin("target-gcs"));
        command
            .arg("--config")
            .arg(config)
            .current_dir(self.folder.path())
            .env_remove("STORAGE_EMULATOR_HOST")
            .env_remove("LOGLEVEL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it, to be fed by hand.
    pub fn spawn(&self) -> Child {
        self.command().spawn().unwrap()
    }

    /// Feeds it an input and waits for its end.
    pub fn run(&self, input: impl AsRef<[u8]>) -> Run {
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        // A target that fails early closes the pipe.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        output.into()
    }

    /// Runs `--read-state` with more arguments.
    pub fn read_state(&self, arguments: &[&str]) -> Run {
        let mut command = self.command();
        command.arg("--read-state").args(arguments);
        command.output().unwrap().into()
    }

    /// All files of the local destination by their path in it, those in `.incomplete` aside.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files_in(&self.lake())
    }

    /// What is in the local destination's `.incomplete`, the lock of the state files aside.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.lake().join(".incomplete")) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("state.lock"))
            .collect()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: without_times(&output.stderr),
        }
    }
}

impl Run {
    /// Asserts success and gives the lines of stdout.
    #[track_caller]
    pub fn succeeded(&self) -> Vec<&str> {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self.stdout.lines().collect()
    }

    /// Asserts an exit code and gives the errors logged, hints included.
    #[track_caller]
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        let start = self.stderr.find("ERROR ").expect("an error is logged");
        self.stderr[start + "ERROR ".len()..].trim_end()
    }
}

/// A command as a shell reads it; none of its words holds a quote.
pub fn shell_words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted: Vec<String> = words
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    quoted.join(" ")
}

/// Says what is not tested here and why, past what the test harness keeps to itself.
pub fn skip(reason: &str) {
    let line = format!("SKIPPED: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Recorded output of another tap, where it is at hand: not part of this repository.
/// `INTERCOM_SHARED_DIR` names the directory that has it.
pub fn cases(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("INTERCOM_SHARED_DIR") else {
        skip(&format!(
            "INTERCOM_SHARED_DIR is not set, so {name} was not loaded"
        ));
        return None;
    };
    Some(fs::read_to_string(Path::new(&folder).join("cases").join(name)).unwrap())
}

/// All files of a directory by their path in it, those in `.incomplete` aside.
pub fn files_in(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(root, root, &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with(".incomplete") {
                collect(root, &path, files);
            }
        } else {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Data files by stream: each one's content in the order of the names, put together. State files
/// are left out.
pub fn data_by_stream(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let mut data: BTreeMap<String, String> = BTreeMap::new();
    for (name, content) in files {
        let (stream, _) = name.split_once('/').unwrap();
        if stream != "_intercom_state" {
            let text = std::str::from_utf8(content).unwrap();
            data.entry(stream.to_owned()).or_default().push_str(text);
        }
    }
    data
}

/// Names with every timestamp and date made the same, so that two destinations compare.
pub fn normalised(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    files
        .iter()
        .map(|(name, content)| {
            let digits_gone: String = name
                .chars()
                .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
                .collect();
            (digits_gone, content.clone())
        })
        .collect()
}

/// A SCHEMA line that allows anything; every record needs `id`.
pub fn schema(stream: &str) -> String {
    let message = json!({
        "type": "SCHEMA", "stream": stream, "schema": { "properties": {} }, "key_properties": ["id"],
    });
    format!("{message}\n")
}

/// A RECORD line.
pub fn record(stream: &str, record: impl Into<Value>) -> String {
    format!(
        "{}\n",
        json!({ "type": "RECORD", "stream": stream, "record": record.into() })
    )
}

/// A STATE line with one bookmark.
pub fn state(stream: &str, bookmark: impl Into<Value>) -> String {
    format!(
        "{}\n",
        json!({ "type": "STATE", "value": { "bookmarks": { stream: bookmark.into() } } })
    )
}

/// Rows 0, 1, 2, … of many streams, with a STATE after each round that gives all of them the
/// bookmark `{"at": round}`: rows up to that one have come.
pub fn rounds(streams: usize, rounds: std::ops::Range<u64>) -> String {
    let names: Vec<String> = (0..streams).map(|number| format!("s{number}")).collect();
    let mut input: String = names.iter().map(|name| schema(name)).collect();
    for round in rounds {
        for name in &names {
            input += &record(name, json!({ "id": round }));
        }
        let bookmarks: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), json!({ "at": round })))
            .collect();
        let line = json!({ "type": "STATE", "value": { "bookmarks": bookmarks } });
        input += &format!("{line}\n");
    }
    input
}

/// Asserts that every row of [`rounds`] that a state's bookmarks cover is in the data, and that no
/// file is torn.
#[track_caller]
pub fn assert_covered(state: &str, files: &BTreeMap<String, Vec<u8>>) {
    let state: Value = serde_json::from_str(state).unwrap();
    let Some(bookmarks) = state["bookmarks"].as_object() else {
        return;
    };
    let data = data_by_stream(files);
    for (stream, bookmark) in bookmarks {
        let text = data.get(stream).map_or("", String::as_str);
        assert!(text.ends_with('\n'), "{stream} has only whole lines");
        let rows: std::collections::BTreeSet<u64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["id"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        let covered = bookmark["at"].as_u64().unwrap();
        let missing: Vec<u64> = (0..=covered).filter(|row| !rows.contains(row)).collect();
        assert!(
            missing.is_empty(),
            "{stream} lacks {missing:?} of {covered}"
        );
    }
}

/// Asserts the same of every state object among the files.
#[track_caller]
pub fn assert_states_covered(files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        if name.starts_with("_intercom_state/") {
            assert_covered(str::from_utf8(content).unwrap(), files);
        }
    }
}
