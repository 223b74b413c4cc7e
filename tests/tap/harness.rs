//! Running the tap as a process and reading what it said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

pub use crate::sets::{
    assert_covers, assert_latest, assert_latest_of, assert_same, assert_whole, existing, served,
    union,
};
use simulators::log::without_times;
use simulators::workspace::{RequestRecord, Workspace};

/// Every stream that is read when nobody chooses.
pub const STREAMS: [&str; 10] = [
    "admins",
    "teams",
    "tags",
    "contacts",
    "conversations",
    "conversation_parts",
    "calls",
    "call_transcriptions",
    "articles",
    "collections",
];

/// The streams that have bookmarks, and their children.
pub const INCREMENTAL: [&str; 6] = [
    "contacts",
    "conversations",
    "conversation_parts",
    "calls",
    "call_transcriptions",
    "articles",
];

/// Ids of one stream.
pub type Ids = BTreeSet<String>;

/// The tap, with its settings and arguments, against one workspace.
pub struct Tap {
    directory: TempDir,
    settings: Map<String, Value>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    runs: AtomicUsize,
}

impl Tap {
    /// The tap with nothing but address and token.
    pub fn of(workspace: &Workspace) -> Tap {
        let mut settings = Map::new();
        settings.insert("access_token".into(), json!(workspace.token()));
        settings.insert("base_url".into(), json!(workspace.base_url()));
        Tap {
            directory: tempfile::tempdir().unwrap(),
            settings,
            arguments: Vec::new(),
            environment: Vec::new(),
            runs: AtomicUsize::new(0),
        }
    }

    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Tap {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn unset(mut self, key: &str) -> Tap {
        self.settings.remove(key);
        self
    }

    /// `--stream NAME` for each.
    #[must_use]
    pub fn streams(mut self, names: &[&str]) -> Tap {
        for name in names {
            self.arguments.extend(["--stream".into(), (*name).into()]);
        }
        self
    }

    #[must_use]
    pub fn argument(mut self, argument: &str) -> Tap {
        self.arguments.push(argument.to_owned());
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Tap {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn catalog(mut self, catalog: &Value) -> Tap {
        let path = self.directory.path().join("catalog.json");
        std::fs::write(&path, catalog.to_string()).unwrap();
        let path = path.to_str().unwrap().to_owned();
        self.arguments.extend(["--catalog".to_owned(), path]);
        self
    }

    /// Runs from the beginning.
    pub fn run(&self) -> Run {
        Run::of(self.command(None).output().unwrap())
    }

    /// Runs on from a state.
    pub fn run_from(&self, state: &Value) -> Run {
        self.run_from_text(&state.to_string())
    }

    /// Runs on from a state file of that text.
    pub fn run_from_text(&self, state: &str) -> Run {
        Run::of(self.command(Some(state)).output().unwrap())
    }

    /// Starts a run that the test ends itself.
    pub fn start(&self, state: Option<&Value>) -> Child {
        let state = state.map(Value::to_string);
        self.command(state.as_deref()).spawn().unwrap()
    }

    /// The command, its stdout and stderr captured.
    pub fn command(&self, state: Option<&str>) -> Command {
        // Runs may go side by side.
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let config = self.directory.path().join(format!("config-{number}.json"));
        std::fs::write(&config, Value::from(self.settings.clone()).to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tap-intercom"));
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("--config")
            .arg(config)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(state) = state {
            let path = self.directory.path().join(format!("state-{number}.json"));
            std::fs::write(&path, state).unwrap();
            command.arg("--state").arg(path);
        }
        command
    }
}

/// One record as it was emitted.
#[derive(Clone, Debug)]
pub struct Record {
    pub stream: String,
    /// The values of its key, with slashes between them.
    pub id: String,
    /// Its bytes.
    pub json: String,
}

impl Record {
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.json).unwrap()
    }
}

/// What one run said.
#[derive(Debug)]
pub struct Run {
    /// None where a signal ended the process.
    pub exit_code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub records: Vec<Record>,
    /// Values of the STATE messages.
    pub states: Vec<Value>,
    pub schemas: BTreeMap<String, Value>,
}

impl Run {
    /// Reads a run's output. A line that is no message fails the test, but for a last one without
    /// its line break, as a killed process leaves it.
    pub fn of(output: Output) -> Run {
        Run {
            exit_code: output.status.code(),
            stderr: without_times(&output.stderr),
            ..Run::of_stdout(String::from_utf8(output.stdout).unwrap())
        }
    }

    /// The same for a part of a run's output.
    pub fn of_stdout(stdout: String) -> Run {
        let mut run = Run {
            exit_code: None,
            stdout,
            stderr: String::new(),
            records: Vec::new(),
            states: Vec::new(),
            schemas: BTreeMap::new(),
        };
        let whole = run.stdout.rfind('\n').map_or(0, |end| end + 1);
        let stdout = run.stdout[..whole].to_owned();
        for line in stdout.lines() {
            run.read(line);
        }
        run
    }

    fn read(&mut self, line: &str) {
        #[derive(serde::Deserialize)]
        struct Message<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            stream: Option<String>,
            #[serde(borrow)]
            record: Option<&'a RawValue>,
            #[serde(default)]
            key_properties: Vec<String>,
            #[serde(default)]
            value: Value,
            #[serde(default)]
            schema: Value,
        }
        let message: Message<'_> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        match (message.kind, message.stream) {
            ("STATE", None) => self.states.push(message.value),
            ("SCHEMA", Some(stream)) => {
                self.schemas.insert(
                    stream,
                    json!({"key": message.key_properties, "schema": message.schema}),
                );
            }
            ("RECORD", Some(stream)) => {
                let json = message.record.unwrap().get().to_owned();
                let about = self.schemas.get(&stream).expect("SCHEMA before RECORD");
                let value: Value = serde_json::from_str(&json).unwrap();
                let key = about["key"].as_array().unwrap().iter();
                let ids = key.map(|name| match &value[name.as_str().unwrap()] {
                    Value::String(id) => id.clone(),
                    other => other.to_string(),
                });
                let id = ids.collect::<Vec<_>>().join("/");
                self.records.push(Record { stream, id, json });
            }
            ("ACTIVATE_VERSION", Some(_)) => {}
            other => panic!("a message {other:?}"),
        }
    }

    /// The run, which must have succeeded.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> Run {
        assert_eq!(self.exit_code, Some(0), "{}", self.stderr);
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'));
        self
    }

    /// The run, which must have ended with that exit code.
    #[must_use]
    #[track_caller]
    pub fn exited(self, exit_code: i32) -> Run {
        assert_eq!(self.exit_code, Some(exit_code), "{}", self.stderr);
        self
    }

    /// The last STATE's value; the empty state where there was none.
    pub fn state(&self) -> Value {
        self.states.last().cloned().unwrap_or_else(|| json!({}))
    }

    pub fn bookmark(&self, stream: &str) -> Value {
        self.state()["bookmarks"][stream].clone()
    }

    pub fn ids(&self, stream: &str) -> Ids {
        self.of_stream(stream)
            .map(|record| record.id.clone())
            .collect()
    }

    pub fn of_stream(&self, stream: &str) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.stream == stream)
    }

    /// How many records came more than once.
    pub fn repeated(&self, stream: &str) -> usize {
        self.of_stream(stream).count() - self.ids(stream).len()
    }
}

/// Does the cases side by side, since they mostly wait, but not so many that they wait for each other.
pub fn side_by_side<T: Send + Debug>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    const AT_ONCE: usize = 6;
    let cases: VecDeque<T> = cases.into_iter().collect();
    let cases = Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().pop_front() else {
                        return;
                    };
                    let name = format!("{case:?}");
                    let result = catch_unwind(AssertUnwindSafe(|| check(case)));
                    if let Err(panic) = result {
                        eprintln!("this was the case {name}");
                        cases.lock().unwrap().clear();
                        resume_unwind(panic);
                    }
                }
            });
        }
    });
}

/// How many of these requests, each of which takes so long, were under way at once.
pub fn most_at_once(requests: &[RequestRecord], latency: Duration) -> usize {
    let at_once = |first: usize| {
        let since = requests[first].at;
        let is_under_way = |later: &&RequestRecord| later.at.duration_since(since) < latency;
        requests[first..].iter().filter(is_under_way).count()
    };
    (0..requests.len()).map(at_once).max().unwrap_or_default()
}
