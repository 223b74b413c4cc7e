//! Activities of contacts: a list that grows at its end, whose cursor is the bookmark, and which one version
//! of the API has.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Ids, Run, Tap, assert_same, assert_whole, side_by_side};
use crate::kill::run_killed_after;
use simulators::http::{Reply, Server};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace, now};

const STREAM: &str = "contact_activities";
const PATH: &str = "/contacts/activities";

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contact_activities: 1_000,
        base_time: Some(now() - 30 * 86_400),
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("state_interval_seconds", 0)
        .streams(&[STREAM])
}

/// Adds so many, newer than all there are, but not of the last minutes.
fn add(workspace: &Workspace, count: i64) -> Ids {
    let before = workspace.ids(STREAM);
    let times = before.iter().map(|id| workspace.updated_at(STREAM, id));
    let newest = times.max().unwrap_or_default().max(now() - 3_600);
    for number in 1..=count {
        workspace.add(STREAM, newest + number);
    }
    &workspace.ids(STREAM) - &before
}

#[test]
fn a_run_goes_on_with_the_page_that_was_read_last() {
    let workspace = workspace();
    // The setting is not what this list is asked for with.
    let tap = tap(&workspace).set("api_version", "2.14");
    let first = tap.run().ok();
    assert_whole(&workspace, [&first], &[STREAM]);
    assert_eq!(first.repeated(STREAM), 0);
    assert_eq!(workspace.count(PATH), 7);
    for request in workspace.requests_to(PATH) {
        assert_eq!(request.header("intercom-version"), Some("Preview"));
    }
    let nothing = tap.run_from(&first.state()).ok();
    assert!(nothing.records.is_empty());
    assert_eq!(nothing.state(), first.state());
    assert_eq!(workspace.count(PATH), 8);
    // Some fill the page, others follow it.
    for (count, requests) in [(20, 1), (200, 3)] {
        let before = workspace.count(PATH);
        let state = nothing.state();
        let added = add(&workspace, count);
        let second = tap.run_from(&state).ok();
        assert!(added.is_subset(&second.ids(STREAM)));
        assert_eq!(workspace.count(PATH) - before, requests);
        assert_whole(&workspace, [&first, &second], &[STREAM]);
        assert!((&first.ids(STREAM) & &second.ids(STREAM)).is_empty());
        let third = tap.run_from(&second.state()).ok();
        assert!(third.records.is_empty(), "{}", third.records.len());
    }
}

#[test]
fn a_list_of_one_page_grows() {
    let workspace = Workspace::start(Settings::default());
    let tap = tap(&workspace);
    let mut state = json!({});
    for count in [0, 3, 0, 2] {
        let added = add(&workspace, count);
        let run = tap.run_from(&state).ok();
        assert_same(STREAM, &added, &run.ids(STREAM));
        state = run.state();
    }
}

#[test]
fn killed_half_way_the_next_run_has_the_rest() {
    side_by_side(2..=6_u8, |requests| {
        let workspace = workspace();
        workspace.adjust(|settings| settings.latency = Duration::from_millis(40));
        let tap = tap(&workspace);
        let killed = run_killed_after(&workspace, &tap, &json!({}), requests.into());
        assert_eq!(killed.exit_code, None, "it was killed");
        let second = tap.run_from(&killed.state()).ok();
        assert_whole(&workspace, [&killed, &second], &[STREAM]);
        // The page behind which no state came.
        let twice = (&killed.ids(STREAM) & &second.ids(STREAM)).len();
        assert!(twice <= 150, "{twice}");
        // And no more pages than were asked for.
        let rest = second.ids(STREAM).len();
        assert!(rest + 150 * (usize::from(requests) - 2) <= 1_000, "{rest}");
    });
}

#[test]
fn where_a_cursor_is_not_taken_any_more_the_list_is_read_from_its_start() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    let added = add(&workspace, 10);
    for cursor in ["0", "1717000000000.0000a1"] {
        let mut state = first.state();
        state["bookmarks"][STREAM]["last_page"]["starting_after"] = json!(cursor);
        let second = tap.run_from(&state).ok();
        let told = "the list is read from its start again";
        assert!(second.stderr.contains(told), "{}", second.stderr);
        assert!(added.is_subset(&second.ids(STREAM)));
        assert_whole(&workspace, [&first, &second], &[STREAM]);
        // What lies below the bookmark was read.
        assert!(
            second.ids(STREAM).len() < 200,
            "{}",
            second.ids(STREAM).len()
        );
        let third = tap.run_from(&second.state()).ok();
        assert!(third.records.is_empty());
    }
}

#[test]
fn a_kept_cursor_that_gets_no_answer_is_kept() {
    let workspace = workspace();
    let first = tap(&workspace).run().ok();
    workspace.inject(Fault::status(PATH, When::Always, 500));
    let tap = tap(&workspace).set("max_attempts", 2);
    let second = tap.run_from(&first.state()).exited(1);
    assert_eq!(second.state()["bookmarks"], first.state()["bookmarks"]);
    assert_eq!(workspace.count(PATH), 9);
}

#[test]
fn a_version_or_workspace_without_the_list_is_told_by_name() {
    for (status, code) in [(400, "intercom_version_invalid"), (404, "not_found")] {
        let workspace = workspace();
        let lacking = FaultKind::Status(status, code.into(), "not here".into());
        workspace.inject(Fault::new(PATH, When::Always, lacking));
        let streams = [STREAM, "tags"];
        let run = Tap::of(&workspace).streams(&streams).run().exited(1);
        assert!(
            run.stderr.contains("stream contact_activities failed"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains(code), "{}", run.stderr);
        assert_whole(&workspace, [&run], &["tags"]);
        assert!(run.ids(STREAM).is_empty());
    }
}

#[test]
fn dates_bound_what_is_emitted_and_where_a_run_ends() {
    let workspace = workspace();
    let date = |days: i64| {
        let at = chrono::DateTime::from_timestamp(now() - days * 86_400, 0);
        at.unwrap().to_rfc3339()
    };
    let since = |days: i64| workspace.read(|data| data.ids_since(STREAM, now() - days * 86_400));
    let bounded = || tap(&workspace).set("start_date", date(300));
    let first = bounded().set("end_date", date(150)).run().ok();
    assert_same(STREAM, &(&since(300) - &since(150)), &first.ids(STREAM));
    let second = bounded().run_from(&first.state()).ok();
    assert_same(STREAM, &since(150), &second.ids(STREAM));
}

/// Lists without an end: each page names the same next one, or the end names itself.
#[test]
fn cursors_that_come_again_end() {
    let page = |ids: &[&str], next: &str| {
        let rows: Vec<_> = ids
            .iter()
            .map(|id| json!({"id": id, "created_at": 1_717_000_000}))
            .collect();
        json!({"data": rows, "pages": {"next": {"starting_after": next}}})
    };
    let serve = |answer: fn(Option<&str>) -> (Vec<&'static str>, &'static str)| {
        Server::start(move |request| {
            let (ids, next) = answer(request.parameter("starting_after"));
            Reply::json(200, page(&ids, next).to_string())
        })
    };
    let workspace = Workspace::start(Settings::default());
    let run = |server: &Server| -> Run { tap(&workspace).set("base_url", server.base_url()).run() };
    let circle = serve(|cursor| match cursor {
        None => (vec!["a"], "one"),
        Some("one") => (vec!["b"], "two"),
        Some(_) => (vec!["c"], "one"),
    });
    let ended = run(&circle).exited(1);
    assert!(
        ended.stderr.contains("repeats the cursor"),
        "{}",
        ended.stderr
    );
    assert!(circle.requests() < 10);
    // A last page that names one behind it, which is empty as yet.
    let end = serve(|cursor| match cursor {
        None => (vec!["a", "b"], "b"),
        Some(_) => (vec![], "b"),
    });
    let whole = run(&end).ok();
    assert_eq!(whole.ids(STREAM), ["a", "b"].map(str::to_owned).into());
    assert_eq!(
        whole.bookmark(STREAM)["last_page"],
        json!({"starting_after": "b"})
    );
}
