//! Killed outright at every step of an export job and resumed from the last state that got out: the next
//! run goes on with the job that the state names, or begins one anew; no row is missing.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::json;

use crate::exports;
use crate::harness::{Run, Tap, side_by_side};
use crate::kill::run_killed_after;
use crate::reports;
use simulators::workspace::{Exports, Fault, FaultKind, Reports, Settings, When, Workspace, now};

const DAY: i64 = 86_400;

/// What is exported.
#[derive(Debug)]
struct Family {
    /// The stream that is asked for.
    stream: &'static str,
    /// What it emits, by what there is.
    outputs: &'static [(&'static str, &'static str)],
    looks_at: &'static str,
    downloads: &'static str,
    tap: fn(&Workspace) -> Tap,
    delay: fn(&Workspace),
    add: fn(&Workspace, u16, i64),
    finish: fn(&Workspace),
    begun: fn(&Workspace) -> usize,
    expected: fn(&Workspace, &str, i64) -> BTreeMap<String, usize>,
}

const FAMILIES: [Family; 2] = [
    Family {
        stream: "export_receipts",
        outputs: &exports::KINDS,
        looks_at: "/export/content/data/",
        downloads: "/download/content/data",
        tap: exports::tap,
        delay: |workspace| workspace.exports(|exports| exports.pending_looks = 2),
        add: |workspace, number, at| {
            workspace.exports(|exports| exports.send(1_000 + usize::from(number), at));
        },
        finish: |workspace| workspace.exports(Exports::finish),
        begun: |workspace| workspace.exports(|exports| exports.begun()),
        expected: exports::expected,
    },
    Family {
        stream: "report_conversation",
        outputs: &[("report_conversation", "conversation")],
        looks_at: "/export/reporting_data/report",
        downloads: "/download/reporting_data",
        tap: reports::tap,
        delay: |workspace| workspace.reports(|reports| reports.pending_looks = 2),
        add: |workspace, number, at| {
            workspace.reports(|reports| reports.add("conversation", &format!("k{number}"), at));
        },
        finish: |workspace| workspace.reports(Reports::finish),
        begun: |workspace| workspace.reports(|reports| reports.begun.len()),
        expected: reports::expected,
    },
];

impl Family {
    fn workspace(&self) -> Workspace {
        // Long enough for a request to be noticed before it is answered.
        let workspace = Workspace::start(Settings {
            latency: Duration::from_millis(50),
            ..Settings::default()
        });
        (self.delay)(&workspace);
        workspace
    }

    /// The job that the last state names, if it names one.
    fn job_of(&self, run: &Run) -> Option<String> {
        let state = run.states.last()?;
        let job = &state["bookmarks"][self.stream]["job"]["id"];
        job.as_str().map(str::to_owned)
    }

    /// A run from where a killed one came to, after whatever that has begun is over on the server. Only
    /// the job that the state names is asked after, and no second one is begun beside it.
    #[track_caller]
    fn resume(&self, workspace: &Workspace, killed: &Run) -> Run {
        (self.finish)(workspace);
        let begun = (self.begun)(workspace);
        let state = killed.states.last().cloned().unwrap_or_else(|| json!({}));
        // Whoever says "80 days ago" says something else each time.
        let start = chrono::DateTime::from_timestamp(now() - 80 * DAY + 3600, 0).unwrap();
        let tap = (self.tap)(workspace).set("start_date", start.to_rfc3339());
        let run = tap.run_from(&state).ok();
        let anew = usize::from(self.job_of(killed).is_none());
        assert_eq!((self.begun)(workspace), begun + anew);
        run
    }

    /// All rows of the last days, each as often as there is one.
    #[track_caller]
    fn assert_all(&self, workspace: &Workspace, runs: &[&Run], days: i64) {
        for (stream, what) in self.outputs {
            let expected = (self.expected)(workspace, what, days);
            let emitted = exports::emitted(runs.iter().copied(), stream);
            assert_eq!(emitted, expected, "{stream}");
        }
    }
}

#[test]
fn killed_while_a_job_is_begun_asked_after_or_fetched_the_next_run_has_all_rows() {
    for family in FAMILIES {
        let whole_run = {
            let workspace = family.workspace();
            let _ = (family.tap)(&workspace).run().ok();
            workspace.total_requests()
        };
        // Before a job is begun, while it is, each time it is asked after, and while its file comes.
        assert!(whole_run >= 5, "{whole_run}");
        side_by_side(1..=whole_run, |requests| {
            let workspace = family.workspace();
            let tap = (family.tap)(&workspace);
            let killed = run_killed_after(&workspace, &tap, &json!({}), requests);
            assert_eq!(killed.exit_code, None, "it was killed");
            assert!(killed.records.is_empty(), "no file came");
            let begun = (family.begun)(&workspace);
            // What was asked for and not answered can't be in a state.
            if begun == 0 || workspace.requests_to(family.looks_at).is_empty() {
                assert_eq!(family.job_of(&killed), None);
            }
            let second = family.resume(&workspace, &killed);
            family.assert_all(&workspace, &[&killed, &second], 80);
        });
    }
}

#[test]
fn killed_in_the_middle_of_a_download_the_next_run_fetches_the_same_job() {
    side_by_side(FAMILIES, |family| {
        let workspace = family.workspace();
        let stall = FaultKind::StallMidBody(Duration::from_secs(20));
        workspace.inject(Fault::new(family.downloads, When::Nth(1), stall));
        let tap = (family.tap)(&workspace);
        let mut process = tap.start(Some(&json!({})));
        let stdout = crate::kill::read_all(process.stdout.take().unwrap());
        while workspace.requests_to(family.downloads).is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        let killed = Run::of_stdout(String::from_utf8(stdout.join().unwrap()).unwrap());
        assert!(family.job_of(&killed).is_some());
        let second = family.resume(&workspace, &killed);
        family.assert_all(&workspace, &[&killed, &second], 80);
    });
}

#[test]
fn killed_in_the_middle_of_emission_no_row_is_missing() {
    for family in FAMILIES {
        let most = family.outputs.len() * 1_500;
        side_by_side([1, 10, 1_000, most], |lines| {
            let workspace = family.workspace();
            for number in 0..3_000u16 {
                let hours = i64::from(number % 1_900) + 1;
                (family.add)(&workspace, number, now() - hours * 3600);
            }
            let tap = (family.tap)(&workspace).set("state_interval_seconds", 0);
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
            assert!(family.job_of(&killed).is_some());
            let second = family.resume(&workspace, &killed);
            family.assert_all(&workspace, &[&second], 80);
            for (stream, what) in family.outputs {
                let expected = (family.expected)(&workspace, what, 80);
                let before = exports::emitted([&killed], stream);
                assert!(before.keys().all(|row| expected.contains_key(row)));
            }
        });
    }
}

#[test]
fn killed_between_two_windows_the_next_run_reads_the_second_alone() {
    side_by_side(FAMILIES, |family| {
        let workspace = family.workspace();
        let start = chrono::DateTime::from_timestamp(now() - 170 * DAY, 0).unwrap();
        let tap = (family.tap)(&workspace)
            .set("start_date", start.to_rfc3339())
            .set("state_interval_seconds", 0);
        let mut process = tap.start(Some(&json!({})));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut read = String::new();
        let mut jobs = 0;
        // A state names a job once it is begun, and none once its rows are emitted.
        while jobs < 2 {
            let line = lines.next().unwrap().unwrap();
            read += &format!("{line}\n");
            jobs += usize::from(line.contains("\"job\""));
        }
        process.kill().unwrap();
        for line in lines {
            read += &format!("{}\n", line.unwrap());
        }
        process.wait().unwrap();
        let killed = Run::of_stdout(read);
        assert_eq!((family.begun)(&workspace), 2);
        assert!(family.job_of(&killed).is_some());
        let second = family.resume(&workspace, &killed);
        family.assert_all(&workspace, &[&killed, &second], 170);
    });
}
