//! Killed outright at every step of an export job and resumed from the last state that got out: the next
//! run goes on with the job that the state names, or begins one anew; no row is missing.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::json;

use crate::exports::{KINDS, assert_all, emitted, expected, tap};
use crate::harness::{Run, side_by_side};
use crate::kill::run_killed_after;
use simulators::workspace::{Exports, Fault, FaultKind, Settings, When, Workspace, now};

const DAY: i64 = 86_400;

fn workspace() -> Workspace {
    // Long enough for a request to be noticed before it is answered.
    let workspace = Workspace::start(Settings {
        latency: Duration::from_millis(50),
        ..Settings::default()
    });
    workspace.exports(|exports| exports.pending_looks = 2);
    workspace
}

/// The job that the last state names, if it names one.
fn job_of(run: &Run) -> Option<String> {
    let state = run.states.last()?;
    let job = &state["bookmarks"]["export_receipts"]["job"]["id"];
    job.as_str().map(str::to_owned)
}

/// A run from where a killed one came to, after whatever that has begun is over on the server. Only the
/// job that the state names is asked after, and no second one is begun beside it.
#[track_caller]
fn resume(workspace: &Workspace, killed: &Run) -> Run {
    workspace.exports(Exports::finish);
    let begun = workspace.exports(|exports| exports.begun());
    let state = killed.states.last().cloned().unwrap_or_else(|| json!({}));
    // Whoever says "80 days ago" says something else each time.
    let start = chrono::DateTime::from_timestamp(now() - 80 * DAY + 3600, 0).unwrap();
    let tap = tap(workspace).set("start_date", start.to_rfc3339());
    let run = tap.run_from(&state).ok();
    let anew = usize::from(job_of(killed).is_none());
    assert_eq!(workspace.exports(|exports| exports.begun()), begun + anew);
    run
}

#[test]
fn killed_while_a_job_is_begun_asked_after_or_fetched_the_next_run_has_all_rows() {
    let whole_run = {
        let workspace = workspace();
        let _ = tap(&workspace).run().ok();
        workspace.total_requests()
    };
    // Before a job is begun, while it is, each time it is asked after, and while its file comes.
    assert!(whole_run >= 5, "{whole_run}");
    side_by_side(1..=whole_run, |requests| {
        let workspace = workspace();
        let killed = run_killed_after(&workspace, &tap(&workspace), &json!({}), requests);
        assert_eq!(killed.exit_code, None, "it was killed");
        assert!(killed.records.is_empty(), "no file came");
        let begun = workspace.exports(|exports| exports.begun());
        // What was asked for and not answered can't be in a state.
        if begun == 0 || workspace.requests_to("/export/content/data/").is_empty() {
            assert_eq!(job_of(&killed), None);
        }
        let second = resume(&workspace, &killed);
        assert_all(&workspace, &[&killed, &second]);
    });
}

#[test]
fn killed_in_the_middle_of_a_download_the_next_run_fetches_the_same_job() {
    let workspace = workspace();
    let path = "/download/content/data";
    let stall = FaultKind::StallMidBody(Duration::from_secs(20));
    workspace.inject(Fault::new(path, When::Nth(1), stall));
    let tap = tap(&workspace);
    let mut process = tap.start(Some(&json!({})));
    let stdout = crate::kill::read_all(process.stdout.take().unwrap());
    while workspace.requests_to(path).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let killed = Run::of_stdout(String::from_utf8(stdout.join().unwrap()).unwrap());
    assert_eq!(job_of(&killed).as_deref(), Some("job1"));
    let second = resume(&workspace, &killed);
    assert_all(&workspace, &[&killed, &second]);
}

#[test]
fn killed_in_the_middle_of_emission_no_row_is_missing() {
    side_by_side([1, 10, 1_000, 20_000], |lines| {
        let workspace = workspace();
        workspace.exports(|exports| {
            for number in 0..3_000u16 {
                let hours = i64::from(number % 1_900) + 1;
                exports.send(1_000 + usize::from(number), now() - hours * 3600);
            }
        });
        let tap = tap(&workspace).set("state_interval_seconds", 0);
        let mut process = tap.start(Some(&json!({})));
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut read = String::new();
        // The rest waits in a full pipe: the process is in the midst of writing.
        let mut records = 0;
        while records < lines && stdout.read_line(&mut read).unwrap() > 0 {
            let last = read.trim_end().rsplit('\n').next().unwrap_or_default();
            records += usize::from(last.contains("\"RECORD\""));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        let killed = Run::of_stdout(read);
        assert!(killed.records.len() >= lines);
        assert_eq!(job_of(&killed).as_deref(), Some("job1"));
        let second = resume(&workspace, &killed);
        for (stream, kind) in KINDS {
            let expected = expected(&workspace, kind, 80);
            assert_eq!(emitted([&second], stream), expected, "{stream}");
            let before = emitted([&killed], stream);
            assert!(before.keys().all(|row| expected.contains_key(row)));
        }
    });
}

#[test]
fn killed_between_two_windows_the_next_run_reads_the_second_alone() {
    let workspace = workspace();
    let start = chrono::DateTime::from_timestamp(now() - 170 * DAY, 0).unwrap();
    let tap = tap(&workspace)
        .set("start_date", start.to_rfc3339())
        .set("state_interval_seconds", 0);
    let mut process = tap.start(Some(&json!({})));
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut read = String::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        read += &format!("{line}\n");
        if line.contains("\"job2\"") {
            break;
        }
    }
    process.kill().unwrap();
    for line in lines {
        read += &format!("{}\n", line.unwrap());
    }
    process.wait().unwrap();
    let killed = Run::of_stdout(read);
    assert_eq!(job_of(&killed).as_deref(), Some("job2"));
    let second = resume(&workspace, &killed);
    for (stream, kind) in KINDS {
        let expected = expected(&workspace, kind, 170);
        assert_eq!(emitted([&killed, &second], stream), expected, "{stream}");
    }
}
