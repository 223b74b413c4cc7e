//! Rows that reports are made of: jobs for a dataset each, by attributes, and what a run makes of whatever
//! becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use intercom_singer::internals::tap::{discover, streams};
use serde_json::{Value, json};

use crate::exports::emitted;
use crate::further_lists::assert_valid;
use crate::harness::{Run, Tap, side_by_side};
use simulators::workspace::{Fate, Packing, Reports, Settings, Workspace, now};

const DAY: i64 = 86_400;
const STREAM: &str = "report_conversation";

pub fn workspace() -> Workspace {
    Workspace::start(Settings::default())
}

pub fn tap_of(workspace: &Workspace, streams: &[&str]) -> Tap {
    let start = chrono::DateTime::from_timestamp(now() - 80 * DAY, 0).unwrap();
    Tap::of(workspace)
        .streams(streams)
        .set("start_date", start.to_rfc3339())
}

pub fn tap(workspace: &Workspace) -> Tap {
    tap_of(workspace, &[STREAM])
}

/// What is to be emitted of a dataset's rows of the last days, each with how often.
pub fn expected(workspace: &Workspace, dataset: &str, days: i64) -> BTreeMap<String, usize> {
    workspace.reports(|reports| {
        let rows = reports.rows.iter();
        let mut expected = BTreeMap::new();
        for row in rows.filter(|row| row.dataset == dataset && row.at >= now() - days * DAY) {
            *expected.entry(json!(row.values).to_string()).or_default() += 1;
        }
        assert!(!expected.is_empty(), "{dataset}");
        expected
    })
}

/// The datasets by the streams of the table.
fn datasets() -> BTreeMap<&'static str, &'static str> {
    let streams = streams::all().filter_map(|stream| match stream.paging {
        streams::Paging::ExportJobs(streams::ExportJobs {
            of: streams::ExportOf::Dataset { id, .. },
            ..
        }) => Some((stream.name, id)),
        _ => None,
    });
    streams.collect()
}

#[track_caller]
pub fn assert_all(workspace: &Workspace, runs: &[&Run]) {
    let expected = expected(workspace, "conversation", 80);
    assert_eq!(emitted(runs.iter().copied(), STREAM), expected);
    for run in runs {
        assert_valid(run);
    }
}

#[test]
fn every_dataset_is_read_once_and_again_with_nothing_new() {
    let workspace = workspace();
    let datasets = datasets();
    assert_eq!(datasets.len(), 13);
    let names: Vec<&str> = datasets.keys().copied().collect();
    let tap = tap_of(&workspace, &names);
    let first = tap.run().ok();
    for (stream, dataset) in &datasets {
        assert_eq!(*stream, format!("report_{dataset}"));
        let expected = expected(&workspace, dataset, 80);
        assert_eq!(emitted([&first], stream), expected, "{stream}");
    }
    assert_valid(&first);
    let again = tap.run_from(&first.state()).ok();
    assert!(again.records.is_empty(), "{:?}", again.records);
}

#[test]
fn late_rows_and_changed_ones_come_and_nothing_else_again() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    let before = expected(&workspace, "conversation", 80);
    workspace.reports(|reports| {
        reports.add("conversation", "late", now() - 20 * DAY);
        // The same a second time is another.
        reports.add("conversation", "late", now() - 20 * DAY);
        let mut rows = reports.rows.iter_mut();
        let is_changed = |row: &str| row == "n3";
        let changed = rows.find(|row| {
            row.dataset == "conversation" && is_changed(&row.values["conversation.row_id"])
        });
        let values = &mut changed.unwrap().values;
        values.insert("conversation.state".into(), "closed".into());
    });
    let second = tap.run_from(&first.state()).ok();
    let mut new = expected(&workspace, "conversation", 80);
    new.retain(|row, _| !before.contains_key(row));
    assert_eq!(emitted([&second], STREAM), new);
    assert_eq!(new.values().sum::<usize>(), 3);
    let third = tap.run_from(&second.state()).ok();
    assert!(third.records.is_empty(), "{:?}", third.records);
}

#[test]
fn windows_hold_every_row_once_whichever_of_their_ends_is_exclusive() {
    let sides = [(true, true), (true, false), (false, true), (false, false)];
    side_by_side(sides, |inclusive| {
        let workspace = workspace();
        let start = now() - now().rem_euclid(3600) - 300 * DAY;
        workspace.reports(|reports| {
            reports.inclusive = inclusive;
            // A row for every hour, so that there is one wherever a window ends.
            for number in 0..300 * 24u16 {
                let at = start + i64::from(number) * 3600;
                reports.add("conversation", &format!("h{number}"), at);
            }
        });
        let start_date = chrono::DateTime::from_timestamp(start, 0).unwrap();
        let tap = tap(&workspace).set("start_date", start_date.to_rfc3339());
        let first = tap.run().ok();
        let again = tap.run_from(&first.state()).ok();
        let expected = expected(&workspace, "conversation", 301);
        assert_eq!(emitted([&first, &again], STREAM), expected);
        let begun = workspace.reports(|reports| reports.begun.len());
        assert!(begun >= 5, "{begun}");
    });
}

#[test]
fn files_come_packed_in_any_way_and_jobs_need_the_workspaces_code_or_not() {
    let cases = [
        (Packing::Gzip, "complete", true),
        (Packing::Plain, "completed", false),
        (Packing::Zip, "complete", true),
    ];
    side_by_side(cases, |(packing, done, needs_app_id)| {
        let workspace = workspace();
        workspace.reports(|reports| {
            reports.packing = packing;
            reports.done_word = Some(done);
            reports.needs_app_id = needs_app_id;
            reports.pending_looks = 2;
        });
        let tap = tap(&workspace);
        let first = tap.run().ok();
        assert_all(&workspace, &[&first]);
        // Files are called by their jobs, which are others.
        let again = tap.run_from(&first.state()).ok();
        assert!(again.records.is_empty(), "{:?}", again.records);
    });
}

#[test]
fn where_nothing_happened_the_bookmark_moves_on() {
    let workspace = workspace();
    workspace.reports(|reports| reports.rows.clear());
    let run = tap(&workspace).run().ok();
    assert!(run.records.is_empty());
    let bookmark = run.bookmark(STREAM)["updated_at"].as_i64();
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
        workspace.reports(|reports| reports.fates.push_back(fate));
        let run = tap(&workspace).run().ok();
        assert_all(&workspace, &[&run]);
        assert_eq!(workspace.reports(|reports| reports.begun.len()), 2);
    });
}

#[test]
fn a_download_that_was_cut_is_made_again() {
    let workspace = workspace();
    workspace.reports(|reports| reports.cut_downloads = 2);
    let run = tap(&workspace).run().ok();
    assert_all(&workspace, &[&run]);
    assert_eq!(workspace.requests_to("/download").len(), 3);
}

#[test]
fn columns_may_change_between_two_jobs() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    workspace.reports(|reports: &mut Reports| {
        for dataset in &mut reports.datasets {
            dataset.attributes.push("country".into());
        }
        let rows = reports.rows.iter_mut();
        for row in rows.filter(|row| row.dataset == "conversation") {
            row.values
                .insert("conversation.country".into(), "SE".into());
        }
    });
    let second = tap.run_from(&first.state()).ok();
    assert_valid(&second);
    let row = second.of_stream(STREAM).next().unwrap().value();
    assert_eq!(row["conversation.country"], "SE");
    let schema = &second.schemas[STREAM]["schema"]["properties"];
    assert!(schema["conversation.country"].is_object(), "{schema}");
    // All of the days that are exported again are other rows than they were.
    let days = expected(&workspace, "conversation", 30);
    assert_eq!(emitted([&second], STREAM), days);
}

#[test]
fn attributes_in_another_order_make_no_other_rows() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    workspace.reports(|reports: &mut Reports| {
        for dataset in &mut reports.datasets {
            dataset.attributes.reverse();
        }
    });
    let second = tap.run_from(&first.state()).ok();
    assert!(second.records.is_empty(), "{:?}", second.records);
}

#[test]
fn a_dataset_that_the_workspace_lacks_fails_by_name_alone() {
    let workspace = workspace();
    workspace.reports(|reports| reports.datasets.retain(|dataset| dataset.id != "call"));
    let run = tap_of(&workspace, &["report_call", STREAM]).run().exited(1);
    assert_all(&workspace, &[&run]);
    let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
    let told = "report_call: the workspace has no dataset call; it has admin_status_change, call_team_stats,";
    assert!(summary.contains(told), "{summary}");
}

#[test]
fn a_test_of_what_can_be_read_begins_no_job() {
    let workspace = workspace();
    let test = tap(&workspace).argument("--test").run().ok();
    assert!(test.records.is_empty());
    assert_eq!(workspace.reports(|reports| reports.begun.len()), 0);
}

/// The catalog of one stream, with some properties selected in so many words and others not.
fn selecting(properties: &[(&str, bool)]) -> Value {
    let mut catalog = json!(discover());
    let streams = catalog["streams"].as_array_mut().unwrap();
    streams.retain(|stream| stream["tap_stream_id"] == STREAM);
    let metadata = streams[0]["metadata"].as_array_mut().unwrap();
    metadata[0]["metadata"]["selected"] = json!(true);
    for (name, is_selected) in properties {
        metadata.push(json!({
            "breadcrumb": ["properties", format!("conversation.{name}")],
            "metadata": {"selected": is_selected},
        }));
    }
    catalog
}

/// The attributes that jobs were asked for, by their bare names.
fn asked(workspace: &Workspace) -> Vec<Vec<String>> {
    let bare = |name: &String| name.trim_start_matches("conversation.").to_owned();
    workspace.reports(|reports| {
        let begun = reports.begun.iter();
        let names = begun.map(|(_, names, _)| names.iter().map(bare).collect());
        names.collect()
    })
}

/// The names of all properties that records have.
fn properties(run: &Run) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for record in run.of_stream(STREAM) {
        names.extend(record.value().as_object().unwrap().keys().cloned());
    }
    names
}

#[test]
fn selection_of_columns_is_selection_of_attributes_and_the_time_is_always_asked_for() {
    let workspace = workspace();
    let catalog = selecting(&[("happened_at", false), ("state", false), ("row_id", true)]);
    let run = tap_of(&workspace, &[]).catalog(&catalog).run().ok();
    assert_eq!(
        asked(&workspace),
        [["Brand, or \"name\"", "happened_at", "row_id"]]
    );
    let kept = ["conversation.Brand, or \"name\"", "conversation.row_id"];
    assert_eq!(properties(&run), kept.map(str::to_owned).into());
    assert_eq!(
        run.of_stream(STREAM).count(),
        expected(&workspace, "conversation", 80).len()
    );
}

#[test]
fn a_column_that_is_excluded_is_not_asked_for() {
    let workspace = workspace();
    let run = tap(&workspace)
        .argument("--exclude")
        .argument("report_conversation.conversation.state")
        .run()
        .ok();
    assert!(run.of_stream(STREAM).count() > 0);
    assert!(!properties(&run).contains("conversation.state"));
    let last = asked(&workspace).pop().unwrap();
    assert_eq!(last, ["Brand, or \"name\"", "happened_at", "row_id"]);
}

#[test]
fn an_attribute_that_is_listed_but_refused_is_left_out_and_told() {
    let workspace = workspace();
    workspace.reports(|reports| {
        reports.refused_attributes = ["conversation.state".to_owned()].into();
    });
    let run = tap(&workspace).run().ok();
    assert_eq!(
        run.of_stream(STREAM).count(),
        expected(&workspace, "conversation", 80).len()
    );
    assert!(!properties(&run).contains("conversation.state"));
    let told = "can't be exported, and are left out: conversation.state";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn an_attribute_that_somebody_asked_for_and_that_is_refused_fails_the_stream_by_its_name() {
    let workspace = workspace();
    workspace.reports(|reports| {
        reports.refused_attributes = ["conversation.state".to_owned()].into();
    });
    for name in ["state", "imaginary"] {
        let catalog = selecting(&[(name, true)]);
        let tap = tap_of(&workspace, &[]).catalog(&catalog);
        let run = tap.run().exited(1);
        assert!(run.records.is_empty());
        let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
        let told = format!("conversation dataset: conversation.{name}");
        assert!(summary.contains(&told), "{summary}");
    }
    assert!(asked(&workspace).is_empty());
}

#[test]
fn no_more_jobs_are_begun_than_a_workspace_may_have_and_every_stream_has_its_turn() {
    let workspace = Workspace::start(Settings {
        latency: Duration::from_millis(30),
        ..Settings::default()
    });
    let datasets = datasets();
    let names: Vec<&str> = datasets.keys().copied().collect();
    let start = chrono::DateTime::from_timestamp(now() - 500 * DAY, 0).unwrap();
    // Whoever is refused once is refused for good.
    let run = tap_of(&workspace, &names)
        .set("start_date", start.to_rfc3339())
        .set("export_wait_minutes", 0)
        .run()
        .ok();
    for (stream, dataset) in &datasets {
        let expected = expected(&workspace, dataset, 500);
        assert_eq!(emitted([&run], stream), expected, "{stream}");
    }
    assert_eq!(workspace.reports(|reports| reports.most_pending), 5);
}

#[test]
fn another_programs_jobs_are_waited_for() {
    let workspace = workspace();
    workspace.reports(|reports| reports.in_the_way = 3);
    let run = tap(&workspace).run().ok();
    assert_all(&workspace, &[&run]);
    assert!(run.stderr.contains("in the way"), "{}", run.stderr);
}

#[test]
fn jobs_that_stay_in_the_way_fail_the_stream_alone() {
    let workspace = workspace();
    workspace.reports(|reports| reports.in_the_way = u32::MAX);
    let tap = tap_of(&workspace, &["admins", STREAM]).set("export_wait_minutes", 0);
    let run = tap.run().exited(1);
    assert!(!run.ids("admins").is_empty());
    let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
    assert!(
        summary.contains("report_conversation: another export job"),
        "{summary}"
    );
    assert!(!summary.contains("admins:"), "{summary}");
}
