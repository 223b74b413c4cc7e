//! `--audit`: the keys of a lake against a workspace. Of a lake that lacks some and a workspace that
//! lost some, exactly those are named; of a live workspace nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use simulators::workspace::{Churn, Fault, FaultKind, Settings, When, Workspace, now};

use crate::harness::{Run, Tap};

/// What the lake holds of one key: its version and how many parts it has.
pub type Lake = BTreeMap<(String, String), (Value, Option<u64>)>;
/// Stream, key and how it differs.
pub type Differences = BTreeSet<(String, String, String)>;

const READ: [&str; 8] = [
    "contacts",
    "conversations",
    "calls",
    "articles",
    "collections",
    "tags",
    "companies",
    "custom_object_instances",
];

pub fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 2_000,
        conversations: 150,
        calls: 100,
        articles: 60,
        collections: 40,
        companies: 50,
        repeated_collections_every: 5,
        displaced_calls_every: 9,
        base_time: Some(now() - 3600),
        ..Settings::default()
    })
}

pub fn tap(workspace: &Workspace) -> Tap {
    let mut tap = Tap::of(workspace);
    for (key, value) in workspace.config().as_object().unwrap() {
        tap = tap.set(key, value.clone());
    }
    tap
}

/// Reads all of the workspace, as a first run does.
pub fn load(workspace: &Workspace) -> (Lake, Value) {
    let run = tap(workspace).streams(&READ).run().ok();
    (lake_of(&run), run.state())
}

pub fn lake_of(run: &Run) -> Lake {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for part in run.of_stream("conversation_parts") {
        let conversation = &part.value()["conversation_id"];
        *parts
            .entry(conversation.as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    let mut lake = Lake::new();
    for record in &run.records {
        let value = record.value();
        let key = run.schemas[&record.stream]["key"].as_array().unwrap();
        let key: Vec<&Value> = key
            .iter()
            .map(|name| &value[name.as_str().unwrap()])
            .collect();
        let key = match key.as_slice() {
            [only] => (*only).clone(),
            several => json!(several),
        };
        let version = match record.stream.as_str() {
            "call_transcriptions" => &value["call_updated_at"],
            "conversation_parts" => &value["conversation_updated_at"],
            _ => &value["updated_at"],
        };
        let count = (record.stream == "conversations")
            .then(|| parts.get(&record.id).copied().unwrap_or_default());
        lake.insert(
            (record.stream.clone(), key.to_string()),
            (version.clone(), count),
        );
    }
    lake
}

/// The keys as `target-gcs --read-keys` prints them.
pub fn lines(lake: &Lake) -> String {
    let line = |((stream, key), (version, parts)): (&(String, String), &(Value, Option<u64>))| {
        let key: Value = serde_json::from_str(key).unwrap();
        let line = json!({"stream": stream, "key": key, "updated_at": version, "parts": parts});
        format!("{line}\n")
    };
    lake.iter().map(line).collect()
}

pub struct Audit {
    pub exit_code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Audit {
    pub fn of(tap: &Tap, keys: &str, state: &Value, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, keys).unwrap();
        let mut command = tap.command(Some(&state.to_string()));
        command.arg("--audit").arg(path).args(arguments);
        let output = command.output().unwrap();
        Self {
            exit_code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn differences(&self) -> Differences {
        let expected = if self.stdout.is_empty() { 0 } else { 3 };
        assert_eq!(self.exit_code, Some(expected), "{}", self.stderr);
        let mut found = Differences::new();
        for line in self.stdout.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            let key = line["key"].to_string();
            assert!(
                found.insert((text("stream"), key, text("what"))),
                "{line} came twice"
            );
        }
        found
    }

    #[track_caller]
    fn refused(&self, word: &str) {
        assert_eq!(self.exit_code, Some(2), "{}", self.stderr);
        assert!(self.stderr.contains(word), "{word}: {}", self.stderr);
        assert_eq!(self.stdout, "");
    }
}

pub fn difference(stream: &str, key: &str, what: &str) -> (String, String, String) {
    (stream.to_owned(), key.to_owned(), what.to_owned())
}

/// Keys of a stream in the lake, in their order.
pub fn keys(lake: &Lake, stream: &str) -> Vec<String> {
    let keys = lake.keys().filter(|(name, _)| name == stream);
    keys.map(|(_, key)| key.clone()).collect()
}

fn plain(key: &str) -> &str {
    key.trim_matches('"')
}

/// Takes from the lake and from the workspace some of each kind; gives what an audit must name.
fn damage(workspace: &Workspace, lake: &mut Lake) -> Differences {
    let mut expected = Differences::new();
    for stream in [
        "contacts",
        "conversations",
        "calls",
        "articles",
        "collections",
        "companies",
    ] {
        let keys = keys(lake, stream);
        let has_versions =
            stream != "collections" || lake[&(stream.to_owned(), keys[0].clone())].0.is_i64();
        for key in &keys[..5] {
            lake.remove(&(stream.to_owned(), key.clone()));
            expected.insert(difference(stream, key, "missing"));
        }
        for key in &keys[5..9] {
            let (version, _) = lake.get_mut(&(stream.to_owned(), key.clone())).unwrap();
            if has_versions {
                *version = json!(1_500_000_000);
                expected.insert(difference(stream, key, "stale"));
            }
        }
        for key in &keys[9..12] {
            workspace.delete(stream, plain(key));
            expected.insert(difference(stream, key, "gone"));
        }
    }
    let contacts = keys(lake, "contacts");
    workspace.change(|data| data.merge(plain(&contacts[40]), plain(&contacts[41])));
    expected.insert(difference("contacts", &contacts[40], "gone"));
    for key in &keys(lake, "conversations")[20..24] {
        let (_, parts) = lake
            .get_mut(&("conversations".to_owned(), key.clone()))
            .unwrap();
        *parts = Some(parts.unwrap() - 1);
        expected.insert(difference("conversations", key, "parts_missing"));
    }
    let transcribed = keys(lake, "call_transcriptions");
    let is_left = |key: &&String| lake.contains_key(&("calls".to_owned(), (*key).clone()));
    let is_there = |key: &&String| workspace.ids("calls").contains(plain(key));
    let some: Vec<String> = transcribed
        .iter()
        .filter(is_left)
        .filter(is_there)
        .take(3)
        .cloned()
        .collect();
    for key in some {
        lake.remove(&("call_transcriptions".to_owned(), key.clone()));
        expected.insert(difference("call_transcriptions", &key, "missing"));
    }
    for stream in ["tags", "custom_object_instances"] {
        let key = keys(lake, stream)[3].clone();
        lake.remove(&(stream.to_owned(), key.clone()));
        expected.insert(difference(stream, &key, "missing"));
    }
    let nobody = r#"["Order","nobody"]"#;
    lake.insert(
        ("custom_object_instances".to_owned(), nobody.to_owned()),
        (Value::Null, None),
    );
    expected.insert(difference("custom_object_instances", nobody, "gone"));
    expected
}

#[track_caller]
pub fn assert_equal(found: &Differences, expected: &Differences) {
    let missed: Vec<_> = expected.difference(found).collect();
    let surplus: Vec<_> = found.difference(expected).collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "missed {missed:?}, and named {surplus:?}"
    );
}

#[test]
fn exactly_what_differs_is_named() {
    let workspace = workspace();
    let (mut lake, state) = load(&workspace);
    let whole = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_eq!(whole.differences(), Differences::new(), "{}", whole.stderr);
    assert!(whole.stderr.contains("parts missing"), "{}", whole.stderr);
    let expected = damage(&workspace, &mut lake);
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_equal(&audit.differences(), &expected);
    assert!(
        audit.stdout.contains(r#""merged_into":"6"#),
        "{}",
        audit.stdout
    );
    let kinds = |what: &str| expected.iter().filter(|(.., it)| it == what).count();
    let (missing, outdated, gone) = (kinds("missing"), kinds("stale"), kinds("gone"));
    let told = format!("{missing} missing, {outdated} stale, {gone} gone, 4 with parts missing");
    assert!(audit.stderr.contains(&told), "{told}: {}", audit.stderr);
}

#[test]
fn a_live_workspace_gives_no_false_alarm() {
    let workspace = workspace();
    let (mut lake, state) = load(&workspace);
    workspace.adjust(|settings| {
        settings.churn = Churn {
            touches: 3,
            inserts: 2,
            deletes: 0,
        };
    });
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_eq!(audit.differences(), Differences::new(), "{}", audit.stderr);
    // What is touched meanwhile isn't expected any more; of what is named nothing is wrong.
    let possible = damage(&workspace, &mut lake);
    workspace.adjust(|settings| settings.churn.deletes = 1);
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    for found in audit.differences() {
        let (stream, key, what) = &found;
        let is_deleted = what == "gone" && !workspace.ids(stream).contains(plain(key));
        assert!(possible.contains(&found) || is_deleted, "{found:?}");
    }
}

#[test]
fn what_is_newer_than_the_state_is_not_expected() {
    let workspace = workspace();
    let (lake, state) = load(&workspace);
    for stream in ["contacts", "conversations", "calls", "articles"] {
        workspace.add(stream, now());
        let id = workspace.ids(stream).into_iter().next().unwrap();
        workspace.touch(stream, &id, now());
    }
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_eq!(audit.differences(), Differences::new(), "{}", audit.stderr);
}

#[test]
fn keys_of_any_query_are_taken_in_any_order_and_from_standard_input() {
    let workspace = workspace();
    let (lake, state) = load(&workspace);
    let contacts = keys(&lake, "contacts");
    let calls = keys(&lake, "calls");
    let mut keys = String::from("\n");
    for key in contacts[1..].iter().rev() {
        // Of a key that comes twice, the newest version counts; of one without, none is old.
        keys += &format!(r#"{{"key": {key}, "stream":"contacts","updated_at":"2020-01-01"}}"#);
        keys += "\n";
        let at = workspace.updated_at("contacts", plain(key));
        let at = chrono::DateTime::from_timestamp(at, 0).unwrap();
        keys += &json!({"x": [{}], "updated_at": at.to_rfc3339(), "stream": "contacts", "key": [plain(key)]}).to_string();
        keys += "\n";
    }
    for key in &calls {
        let number: u64 = plain(key).parse().unwrap();
        keys += &format!("{{\"stream\":\"calls\",\"key\":{number}.0,\"parts\":\"0\"}}\n");
    }
    keys += r#"{"stream":"of_another_tap","key":5}"#;
    let tap = tap(&workspace);
    let mut command = tap.command(Some(&state.to_string()));
    let command = command.args(["--audit", "-", "--stream", "contacts,calls"]);
    let command = command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(keys.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let audit = Audit {
        exit_code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    let expected = [difference("contacts", &contacts[0], "missing")].into();
    assert_equal(&audit.differences(), &expected);
    let word = "of_another_tap is not audited";
    assert!(audit.stderr.contains(word), "{word}: {}", audit.stderr);
}

#[test]
fn what_is_no_list_of_keys_is_refused_by_line() {
    let workspace = Workspace::start(Settings::default());
    let state = json!({"bookmarks": {"contacts": {"updated_at": 5}}});
    let good = r#"{"stream":"contacts","key":"a"}"#;
    let audit = |keys: &str| Audit::of(&tap(&workspace), keys, &state, &[]);
    audit(&format!("{good}\n{}", &good[..20])).refused("line 2 of the keys");
    audit(&format!("{good}\n\nid,updated_at\n")).refused("line 3 of the keys");
    audit(r#"{"stream":"contacts","key":["a","b"]}"#).refused("1 properties, and this one 2");
    audit("").refused("no key");
    let tap = tap(&workspace);
    let run = Run::of(tap.command(None).args(["--audit", "k"]).output().unwrap());
    assert!(run.exited(2).stderr.contains("--state"));
    let run = tap.argument("--repair").run();
    assert!(run.exited(2).stderr.contains("--audit"));
    assert_eq!(workspace.total_requests(), 0);
}

#[test]
fn a_stream_that_cannot_be_read_is_named_and_the_others_are_compared() {
    let workspace = workspace();
    let (mut lake, state) = load(&workspace);
    let key = keys(&lake, "calls")[0].clone();
    lake.remove(&("calls".to_owned(), key.clone()));
    let refused = FaultKind::Status(403, "api_plan_restricted".into(), "not here".into());
    workspace.inject(Fault::new("/articles", When::Always, refused));
    let audit = Audit::of(&tap(&workspace), &lines(&lake), &state, &[]);
    assert_eq!(audit.exit_code, Some(1), "{}", audit.stderr);
    assert!(
        audit.stderr.contains("articles: GET /articles"),
        "{}",
        audit.stderr
    );
    assert_eq!(audit.stdout.lines().count(), 1, "{}", audit.stdout);
    assert!(audit.stdout.contains(&key), "{}", audit.stdout);
}

#[test]
fn a_signal_ends_an_audit() {
    let workspace = workspace();
    let (lake, state) = load(&workspace);
    workspace.adjust(|settings| settings.latency = std::time::Duration::from_secs(30));
    let before = workspace.connections_accepted();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, lines(&lake)).unwrap();
    let tap = tap(&workspace);
    let mut command = tap.command(Some(&state.to_string()));
    let started = std::time::Instant::now();
    let child = command.arg("--audit").arg(path).spawn().unwrap();
    while workspace.connections_accepted() == before {
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(started.elapsed().as_secs() < 60);
    }
    let kill = std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(started.elapsed().as_secs() < 29, "{:?}", started.elapsed());
}

#[test]
fn a_stream_that_the_lake_lost_whole_is_compared_where_it_is_named() {
    let workspace = workspace();
    let (_, state) = load(&workspace);
    let audit = Audit::of(
        &tap(&workspace),
        "",
        &state,
        &["--stream", "collections,articles"],
    );
    let found = audit.differences();
    assert_eq!(found.len(), 100, "{}", audit.stderr);
    assert!(found.iter().all(|(.., what)| what == "missing"));
}
