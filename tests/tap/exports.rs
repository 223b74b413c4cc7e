//! Exports: jobs, their files, and what a run makes of whatever becomes of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::further_lists::assert_valid;
use crate::harness::{Run, Tap, side_by_side};
use simulators::workspace::{ExportRow, Exports, Fate, Packing, Settings, Workspace, now};

const DAY: i64 = 86_400;

/// The streams by the kinds of their files.
pub const KINDS: [(&str, &str); 13] = [
    ("export_receipts", "receipt"),
    ("export_opens", "open"),
    ("export_clicks", "click"),
    ("export_replies", "reply"),
    ("export_answers", "answer"),
    ("export_combined_answers", "answer_combined"),
    ("export_completions", "completion"),
    ("export_dismissals", "dismissal"),
    ("export_series_completions", "series_completion"),
    ("export_series_disengagements", "series_disengagement"),
    ("export_tour_step_views", "tour_step_view"),
    ("export_checkpoints", "checkpoint"),
    ("export_overviews", "overview"),
];

fn workspace() -> Workspace {
    Workspace::start(Settings::default())
}

pub fn tap(workspace: &Workspace) -> Tap {
    let start = chrono::DateTime::from_timestamp(now() - 80 * DAY, 0).unwrap();
    Tap::of(workspace)
        .streams(&["export_receipts"])
        .set("start_date", start.to_rfc3339())
}

fn object(row: &ExportRow) -> String {
    let values = row.values.iter();
    let members = values.map(|(name, value)| format!("{}:{}", json!(name), json!(value)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// What is to be emitted of the rows of a kind that were sent in the last days, each with how often.
pub fn expected(workspace: &Workspace, kind: &str, days: i64) -> BTreeMap<String, usize> {
    let mut expected = BTreeMap::new();
    workspace.exports(|exports| {
        let rows = exports.rows.iter();
        for row in rows.filter(|row| row.kind == kind && row.sent_at >= now() - days * DAY) {
            *expected.entry(object(row)).or_default() += 1;
        }
    });
    expected
}

pub fn emitted<'a>(
    runs: impl IntoIterator<Item = &'a Run>,
    stream: &str,
) -> BTreeMap<String, usize> {
    let mut emitted = BTreeMap::new();
    for run in runs {
        for record in run.of_stream(stream) {
            *emitted.entry(record.json.clone()).or_default() += 1;
        }
    }
    emitted
}

/// All rows of the last 80 days, each as often as there is one.
#[track_caller]
pub fn assert_all(workspace: &Workspace, runs: &[&Run]) {
    for (stream, kind) in KINDS {
        let expected = expected(workspace, kind, 80);
        assert!(!expected.is_empty(), "{kind}");
        assert_eq!(emitted(runs.iter().copied(), stream), expected, "{stream}");
    }
    for run in runs {
        assert_valid(run);
    }
}

#[test]
fn every_kind_comes_through_each_value_as_the_text_that_it_was() {
    let workspace = workspace();
    let run = tap(&workspace).run().ok();
    assert_all(&workspace, &[&run]);
    assert_eq!(workspace.exports(|exports| exports.begun()), 1);
    let other: Value = run.of_stream("export_other").next().unwrap().value();
    assert_eq!(other["kind"], "hard_bounce");
    let count = expected(&workspace, "hard_bounce", 80).len();
    assert_eq!(run.of_stream("export_other").count(), count);
    assert!(run.bookmark("export_receipts")["job"].is_null());
}

#[test]
fn one_kind_alone_is_emitted_alone_and_others_join_later() {
    let workspace = workspace();
    let start = chrono::DateTime::from_timestamp(now() - 80 * DAY, 0).unwrap();
    let opens = Tap::of(&workspace)
        .streams(&["export_opens"])
        .set("start_date", start.to_rfc3339());
    let first = opens.run().ok();
    assert_eq!(first.schemas.len(), 1);
    assert_eq!(
        emitted([&first], "export_opens"),
        expected(&workspace, "open", 80)
    );
    let all = tap(&workspace).run_from(&first.state()).ok();
    assert_all(&workspace, &[&first, &all]);
}

#[test]
fn what_came_late_comes_and_nothing_else_again() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    let again = tap.run_from(&first.state()).ok();
    assert!(again.records.is_empty(), "{:?}", again.records);
    assert_eq!(workspace.exports(|exports| exports.begun()), 2);
    workspace.exports(|exports| {
        let values = [("receipt_id", "r6"), ("opened_at", "late")];
        exports.add("open", now() - 20 * DAY, &values);
        // The same a second time is another.
        exports.add("open", now() - 20 * DAY, &values);
        exports.send(1000, now() - 60);
    });
    let late = tap.run_from(&again.state()).ok();
    assert_all(&workspace, &[&first, &again, &late]);
    let last = tap.run_from(&late.state()).ok();
    assert!(last.records.is_empty(), "{:?}", last.records);
}

#[test]
fn windows_are_no_longer_than_may_be_and_leave_nothing_between_them() {
    let workspace = workspace();
    let start = now() - 300 * DAY;
    let start_date = chrono::DateTime::from_timestamp(start, 0).unwrap();
    let run = Tap::of(&workspace)
        .streams(&["export_receipts"])
        .set("start_date", start_date.to_rfc3339())
        .run()
        .ok();
    assert_eq!(
        emitted([&run], "export_receipts"),
        expected(&workspace, "receipt", 300)
    );
    let windows = workspace.exports(|exports| exports.windows.clone());
    assert!(windows.len() >= 4, "{windows:?}");
    assert_eq!(windows[0].0, start, "{windows:?}");
    for pair in windows.windows(2) {
        assert_eq!(pair[0].1 + 1, pair[1].0, "{windows:?}");
    }
    let first = run.state();
    let second = tap(&workspace).run_from(&first).ok();
    assert!(second.records.is_empty());
    let windows = workspace.exports(|exports| exports.windows.len()) - windows.len();
    assert_eq!(windows, 1);
}

#[test]
fn where_whole_days_are_exported_what_is_in_two_windows_comes_once() {
    let workspace = workspace();
    workspace.exports(|exports| {
        exports.days_begin = Some(DAY / 2);
        // A day lies in two windows wherever one ends.
        for number in 0..400u16 {
            let hours = i64::from(number) * 6 + 1;
            exports.send(2000 + usize::from(number), now() - hours * 3600);
        }
    });
    let start_date = chrono::DateTime::from_timestamp(now() - 300 * DAY, 0).unwrap();
    let tap = tap(&workspace).set("start_date", start_date.to_rfc3339());
    let first = tap.run().ok();
    assert!(workspace.exports(|exports| exports.begun()) > 1);
    let again = tap.run_from(&first.state()).ok();
    for (stream, kind) in KINDS {
        let expected = expected(&workspace, kind, 300);
        assert_eq!(emitted([&first, &again], stream), expected, "{stream}");
    }
}

#[test]
fn receipts_come_as_gzip_and_as_plain_text_too() {
    for packing in [Packing::Gzip, Packing::Plain] {
        let workspace = workspace();
        workspace.exports(|exports| {
            exports.packing = packing;
            exports.done_word = Some("complete");
            exports.pending_looks = 3;
        });
        let run = tap(&workspace).run().ok();
        assert_eq!(
            emitted([&run], "export_receipts"),
            expected(&workspace, "receipt", 80)
        );
    }
}

#[test]
fn where_nothing_was_sent_the_bookmark_moves_on() {
    let workspace = workspace();
    workspace.exports(|exports| exports.rows.clear());
    let run = tap(&workspace).run().ok();
    assert!(run.records.is_empty());
    let bookmark = run.bookmark("export_receipts")["received_at"].as_i64();
    assert_eq!(bookmark, Some(now() - now().rem_euclid(DAY)));
}

#[test]
fn a_job_that_comes_to_nothing_is_begun_anew() {
    let fates = [
        Fate::Failed,
        Fate::Canceled,
        Fate::Expired,
        Fate::GoneBeforeDownload,
    ];
    side_by_side(fates, |fate| {
        let workspace = workspace();
        workspace.exports(|exports| exports.fates.push_back(fate));
        let run = tap(&workspace).run().ok();
        assert_all(&workspace, &[&run]);
        assert_eq!(workspace.exports(|exports| exports.begun()), 2);
    });
}

#[test]
fn jobs_that_come_to_nothing_have_an_end() {
    let workspace = workspace();
    workspace.exports(|exports| exports.fates.extend([Fate::Failed; 5]));
    let run = tap(&workspace).run().exited(1);
    assert!(
        run.stderr.contains("in a row came to nothing"),
        "{}",
        run.stderr
    );
    assert_eq!(workspace.exports(|exports| exports.begun()), 3);
}

#[test]
fn another_programs_job_is_waited_for() {
    let workspace = workspace();
    workspace.exports(|exports| exports.in_the_way = 3);
    let run = tap(&workspace).run().ok();
    assert_all(&workspace, &[&run]);
    assert!(run.stderr.contains("in the way"), "{}", run.stderr);
}

#[test]
fn one_that_stays_in_the_way_fails_the_exports_alone() {
    let workspace = workspace();
    workspace.exports(|exports| exports.in_the_way = u32::MAX);
    let run = tap(&workspace)
        .streams(&["admins"])
        .set("export_wait_minutes", 0)
        .run()
        .exited(1);
    assert!(!run.ids("admins").is_empty());
    let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
    assert!(
        summary.contains("export_receipts: another export job"),
        "{summary}"
    );
    assert!(!summary.contains("admins:"), "{summary}");
}

#[test]
fn a_download_that_was_cut_is_made_again() {
    let workspace = workspace();
    workspace.exports(|exports| exports.cut_downloads = 2);
    let run = tap(&workspace).run().ok();
    assert_all(&workspace, &[&run]);
    assert_eq!(workspace.exports(|exports| exports.begun()), 1);
    assert_eq!(workspace.requests_to("/download").len(), 3);
}

#[test]
fn columns_may_change_between_two_jobs() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    workspace.exports(|exports: &mut Exports| {
        for row in exports.rows.iter_mut().filter(|row| row.kind == "open") {
            row.values.push(("country".into(), "SE".into()));
        }
    });
    let second = tap.run_from(&first.state()).ok();
    assert_valid(&second);
    let open = second.of_stream("export_opens").next().unwrap().value();
    assert_eq!(open["country"], "SE");
    let schema = &second.schemas["export_opens"]["schema"]["properties"];
    assert!(schema["country"].is_object(), "{schema}");
    assert_eq!(second.of_stream("export_clicks").count(), 0);
}

/// Starts a run whose job stays pending, ends it with that signal once its state says so, and returns
/// what it said.
fn broken_off(workspace: &Workspace, tap: &Tap, signal: &str) -> Run {
    use std::io::{BufRead, BufReader};
    workspace.exports(|exports| exports.fates.push_back(Fate::Pending));
    let mut child = tap.start(None);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stdout = String::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        stdout += &format!("{line}\n");
        if line.contains("\"job\"") {
            break;
        }
    }
    let begun = Instant::now();
    let id = child.id().to_string();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args([signal, &id]).status().unwrap().success());
    for line in lines {
        stdout += &format!("{}\n", line.unwrap());
    }
    let status = child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut run = Run::of_stdout(stdout);
    run.exit_code = status.code();
    run
}

#[test]
fn a_killed_run_goes_on_with_the_same_job() {
    for signal in ["-KILL", "-TERM"] {
        let workspace = workspace();
        let tap = tap(&workspace);
        let killed = broken_off(&workspace, &tap, signal);
        assert_eq!(killed.exit_code, (signal == "-TERM").then_some(143));
        assert_eq!(killed.bookmark("export_receipts")["job"]["id"], "job1");
        workspace.exports(Exports::finish);
        let second = tap.run_from(&killed.state()).ok();
        assert_all(&workspace, &[&killed, &second]);
        assert_eq!(workspace.exports(|exports| exports.begun()), 1);
    }
}

#[test]
fn a_job_that_is_gone_when_the_next_run_asks_after_it_is_begun_anew() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let killed = broken_off(&workspace, &tap, "-KILL");
    let mut state = killed.state();
    state["bookmarks"]["export_receipts"]["job"]["id"] = json!("of long ago");
    workspace.exports(Exports::finish);
    // Whoever began it last has fetched its files.
    let _ = tap.run_from(&killed.state()).ok();
    let second = tap.run_from(&state).ok();
    assert_all(&workspace, &[&killed, &second]);
}

#[test]
fn a_test_of_what_can_be_read_begins_no_job() {
    let workspace = workspace();
    let test = tap(&workspace).argument("--test").run().ok();
    assert!(test.records.is_empty());
    assert_eq!(workspace.exports(|exports| exports.begun()), 0);
}
