//! The commands that containers run, as process 1 of a process namespace: bash passes no signal on by
//! itself there.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that can't set itself up fails")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for a loaded machine, far longer than the ten seconds that a stop may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tap that covers its first record, which is too large for the target to keep in memory, and is
/// silent after the second until a signal ends it.
const TAP: &str = r#"#!/bin/bash
echo '{"type":"SCHEMA","stream":"s","schema":{"properties":{}},"key_properties":[]}'
padding=$(head -c 4000000 /dev/zero | tr '\0' x)
echo '{"type":"RECORD","stream":"s","record":{"id":1,"padding":"'"$padding"'"}}'
echo '{"type":"STATE","value":{"bookmarks":{"s":{"updated_at":1}}}}'
echo '{"type":"RECORD","stream":"s","record":{"id":2}}'
exec sleep 600
"#;

/// What Kubernetes is told to run.
fn of_the_dag() -> String {
    let dag = include_str!("../examples/airflow/dags/intercom_to_gcs_kubernetes.py");
    let (_, rest) = dag.split_once("COMMAND = \"\"\"\n").unwrap();
    rest.split_once("\"\"\"").unwrap().0.to_owned()
}

/// What the Dockerfile's head has users run.
fn of_the_container() -> String {
    let (_, rest) = include_str!("../Dockerfile")
        .split_once("bash -c '")
        .unwrap();
    let command = rest.split_once('\'').unwrap().0;
    command.replace("\n#", "\n")
}

fn folder_with_programs() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).unwrap();
    let tap = programs.join("tap-intercom");
    fs::write(&tap, TAP).unwrap();
    fs::set_permissions(&tap, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_target-gcs"),
        programs.join("target-gcs"),
    )
    .unwrap();
    folder
}

fn as_process_one(folder: &Path, command: &str) -> Command {
    let programs = folder.join("bin");
    let path = std::env::var("PATH").unwrap();
    let mut unshare = Command::new("unshare");
    unshare
        .args([
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
        ])
        .args(["bash", "-c", command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("STREAM", "s")
        .env("TARGET_GCS_DESTINATION", "lake")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    unshare
}

/// The process that another one has started.
fn child_of(process: u32) -> Option<i32> {
    let children = format!("/proc/{process}/task/{process}/children");
    fs::read_to_string(children)
        .ok()?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// Whether the target has met the STATE: only then does it hand the record on to a file.
fn is_being_stored(folder: &Path) -> bool {
    let found = Command::new("find")
        .args(["lake/.incomplete", "-type", "f", "-size", "+1000k"])
        .current_dir(folder)
        .output()
        .unwrap();
    !found.stdout.is_empty()
}

fn lake(folder: &Path, below: &str) -> String {
    let found = Command::new("find")
        .args([
            &format!("lake/{below}"),
            "-name",
            "*.json",
            "-exec",
            "cat",
            "{}",
            "+",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    String::from_utf8(found.stdout).unwrap()
}

#[test]
fn sigterm_to_process_one_stores_what_is_covered() {
    for command in [of_the_dag(), of_the_container()] {
        let folder = folder_with_programs();
        let permitted = as_process_one(folder.path(), "true").status();
        if !permitted.is_ok_and(|status| status.success()) {
            let line = b"SKIPPED: unshare may not make a process namespace here\n";
            std::io::stderr().write_all(line).unwrap();
            return;
        }
        let mut unshare = as_process_one(folder.path(), &command).spawn().unwrap();
        let begun = Instant::now();
        while !is_being_stored(folder.path()) {
            assert!(
                begun.elapsed() < PATIENCE,
                "nothing is being stored: {command}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let process_one = child_of(unshare.id()).expect("bash runs below unshare");
        let signalled = Command::new("kill")
            .args(["-TERM", &process_one.to_string()])
            .status();
        assert!(signalled.unwrap().success());
        let begun = Instant::now();
        while unshare.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                unshare.kill().unwrap();
                panic!("process 1 has not heard SIGTERM: {command}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let ended = unshare.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(143), "{log}");
        assert!(lake(folder.path(), "s").starts_with("{\"id\":1,"), "{log}");
        let state = lake(folder.path(), "_intercom_state");
        assert!(state.contains("\"updated_at\": 1"), "{state} {log}");
    }
}
