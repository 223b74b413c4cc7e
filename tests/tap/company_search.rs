//! Companies by search, where the version has it: what changed costs a request or two. What a search
//! leaves out comes with a scroll now and then.

use serde_json::{Value, json};
use simulators::workspace::{Fault, Settings, When, Workspace, now};

use crate::audit::{Audit, lake_of, lines};
use crate::harness::{Ids, Run, Tap, assert_latest_of, assert_same, side_by_side};
use crate::kill::run_killed_after;

const SCROLL: &str = "/companies/scroll";
const SEARCH: &str = "/companies/search";

fn workspace() -> Workspace {
    Workspace::start(Settings {
        companies: 950,
        companies_without_users_every: 10,
        base_time: Some(now() - 30 * 86_400),
        ..Settings::default()
    })
}

fn companies(workspace: &Workspace) -> Tap {
    let catalog = json!({"streams": [{
        "tap_stream_id": "companies",
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
    }]});
    Tap::of(workspace).catalog(&catalog)
}

/// Updates some, among them some without users.
fn touch_every(workspace: &Workspace, step: usize) -> Ids {
    let touched: Ids = workspace
        .ids("companies")
        .into_iter()
        .step_by(step)
        .collect();
    for id in &touched {
        workspace.touch("companies", id, now());
    }
    touched
}

/// A state as it is when the last scroll is so many days ago.
fn scrolled_before(run: &Run, days: i64) -> Value {
    let mut state = run.state();
    let scrolled_at = &mut state["bookmarks"]["companies"]["scrolled_at"];
    *scrolled_at = json!(scrolled_at.as_i64().unwrap() - days * 86_400);
    state
}

#[test]
fn what_did_not_change_costs_three_requests_at_most() {
    let workspace = workspace();
    let tap = companies(&workspace);
    let first = tap.run().ok();
    assert_same(
        "companies",
        &workspace.ids("companies"),
        &first.ids("companies"),
    );
    let (scrolled, before) = (workspace.count(SCROLL), workspace.count_under("/"));
    let second = tap.run_from(&first.state()).ok();
    assert!(second.records.is_empty());
    assert_eq!(second.state(), first.state());
    assert_eq!(workspace.count(SCROLL), scrolled);
    let requests = workspace.count_under("/") - before;
    assert!((1..=3).contains(&requests), "{requests}");
}

#[test]
fn a_scroll_brings_what_searches_leave_out_and_nothing_else() {
    let workspace = workspace();
    let tap = companies(&workspace);
    let first = tap.run().ok();
    let touched = touch_every(&workspace, 3);
    let searched = tap.run_from(&first.state()).ok();
    let found = searched.ids("companies");
    assert!(found.is_subset(&touched) && found.len() < touched.len());
    assert!(found.len() > touched.len() / 2, "{}", found.len());
    assert_eq!(workspace.count(SCROLL), 11);

    // Six days are not seven.
    let early = tap.run_from(&scrolled_before(&searched, 6)).ok();
    assert!(early.records.is_empty());
    assert_eq!(workspace.count(SCROLL), 11);
    let scrolled = tap.run_from(&scrolled_before(&searched, 7)).ok();
    let left_out: Ids = touched.difference(&found).cloned().collect();
    assert_same("companies", &left_out, &scrolled.ids("companies"));
    assert_eq!(workspace.count(SCROLL), 22);
    assert_latest_of(&workspace, [&first, &searched, &scrolled], "companies");

    let last = tap.run_from(&scrolled.state()).ok();
    assert!(last.records.is_empty());
    assert_eq!(last.state(), scrolled.state());
    assert_eq!(workspace.count(SCROLL), 22);
}

#[test]
fn a_scroll_that_finds_nothing_is_not_due_again() {
    let workspace = workspace();
    let tap = companies(&workspace);
    let first = tap.run().ok();
    let due = tap.run_from(&scrolled_before(&first, 8)).ok();
    assert!(due.records.is_empty());
    let scrolled = workspace.count(SCROLL);
    let next = tap.run_from(&due.state()).ok();
    assert_eq!(next.state(), due.state());
    assert_eq!(workspace.count(SCROLL), scrolled);
}

#[test]
fn a_setting_says_how_old_the_last_scroll_may_be() {
    let workspace = workspace();
    let tap = companies(&workspace).set("companies_scroll_days", 0);
    let first = tap.run().ok();
    let touched = touch_every(&workspace, 3);
    let second = tap.run_from(&first.state()).ok();
    assert_same("companies", &touched, &second.ids("companies"));
    assert_eq!(workspace.count(SEARCH), 0);
}

#[test]
fn a_version_without_the_search_is_scrolled() {
    for status in [None, Some(400), Some(404), Some(403)] {
        let workspace = workspace();
        let mut tap = companies(&workspace);
        match status {
            None => tap = tap.set("api_version", "2.16"),
            Some(status) => workspace.inject(Fault::status(SEARCH, When::Always, status)),
        }
        let first = tap.run().ok();
        let touched = touch_every(&workspace, 3);
        let second = tap.run_from(&first.state()).ok();
        assert_same("companies", &touched, &second.ids("companies"));
        let third = tap.run_from(&second.state()).ok();
        assert!(third.records.is_empty());
        assert_eq!(third.state(), second.state());
        assert_eq!(workspace.count(SEARCH), 2);
    }
}

#[test]
fn a_search_that_breaks_off_goes_on_and_the_scroll_still_comes() {
    let workspace = workspace();
    let tap = companies(&workspace).set("max_attempts", 1);
    let tap = tap.set("page_size", 20).set("state_interval_seconds", 0);
    let first = tap.run().ok();
    let touched = touch_every(&workspace, 3);
    workspace.inject(Fault::status(SEARCH, When::Between(6, 200), 500));
    let broken = tap.run_from(&first.state()).exited(1);
    workspace.clear_faults();
    let searched = tap.run_from(&broken.state()).ok();
    let scrolled = tap.run_from(&scrolled_before(&searched, 7)).ok();
    let runs = [&broken, &searched, &scrolled];
    let all: Ids = runs.iter().flat_map(|run| run.ids("companies")).collect();
    assert_same("companies", &touched, &all);
    assert_latest_of(
        &workspace,
        [&first, &broken, &searched, &scrolled],
        "companies",
    );
}

/// A workspace that was read 25 days ago, in which many were updated since, minutes apart; with the state.
fn workspace_to_search() -> (Workspace, Tap, Value, Ids) {
    let workspace = workspace();
    let tap = companies(&workspace).set("page_size", 20);
    let tap = tap.set("state_interval_seconds", 0).set("concurrency", 2);
    let tap = tap.set("companies_scroll_days", 26);
    let first = tap.run().ok();
    let touched: Ids = workspace.ids("companies").into_iter().step_by(3).collect();
    for (number, id) in (0..).zip(&touched) {
        workspace.touch("companies", id, now() - 20 * 86_400 + 600 * number);
    }
    workspace.adjust(|settings| settings.latency = std::time::Duration::from_millis(10));
    (workspace, tap, scrolled_before(&first, 25), touched)
}

#[test]
fn killed_between_pages_of_a_search_the_next_run_has_the_rest() {
    let whole_run = {
        let (workspace, tap, before, _) = workspace_to_search();
        let asked = workspace.total_requests();
        let _ = tap.run_from(&before).ok();
        workspace.total_requests() - asked
    };
    assert!(whole_run > 15, "{whole_run}");
    // Slices, and so requests, may be fewer where pages take another time.
    let moments = (0..8).map(|twelfth| 1 + whole_run * twelfth / 12);
    side_by_side(moments, |moment| {
        let (workspace, tap, before, touched) = workspace_to_search();
        let scrolled = workspace.count(SCROLL);
        let killed = run_killed_after(&workspace, &tap, &before, moment);
        assert_eq!(killed.exit_code, None, "it was killed");
        let state = killed.states.last().cloned().unwrap_or(before);
        let second = tap.run_from(&state).ok();
        assert_eq!(workspace.count(SCROLL), scrolled, "only searches");
        // What lies below the bookmark is emitted, and comes no more.
        let bookmark = state["bookmarks"]["companies"]["updated_at"].as_i64();
        let below = |id: &&String| Some(workspace.updated_at("companies", id)) < bookmark;
        let again: Ids = &killed.ids("companies") & &second.ids("companies");
        assert_eq!(again.iter().filter(below).count(), 0);
        assert!(again.len() <= 2 * 20, "{}", again.len());
        assert_eq!(
            killed.repeated("companies") + second.repeated("companies"),
            0
        );
        let rest = tap.run_from(&scrolled_before(&second, 1)).ok();
        let runs = [&killed, &second, &rest];
        let all: Ids = runs.iter().flat_map(|run| run.ids("companies")).collect();
        assert_same("companies", &touched, &all);
        for run in runs {
            for record in run.of_stream("companies") {
                let version = record.value()["updated_at"].as_i64();
                assert_eq!(version, Some(workspace.updated_at("companies", &record.id)));
            }
        }
    });
}

#[test]
fn an_audit_waits_for_the_scroll_with_what_searches_leave_out() {
    let workspace = workspace();
    let tap = companies(&workspace);
    let first = tap.run().ok();
    let mut lake = lake_of(&first);
    let lost = lake.keys().next().unwrap().clone();
    lake.remove(&lost);
    // The bookmark lies behind what is updated, as it does some time later.
    let mut state = first.state();
    let bookmark = &mut state["bookmarks"]["companies"];
    bookmark["scrolled_at"] = json!(now() - 86_400);
    bookmark["updated_at"] = json!(now());
    for id in workspace.ids("companies").iter().rev().take(5) {
        workspace.touch("companies", id, now() - 3_600);
    }
    let audit = Audit::of(&tap, &lines(&lake), &state, &[]);
    let missing = (lost.0, lost.1, "missing".to_owned());
    assert_eq!(audit.differences(), [missing].into());
}
