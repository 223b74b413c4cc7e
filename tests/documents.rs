//! Every command line that README, docs and examples tell people to type is run, as it stands, in a
//! folder with the files that they speak of, against a simulated workspace. What can't be run here is
//! listed with the reason, and nothing else is. Commands of Meltano, dbt and Airflow are run by
//! `tests/ecosystem`.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::json;
use simulators::workspace::{Settings, Workspace};

/// What a command begins with.
const PROGRAMS: &[&str] = &[
    "tap-intercom",
    "target-gcs",
    "cargo",
    "pip",
    "docker",
    "gcloud",
    "meltano",
    "dbt",
    "duckdb",
    "airflow",
    "spark-submit",
    "tests/ecosystem/run",
];

/// Whose commands `tests/ecosystem` runs.
const ELSEWHERE: &[&str] = &["examples/meltano/", "examples/dbt/", "examples/airflow/"];

/// What isn't run: document, command, reason.
const NOT_RUN: &[(&str, &str, &str)] = &[
    (
        "README.md",
        "cargo run --release --example demo",
        "builds for minutes; CI runs it",
    ),
    ("README.md", "cargo test", "this is a part of it"),
    (
        "README.md",
        "cargo run --release --example benchmark",
        "measures for minutes, on a machine of its own",
    ),
    (
        "README.md",
        "cargo run --release --example benchmark -- --with-peers",
        "the same, and needs the network",
    ),
    (
        "README.md",
        "cargo bench --bench rooms",
        "measures for minutes",
    ),
    (
        "README.md",
        "cargo install --locked --path .",
        "builds for minutes, and would change this user's programs",
    ),
    (
        "README.md",
        "pip install .",
        "builds for minutes; tests/ecosystem/test_pip.py does it",
    ),
    (
        "README.md",
        "docker build --tag intercom-singer .",
        "needs Docker and the network",
    ),
    (
        "README.md",
        "cargo run --example shell_files -- DIRECTORY",
        "builds; the release workflow runs it",
    ),
    (
        "README.md",
        "cargo run --release --example workspace -- --contacts 10000",
        "serves until it is stopped; tests/ecosystem starts it so",
    ),
    (
        "README.md",
        "tap-intercom | target-gcs",
        "is no command but the shape of one",
    ),
    (
        "README.md",
        "meltano run intercom-to-gcs",
        "tests/ecosystem/test_meltano.py runs it",
    ),
    (
        "docs/operations.md",
        "gcloud storage cat 'gs://BUCKET/_invalid/contacts/**'",
        "needs gcloud and a bucket",
    ),
    (
        "docs/operations.md",
        "gcloud auth application-default login",
        "needs gcloud and a person",
    ),
    (
        "docs/operations.md",
        "gcloud storage buckets add-iam-policy-binding gs://BUCKET \\\n  \
         --member=serviceAccount:LOADER@PROJECT.iam.gserviceaccount.com --role=roles/storage.objectUser",
        "needs gcloud and a bucket",
    ),
    (
        "examples/shell_files.rs",
        "cargo run --example shell_files -- DIRECTORY",
        "builds; the release workflow runs it",
    ),
    (
        "examples/duckdb.sql",
        "duckdb -init examples/duckdb.sql",
        "tests/ecosystem/test_duckdb.py runs the script in DuckDB's library",
    ),
    (
        "examples/spark.py",
        "spark-submit examples/spark.py lake",
        "needs Spark and Java",
    ),
];

struct Typed {
    document: String,
    command: String,
}

#[test]
fn every_command_line_runs_as_it_stands() {
    let mut listed: Vec<_> = NOT_RUN
        .iter()
        .map(|(document, command, _)| (*document, *command))
        .collect();
    let mut faults = Vec::new();
    let mut run = 0;
    for document in documents() {
        let workspace = Workspace::start(Settings {
            contacts: 20,
            conversations: 5,
            ..Settings::default()
        });
        let folder = prepared(&workspace);
        for typed in commands(&document) {
            let known = (typed.document.as_str(), typed.command.as_str());
            if NOT_RUN
                .iter()
                .any(|(document, command, _)| (*document, *command) == known)
            {
                listed.retain(|entry| *entry != known);
                continue;
            }
            run += 1;
            faults.extend(fault_of(&typed, folder.path(), &workspace));
        }
    }
    for (document, command) in listed {
        faults.push(format!("{document}: listed, but not there: {command}"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(run >= 8, "only {run} commands were found");
}

#[test]
fn commands_are_found_wherever_they_stand() {
    let found = |path: &str, text: &str| -> Vec<String> { of_text(path, text) };
    let markdown = "```sh\na b\nc\n```\nWith `tap-intercom\n--help` and `--stream x`, `cargo`.\n";
    assert_eq!(found("x.md", markdown), ["a b\nc", "tap-intercom --help"]);
    let python = "```python\nBash(bash_command=\"\"\"\n  a \\\n    b\n\"\"\")\n```\n";
    assert_eq!(found("x.md", python), ["a \\\n    b"]);
    assert_eq!(
        found("x.sql", "--     duckdb -init x\nselect 1;"),
        ["duckdb -init x"]
    );
    assert_eq!(
        found("x.md", "    target-gcs --config x\n"),
        ["not in a block of its own: target-gcs --config x"]
    );
}

/// The files with what people type, by their path in the repository.
fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned()];
    collect(&root().join("docs"), &mut found);
    collect(&root().join("examples"), &mut found);
    found.retain(|path| !ELSEWHERE.iter().any(|place| path.starts_with(place)));
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            let path = path.strip_prefix(root()).unwrap();
            found.push(path.to_str().unwrap().to_owned());
        }
    }
}

fn commands(document: &str) -> Vec<Typed> {
    let text = fs::read_to_string(root().join(document)).unwrap_or_default();
    let of_text = of_text(document, &text).into_iter();
    of_text
        .map(|command| Typed {
            document: document.to_owned(),
            command,
        })
        .collect()
}

fn of_text(path: &str, text: &str) -> Vec<String> {
    if Path::new(path).extension() != Some("md".as_ref()) {
        return of_comments(text);
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```") {
        of_prose(before, &mut found);
        let (language, after) = after.split_once('\n').unwrap_or((after, ""));
        let (block, after) = after.split_once("```").unwrap_or((after, ""));
        match language {
            "sh" => found.push(block.trim_end().to_owned()),
            "python" => found.extend(of_python(block)),
            _ => {}
        }
        rest = after;
    }
    of_prose(rest, &mut found);
    found
}

/// Commands between backticks; those of indented blocks belong into one of their own.
fn of_prose(text: &str, found: &mut Vec<String>) {
    for (number, span) in text.split('`').enumerate() {
        let span = span.split_whitespace().collect::<Vec<_>>().join(" ");
        if number % 2 == 1 && is_command(&span) {
            found.push(span);
        }
    }
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("    ")
            && is_command(line)
        {
            found.push(format!("not in a block of its own: {line}"));
        }
    }
}

fn of_python(block: &str) -> Option<String> {
    let (_, command) = block.split_once("bash_command=\"\"\"\n")?;
    let (command, _) = command.split_once("\"\"\"")?;
    Some(command.trim().to_owned())
}

/// Commands in comments of other files, each on a line of its own.
fn of_comments(text: &str) -> Vec<String> {
    let marks = ["--     ", "//!     ", "    "];
    text.lines()
        .filter_map(|line| marks.iter().find_map(|mark| line.strip_prefix(mark)))
        .filter(|line| is_command(line))
        .map(str::to_owned)
        .collect()
}

fn is_command(text: &str) -> bool {
    text.split_once(' ')
        .is_some_and(|(program, _)| PROGRAMS.contains(&program))
}

/// A folder with the files that the documents speak of.
fn prepared(workspace: &Workspace) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("config.json", workspace.config().to_string());
    write("target.json", json!({"destination": "lake"}).to_string());
    write(
        "state-of-the-other-tap.json",
        json!({"bookmarks": {"contacts": {"updated_at": "2024-01-01T00:00:00.000000Z"}}})
            .to_string(),
    );
    // A lake with a record that was put aside.
    write(
        "messages.jsonl",
        "{\"type\":\"SCHEMA\",\"stream\":\"contacts\",\"key_properties\":[\"id\"],\"schema\":\
         {\"properties\":{\"id\":{\"type\":\"string\"}}}}\n\
         {\"type\":\"RECORD\",\"stream\":\"contacts\",\"record\":{\"id\":1}}\n"
            .to_owned(),
    );
    let loaded = Command::new(cargo_bin("target-gcs"))
        .args(["--input", "messages.jsonl"])
        .current_dir(folder.path())
        .env("TARGET_GCS_DESTINATION", "lake")
        .env("TARGET_GCS_ON_INVALID_RECORD", "quarantine")
        .output()
        .unwrap();
    assert!(loaded.status.success(), "{loaded:?}");
    folder
}

fn fault_of(typed: &Typed, folder: &Path, workspace: &Workspace) -> Option<String> {
    let programs = cargo_bin("tap-intercom");
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &typed.command])
        .current_dir(folder)
        .env(
            "PATH",
            format!("{}:{path}", programs.parent().unwrap().display()),
        )
        .env("TAP_INTERCOM_ACCESS_TOKEN", workspace.token())
        .env("TAP_INTERCOM_BASE_URL", workspace.base_url())
        .env("TARGET_GCS_DESTINATION", "lake")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // The commands before it have made a lake of anything, and an audit says that it differs.
    let is_difference = typed.command.contains("--audit") && output.status.code() == Some(3);
    (!output.status.success() && !is_difference).then(|| {
        format!(
            "{}: {} ended with {}:\n{}",
            typed.document,
            typed.command,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
