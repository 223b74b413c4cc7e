//! A destination that others use too: their files are left alone, their locks are not waited for
//! without end, and what a directory can't do is told before the first record.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::feeding::{send, wait_until};
use crate::harness::{Run, Target, data_by_stream, files_in, record, schema, skip, state};

fn input() -> String {
    schema("s") + &record("s", json!({ "id": 1 })) + &state("s", 1)
}

fn make_old(path: &Path) {
    let long_ago = SystemTime::now() - Duration::from_mins(5);
    File::open(path).unwrap().set_modified(long_ago).unwrap();
}

#[test]
fn what_others_keep_among_the_incomplete_files_stays() {
    let target = Target::local();
    let incomplete = target.lake().join(".incomplete");
    let elsewhere = target.folder.path().join("elsewhere/run-aaaaaa");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("lock"), "").unwrap();
    fs::write(elsewhere.join("0"), "precious").unwrap();
    let folder = |name: &str, files: &[&str]| {
        let path = incomplete.join(name);
        fs::create_dir_all(&path).unwrap();
        for file in files {
            fs::write(path.join(file), "precious").unwrap();
        }
        path
    };
    let kept = [
        folder("no-lock", &["0"]),
        folder("other-program", &["lock", "0"]),
        folder("run-nolock", &["0"]),
        folder("run-longer-name", &["lock", "0"]),
        folder("run-others", &["lock", "0", "notes.txt"]),
    ];
    fs::create_dir_all(folder("run-deeper", &["lock"]).join("1")).unwrap();
    symlink(&elsewhere, incomplete.join("run-linked")).unwrap();
    let of_a_killed_run = folder("run-killed", &["lock", "0", "17"]);
    for entry in fs::read_dir(&incomplete).unwrap() {
        make_old(&entry.unwrap().path());
    }
    make_old(&elsewhere);

    // Whoever only reads removes nothing at all.
    target.read_state(&[]).succeeded();
    assert!(of_a_killed_run.exists());
    target.run(input()).succeeded();
    assert!(!of_a_killed_run.exists());
    for path in kept {
        assert_eq!(
            fs::read_to_string(path.join("0")).unwrap(),
            "precious",
            "{}",
            path.display()
        );
    }
    assert!(incomplete.join("run-deeper/1").exists());
    assert_eq!(fs::read_to_string(elsewhere.join("0")).unwrap(), "precious");
}

#[test]
fn a_link_in_place_of_the_folder_is_refused() {
    let target = Target::local();
    let elsewhere = target.folder.path().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::create_dir_all(target.lake()).unwrap();
    symlink(&elsewhere, target.lake().join(".incomplete")).unwrap();
    let run = target.run(input());
    assert!(run.failed(1).contains("a symbolic link is not followed"));
    assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
}

#[test]
fn reading_the_state_makes_nothing() {
    let target = Target::local();
    assert_eq!(target.read_state(&[]).succeeded(), ["{}"]);
    assert!(!target.lake().exists());
    target.run(input()).succeeded();
    fs::remove_dir_all(target.lake().join(".incomplete")).unwrap();
    target.read_state(&[]).succeeded();
    assert!(!target.lake().join(".incomplete").exists());
}

#[test]
fn odd_entries_beside_the_state_objects_do_no_harm() {
    let target = Target::local();
    target.run(input()).succeeded();
    let folder = target.lake().join("_intercom_state");
    symlink(".", folder.join("loop")).unwrap();
    symlink("nowhere", folder.join("dangling")).unwrap();
    let pipe = |name: &str| {
        let made = Command::new("mkfifo").arg(folder.join(name)).status();
        assert!(made.unwrap().success());
    };
    pipe("pipe");
    fs::create_dir(folder.join("folder")).unwrap();
    let read = target.read_state(&[]);
    assert_eq!(read.succeeded(), [r#"{"bookmarks":{"s":1}}"#]);
    target.run(input()).succeeded();

    // Called as state objects are, they are told by name.
    let rows = || files_in(&target.lake().join("s")).len();
    let before = rows();
    for (name, make, reason) in [
        (
            "a_state.json",
            &pipe as &dyn Fn(&str),
            "it is not a regular file",
        ),
        (
            "b_state.json",
            &|name| symlink(name, folder.join(name)).unwrap(),
            "symbolic link",
        ),
        (
            "c_state.json",
            &|name| symlink("nowhere", folder.join(name)).unwrap(),
            "symbolic link",
        ),
    ] {
        make(name);
        for run in [target.read_state(&[]), target.run(input())] {
            let message = run.failed(1);
            assert!(
                message.contains(name) && message.contains(reason),
                "{message}"
            );
        }
        fs::remove_file(folder.join(name)).unwrap();
    }
    assert_eq!(rows(), before);
}

#[test]
fn a_lock_that_somebody_keeps_is_told_before_any_data() {
    let target = Target::local();
    target.run(input()).succeeded();
    let before = target.files();
    let lock_path = target.lake().join(".incomplete/state.lock");
    let lock = File::open(&lock_path).unwrap();
    lock.lock().unwrap();
    let run = target.run(input());
    let message = run.failed(1);
    assert!(
        message.contains("another process holds it all the time"),
        "{message}"
    );
    assert!(
        message.contains("hint: runs of this program hold it for an instant only"),
        "{message}"
    );
    assert!(message.contains(lock_path.to_str().unwrap()), "{message}");
    assert_eq!(target.files(), before);

    // A signal ends the waiting sooner.
    let child = target.spawn();
    wait_until("the run has begun", || !target.leftovers().is_empty());
    send("-TERM", child.id());
    let signalled = Instant::now();
    let run: Run = child.wait_with_output().unwrap().into();
    assert!(signalled.elapsed() < Duration::from_secs(10));
    run.failed(143);
}

#[test]
fn a_lock_file_s_mode_is_no_matter_once_a_run_has_begun() {
    let target = Target::local();
    target.run("").succeeded();
    let lock_path = target.lake().join(".incomplete/state.lock");
    let mut run = target.start();
    fs::set_permissions(&lock_path, fs::Permissions::from_mode(0o0)).unwrap();
    run.feed(&input());
    run.end().succeeded();

    // What isn't a lock at all is told at once.
    fs::remove_file(&lock_path).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&lock_path)
            .status()
            .unwrap()
            .success()
    );
    let before = target.files();
    let run = target.run(input());
    assert!(
        run.failed(1)
            .contains("state.lock: it is not a regular file")
    );
    assert_eq!(target.files(), before);
}

/// Runs the target as another user, if this one may.
fn as_nobody(target: &Target, input: &str) -> Option<Run> {
    let path = target.folder.path().join("messages.jsonl");
    fs::write(&path, input).unwrap();
    let plain = target.command();
    // The folder and the programme must be within that user's reach.
    for folder in [target.folder.path(), target.folder.path().parent().unwrap()] {
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
    }
    let copy = target.folder.path().join("target-gcs");
    fs::copy(plain.get_program(), &copy).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(plain.get_args())
        .arg("--input")
        .arg(&path);
    let run: Run = command.output().ok()?.into();
    if run.stderr.contains("setpriv") {
        skip(&format!(
            "this user can't become another one: {}",
            run.stderr
        ));
        return None;
    }
    Some(run)
}

#[test]
fn what_another_user_may_not_do_is_told_before_any_data() {
    let target = Target::local();
    target.run(input()).succeeded();
    let mode = |path: &str, mode: u32| {
        let path = target.lake().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for folder in ["", ".incomplete", "s", "_intercom_state"] {
        mode(folder, 0o777);
    }
    let before = target.files();
    let row_of = |at: u32| schema("s") + &record("s", json!({ "id": at })) + &state("s", at);
    for (path, forbidden, allowed) in [
        ("_intercom_state/s_state.json", 0o600, 0o644),
        ("_intercom_state", 0o755, 0o777),
        (".incomplete/state.lock", 0o600, 0o644),
        (".incomplete", 0o755, 0o777),
    ] {
        mode(path, forbidden);
        let Some(run) = as_nobody(&target, &row_of(2)) else {
            return;
        };
        let message = run.failed(1);
        assert!(
            message.contains("ermission denied") && message.contains(path),
            "{message}"
        );
        assert_eq!(target.files(), before, "{path}");
        mode(path, allowed);
    }
    // A lock that may only be read is enough.
    let run = Command::new("chmod")
        .args(["-R", "a+rwX"])
        .arg(target.lake().join("s"))
        .status();
    assert!(run.unwrap().success());
    as_nobody(&target, &row_of(3)).unwrap().succeeded();
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let target = Target::local();
    symlink("nowhere", target.lake()).unwrap();
    for run in [target.run(input()), target.read_state(&[])] {
        let message = run.failed(1);
        assert!(
            message.contains("is a symbolic link to nowhere"),
            "{message}"
        );
    }
    fs::create_dir(target.folder.path().join("nowhere")).unwrap();
    target.run(input()).succeeded();
}

#[test]
fn destinations_that_a_shell_or_a_url_would_mean_otherwise() {
    let run = Target::local().with("destination", "~/lake").run(input());
    assert!(
        run.failed(2)
            .contains("only a shell knows what ~ stands for")
    );
    let target = Target::local();
    let url = format!("file://localhost{}", target.lake().display());
    let target = target.with("destination", url);
    target.run(input()).succeeded();
    assert_eq!(target.files().len(), 2);
}

/// Runs the target where renames that don't overwrite and hard links are unknown, as on network
/// shares: the system calls fail as they do there.
fn without_links(target: &Target, error: &str, input: &str) -> Option<Run> {
    let path = target.folder.path().join("messages.jsonl");
    fs::write(&path, input).unwrap();
    let plain = target.command();
    let mut command = Command::new("python3");
    command
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/target/without_links.py"
        ))
        .arg(error)
        .arg(plain.get_program())
        .args(plain.get_args())
        .arg("--input")
        .arg(&path)
        .current_dir(target.folder.path());
    let run: Run = match command.output() {
        Ok(output) => output.into(),
        Err(error) => {
            skip(&format!("no python3: {error}"));
            return None;
        }
    };
    if run.code == Some(77) {
        skip(&run.stderr);
        return None;
    }
    Some(run)
}

#[test]
fn directories_without_hard_links_take_files_too() {
    for error in ["EPERM", "ENOSYS", "EOPNOTSUPP"] {
        let target = Target::local().with("max_file_bytes", 100);
        let mut input = schema("s");
        for id in 100..160 {
            input += &record("s", json!({ "id": id }));
        }
        let Some(run) = without_links(&target, error, &(input + &state("s", 1))) else {
            return;
        };
        run.succeeded();
        let files = target.files();
        assert_eq!(data_by_stream(&files)["s"].lines().count(), 60);
        assert!(target.leftovers().is_empty());
    }
}

#[test]
fn directories_without_hard_links_keep_taken_names() {
    let target = Target::local();
    // A path without the time of day down to the second: the name is taken soon.
    let target = target.with("path_template", "{stream}_{timestamp}.json");
    let Some(run) = without_links(&target, "EPERM", &input()) else {
        return;
    };
    run.succeeded();
    let before = target.files();
    without_links(&target, "EPERM", &input())
        .unwrap()
        .succeeded();
    let after = target.files();
    for (name, content) in &before {
        assert_eq!(after[name], *content);
    }
    assert_eq!(after.len(), before.len() + 1);
}

/// Mounts another disk on `folders` of the lake, in a namespace of its own, and loads there. Gives
/// the names of all files with what is in them.
fn with_other_disks(target: &Target, folders: &[&str], input: &str) -> Option<(Run, String)> {
    let path = target.folder.path().join("messages.jsonl");
    fs::write(&path, input).unwrap();
    let plain = target.command();
    let mut script = String::from("set -e\n");
    let lake: PathBuf = target.lake();
    for folder in folders {
        let place = lake.join(folder);
        script += &format!("mkdir -p {0}; mount -t tmpfs none {0}\n", place.display());
    }
    script += "set +e; \"$@\"; code=$?; cd lake; grep -r . --exclude-dir=.incomplete . > ../found; find . -name '.incomplete-*' >> ../found; exit $code\n";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "bash", "-c", &script, "bash"])
        .arg(plain.get_program())
        .args(plain.get_args())
        .arg("--input")
        .arg(&path)
        .current_dir(target.folder.path());
    let run: Run = command.output().ok()?.into();
    let Ok(found) = fs::read_to_string(target.folder.path().join("found")) else {
        skip(&format!("no disk can be mounted here: {}", run.stderr));
        return None;
    };
    Some((run, found))
}

#[test]
fn folders_of_the_lake_may_be_on_other_disks() {
    let target = Target::local();
    let Some((run, found)) = with_other_disks(&target, &["s", "_intercom_state"], &input()) else {
        return;
    };
    run.succeeded();
    assert!(found.contains("{\"id\":1}"), "{found}");
    assert!(found.contains("s_state.json"), "{found}");
    assert!(!found.contains(".incomplete-"), "{found}");
}
