//! BATCH messages: files that a tap names are opened only where they may be, and loading one can be
//! stopped like any other.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::feeding::wait_until;
use crate::harness::{Run, Target, data_by_stream, record, schema, state};

fn batch(path: &Path) -> String {
    let line = json!({
        "type": "BATCH", "stream": "s", "manifest": [format!("file://{}", path.display())],
        "encoding": { "format": "jsonl", "compression": "none" },
    });
    format!("{line}\n")
}

/// A target whose files may be below `allowed` in its folder.
fn target_with_root() -> Target {
    let target = Target::local();
    let root = target.folder.path().join("allowed");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("rows.jsonl"), "{\"id\":1}\n").unwrap();
    fs::write(target.folder.path().join("private.jsonl"), "{\"id\":2}\n").unwrap();
    target.with("batch_root", root.to_str().unwrap())
}

#[track_caller]
fn assert_refused(run: &Run, reason: &str) {
    let message = run.failed(1);
    assert!(message.contains("line 2: stream s: file://"), "{message}");
    assert!(message.contains(reason), "{message}");
}

#[test]
fn only_files_below_the_root_are_opened() {
    let target = target_with_root();
    let root = target.folder.path().join("allowed");
    target
        .run(schema("s") + &batch(&root.join("rows.jsonl")))
        .succeeded();
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
    let before = target.files();

    let outside = target.folder.path().join("private.jsonl");
    std::os::unix::fs::symlink(&outside, root.join("link.jsonl")).unwrap();
    for path in [
        outside,
        root.join("../private.jsonl"),
        root.join("link.jsonl"),
        "/etc/passwd".into(),
        "/proc/self/environ".into(),
    ] {
        let run = target.run(schema("s") + &batch(&path));
        assert_refused(&run, "it is not below");
        assert!(run.failed(1).contains("`batch_root`"));
    }
    assert_eq!(target.files(), before);
}

#[test]
fn only_regular_files_are_opened() {
    let target = target_with_root();
    let root = target.folder.path().join("allowed");
    assert!(
        Command::new("mkfifo")
            .arg(root.join("pipe"))
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
    for (name, reason) in [
        ("pipe", "it is not a regular file"),
        ("", "it is not a regular file"),
        ("loop", "symbolic links"),
        ("missing", "No such file"),
    ] {
        let run = target.run(schema("s") + &batch(&root.join(name)));
        assert_refused(&run, reason);
    }
}

#[test]
fn the_usual_places_are_the_working_directory_and_the_temporary_one() {
    let lake = Target::local();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [working, temporary, elsewhere] = ["working", "temporary", "elsewhere"].map(|name| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("rows.jsonl"), "{\"id\":1}\n").unwrap();
        path
    });
    let run = |path: &Path| -> Run {
        let mut command = lake.command();
        command.current_dir(&working).env("TMPDIR", &temporary);
        let mut child = command.spawn().unwrap();
        let input = schema("s") + &batch(&path.join("rows.jsonl"));
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap().into()
    };
    run(&working).succeeded();
    run(&temporary).succeeded();
    assert_refused(&run(&elsewhere), "it is not below");
}

#[test]
fn a_signal_ends_a_batch_in_the_middle() {
    let target = target_with_root();
    let path = target.folder.path().join("allowed/endless.jsonl");
    let row = format!("{}\n", json!({ "id": 3, "text": "x".repeat(1000) }));
    fs::write(&path, row.repeat(400_000)).unwrap();
    let target = target.with("max_file_bytes", 10_000_000);
    let mut feeding = target.start();
    let input = schema("s") + &record("s", json!({ "id": 1 })) + &state("s", 1) + &batch(&path);
    feeding.feed(&input);
    // Its lock, and files of what the batch has brought.
    wait_until("the batch is being loaded", || {
        let folders = target.leftovers();
        let many =
            |folder: &std::path::PathBuf| fs::read_dir(folder).is_ok_and(|files| files.count() > 3);
        folders.iter().any(many)
    });
    feeding.signal("-TERM");
    let signalled = Instant::now();
    let run = feeding.ends_by_itself();
    assert!(signalled.elapsed() < Duration::from_secs(10));
    run.failed(143);
    assert_eq!(run.stdout.trim(), r#"{"bookmarks":{"s":1}}"#);
    assert_eq!(data_by_stream(&target.files())["s"], "{\"id\":1}\n");
}

#[test]
fn no_more_is_read_than_there_was_at_first() {
    let target = target_with_root();
    let path = target.folder.path().join("allowed/growing.jsonl");
    let row = format!("{}\n", json!({ "id": 3, "text": "x".repeat(100_000) }));
    fs::write(&path, row.repeat(100)).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            // Without this bound the target would follow for as long as the file grows.
            for _ in 0..5000 {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                file.write_all(row.as_bytes()).unwrap();
                // The target needs time to begin, on a busy machine some seconds.
                std::thread::sleep(std::time::Duration::from_millis(4));
            }
        });
        let run = target.run(schema("s") + &batch(&path));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        run
    });
    // A line may be cut where the file ended just then; that is told.
    if run.code == Some(0) {
        let data = data_by_stream(&target.files());
        assert!(
            data["s"]
                .lines()
                .all(|row| serde_json::from_str::<Value>(row).is_ok())
        );
        assert!(data["s"].lines().count() < 5000);
    } else {
        run.failed(1);
    }
}
