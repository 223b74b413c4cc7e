//! Further streams with bookmarks: macros, with cursors from an instant on, and the activity log,
//! between two instants.

use std::collections::BTreeSet;

use crate::further_lists::assert_valid;
use crate::harness::{Run, Tap, assert_same, assert_whole, union};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace, now};

const DAY: i64 = 86_400;

fn workspace(base_time: i64) -> Workspace {
    Workspace::start(Settings {
        macros: 700,
        activity_logs: 2_000,
        same_second_rows: 300,
        base_time: Some(base_time),
        ..Settings::default()
    })
}

#[track_caller]
fn assert_read_once(workspace: &Workspace, run: &Run, stream: &str) {
    assert_whole(workspace, [run], &[stream]);
    assert_eq!(run.repeated(stream), 0, "{stream}");
    assert_valid(run);
}

/// What may be new after a run: what the run met is not, though the look-back asks for it again.
#[track_caller]
fn assert_goes_on(workspace: &Workspace, tap: &Tap, stream: &str) {
    let first = tap.run().ok();
    assert_read_once(workspace, &first, stream);
    let unchanged = tap.run_from(&first.state()).ok();
    assert!(unchanged.records.is_empty(), "{:?}", unchanged.records);

    let late = workspace.add(stream, now() - 60);
    let new = workspace.add(stream, now());
    let second = tap.run_from(&unchanged.state()).ok();
    assert_same(stream, &[late, new].into(), &second.ids(stream));
    let third = tap.run_from(&second.state()).ok();
    assert!(third.records.is_empty(), "{:?}", third.records);
}

#[test]
fn macros_are_read_by_cursor_and_from_the_bookmark_on() {
    let workspace = workspace(now() - 30);
    let tap = Tap::of(&workspace).streams(&["macros"]);
    assert_goes_on(&workspace, &tap, "macros");
    let requests = workspace.requests_to("/macros");
    // Five pages, then one for each run: what the bookmark leaves over.
    assert_eq!(requests.len(), 8);
    let since = |number: usize| {
        let query = &requests[number].query;
        query
            .iter()
            .find(|(name, _)| name == "updated_since")
            .map(|(_, value)| value.clone())
    };
    assert!((0..5).all(|number| since(number).is_none()));
    assert!((5..8).all(|number| since(number).is_some()));
}

#[test]
fn macros_changed_meanwhile_are_the_next_run_s() {
    let workspace = workspace(now() - DAY);
    let touched = workspace.ids("macros").first().unwrap().clone();
    let id = touched.clone();
    workspace.on_request("/macros", 3, move |data| data.touch("macros", &id, now()));
    let tap = Tap::of(&workspace).streams(&["macros"]);
    let first = tap.run().ok();
    let second = tap.run_from(&first.state()).ok();
    assert_whole(&workspace, [&first, &second], &["macros"]);
    assert!(second.ids("macros").contains(&touched));
}

#[test]
fn macros_that_a_token_may_not_read_are_said_so() {
    let workspace = workspace(now());
    let code = "token_missing_scope".to_owned();
    let kind = FaultKind::Status(403, code, "missing scope read_macros".into());
    workspace.inject(Fault::new("/macros", When::Always, kind));
    let run = Tap::of(&workspace).streams(&["macros"]).run().exited(1);
    assert!(run.stderr.contains("macros: GET /macros"), "{}", run.stderr);
    assert!(
        run.stderr.contains("the token lacks the permission"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_activity_log_is_read_span_by_span_and_from_the_bookmark_on() {
    for inclusive_bounds in [false, true] {
        let workspace = workspace(now() - 30);
        workspace.adjust(|settings| settings.inclusive_bounds = inclusive_bounds);
        let start = now() - 500 * DAY;
        let tap = Tap::of(&workspace)
            .set(
                "start_date",
                chrono::DateTime::from_timestamp(start, 0)
                    .unwrap()
                    .to_rfc3339(),
            )
            .streams(&["activity_logs"]);
        assert_goes_on(&workspace, &tap, "activity_logs");
    }
}

#[test]
fn without_a_start_date_the_activity_log_begins_with_the_workspace() {
    let workspace = workspace(now() - DAY);
    let run = Tap::of(&workspace).streams(&["activity_logs"]).run().ok();
    assert_read_once(&workspace, &run, "activity_logs");
    let bookmark = run.bookmark("activity_logs");
    assert!(bookmark["created_at"].is_i64(), "{bookmark}");
    assert!(bookmark.get("updated_at").is_none(), "{bookmark}");
    let first = &workspace.requests_to("/admins/activity_logs")[0];
    assert!(
        first
            .query
            .contains(&("created_at_after".into(), "1499999999".into())),
        "{first:?}"
    );
}

#[test]
fn a_server_that_fails_for_a_while_costs_spans_that_grow_again() {
    let workspace = workspace(now() - DAY);
    // The first span is halved once.
    workspace.inject(Fault::status(
        "/admins/activity_logs",
        When::Between(1, 2),
        504,
    ));
    let start = chrono::DateTime::from_timestamp(now() - 900 * DAY, 0).unwrap();
    let tap = Tap::of(&workspace)
        .set("start_date", start.to_rfc3339())
        .streams(&["activity_logs"]);
    let run = tap.run().ok();
    let expected = workspace.read(|data| data.ids_since("activity_logs", now() - 900 * DAY));
    assert_same("activity_logs", &expected, &run.ids("activity_logs"));
    let requests = workspace.count("/admins/activity_logs");
    assert!(requests < 2 + 900 / 30 + 20, "{requests}");
}

#[test]
fn pairs_of_failures_cost_little_more_than_themselves() {
    const PAIRS: u64 = 9;
    let workspace = workspace(now() - DAY);
    // After each pair one request gets through.
    for pair in 0..PAIRS {
        let when = When::Between(3 * pair + 1, 3 * pair + 2);
        workspace.inject(Fault::status("/admins/activity_logs", when, 502));
    }
    let start = chrono::DateTime::from_timestamp(now() - 900 * DAY, 0).unwrap();
    let tap = Tap::of(&workspace)
        .set("start_date", start.to_rfc3339())
        .streams(&["activity_logs"]);
    let run = tap.run().ok();
    let expected = workspace.read(|data| data.ids_since("activity_logs", now() - 900 * DAY));
    assert_same("activity_logs", &expected, &run.ids("activity_logs"));
    let requests = workspace.requests_to("/admins/activity_logs");
    let failed = requests.iter().filter(|request| request.status == 502);
    assert_eq!(failed.count() as u64, 2 * PAIRS);
    // A span a month, and while the server fails, shorter ones, which grow again.
    let requests = requests.len() as u64;
    assert!(
        requests <= 900 / 30 + 1 + 2 * PAIRS + 3 * PAIRS,
        "{requests}"
    );
}

#[test]
fn spans_of_the_log_that_are_too_much_are_halved() {
    let workspace = workspace(now() - DAY);
    workspace.adjust(|settings| settings.most_log_days = 9);
    let tap = Tap::of(&workspace)
        .set(
            "start_date",
            chrono::DateTime::from_timestamp(now() - 90 * DAY, 0)
                .unwrap()
                .to_rfc3339(),
        )
        .streams(&["activity_logs"]);
    let run = tap.run().ok();
    let expected = workspace.read(|data| data.ids_since("activity_logs", now() - 90 * DAY));
    assert_same("activity_logs", &expected, &run.ids("activity_logs"));
}

#[test]
fn a_log_that_breaks_off_goes_on_where_it_was() {
    let workspace = workspace(now() - DAY);
    let start = now() - 401 * DAY;
    let tap = Tap::of(&workspace)
        .set("max_attempts", 1)
        .set(
            "start_date",
            chrono::DateTime::from_timestamp(start, 0)
                .unwrap()
                .to_rfc3339(),
        )
        .streams(&["activity_logs"]);
    workspace.inject(Fault::status("/admins/activity_logs", When::Nth(12), 500));
    let first = tap.run().exited(1);
    assert_eq!(first.bookmark("activity_logs")["in_progress"], true);
    let second = tap.run_from(&first.state()).ok();
    assert_whole(&workspace, [&first, &second], &["activity_logs"]);
    assert_eq!(second.repeated("activity_logs"), 0);
    let all: BTreeSet<String> = union([&first, &second], "activity_logs");
    let emitted = first.records.len() + second.records.len();
    // At most the span that broke off comes twice.
    assert!(emitted - all.len() < 300, "{emitted} of {}", all.len());
}
