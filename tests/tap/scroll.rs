//! Companies, which come as a scroll: one a workspace, whose place the server keeps.

use std::time::Duration;

use crate::further_lists::assert_valid;
use crate::harness::{Ids, Run, Tap, assert_latest_of, assert_same, assert_whole, side_by_side};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace, now};

const SCROLL: &str = "/companies/scroll";

fn workspace() -> Workspace {
    Workspace::start(Settings {
        companies: 950,
        scroll_lifetime: Duration::from_millis(900),
        ..Settings::default()
    })
}

/// The companies alone: their segments would be a request each.
fn companies(workspace: &Workspace) -> Tap {
    let catalog = serde_json::json!({"streams": [{
        "tap_stream_id": "companies",
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
    }]});
    Tap::of(workspace).set("max_attempts", 3).catalog(&catalog)
}

#[track_caller]
fn assert_read_once(workspace: &Workspace, run: &Run) {
    assert_whole(workspace, [run], &["companies"]);
    assert_eq!(run.repeated("companies"), 0);
    assert_valid(run);
}

/// How many scrolls were begun, and how many requests there were.
fn scrolls(workspace: &Workspace) -> (usize, usize) {
    let requests = workspace.requests_to(SCROLL);
    let begun = requests
        .iter()
        .filter(|request| request.query.is_empty() && request.status == 200);
    (begun.count(), requests.len())
}

#[test]
fn a_scroll_is_read_to_its_empty_page() {
    let workspace = workspace();
    let run = companies(&workspace).run().ok();
    assert_read_once(&workspace, &run);
    // Ten pages and an empty one.
    assert_eq!(scrolls(&workspace), (1, 11));
    let params: Ids = workspace
        .requests_to(SCROLL)
        .into_iter()
        .flat_map(|request| request.query)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(params.len(), 1, "{params:?}");
}

#[test]
fn only_companies_that_changed_come_again() {
    let workspace = workspace();
    let tap = companies(&workspace);
    let first = tap.run().ok();
    let unchanged = tap.run_from(&first.state()).ok();
    assert!(unchanged.records.is_empty(), "{:?}", unchanged.records);
    assert_eq!(unchanged.state(), first.state());

    let touched: Ids = workspace
        .ids("companies")
        .into_iter()
        .step_by(100)
        .collect();
    for id in &touched {
        workspace.touch("companies", id, now());
    }
    let added = workspace.add("companies", now());
    let second = tap.run_from(&first.state()).ok();
    let expected = touched.into_iter().chain([added]).collect();
    assert_same("companies", &expected, &second.ids("companies"));
    let third = tap.run_from(&second.state()).ok();
    assert!(third.records.is_empty(), "{:?}", third.records);
    assert_latest_of(&workspace, [&first, &second, &third], "companies");
}

#[test]
fn a_scroll_that_breaks_off_is_begun_anew_and_nothing_comes_twice() {
    let lost = |kind| Fault::new(SCROLL, When::Nth(5), kind);
    let message =
        "Request failed due to an internal network error. Please restart the scroll operation.";
    side_by_side(
        [
            Fault::status(SCROLL, When::Nth(5), 404),
            lost(FaultKind::Status(
                500,
                "server_error".into(),
                message.into(),
            )),
            lost(FaultKind::Html(504)),
            // In these the server's place has moved, and the page is lost.
            lost(FaultKind::ResetMidBody),
            lost(FaultKind::CutBody),
            Fault::new(SCROLL, When::Nth(1), FaultKind::CutBody),
            Fault::new(SCROLL, When::Nth(11), FaultKind::CutBody),
        ],
        |fault| {
            let workspace = workspace();
            workspace.inject(fault);
            let run = companies(&workspace).run().ok();
            assert_read_once(&workspace, &run);
            assert!(run.stderr.contains("begun anew"), "{}", run.stderr);
            let params: Ids = workspace
                .requests_to(SCROLL)
                .into_iter()
                .flat_map(|request| request.query.into_iter().map(|(_, value)| value))
                .collect();
            // One that a busy machine lets expire is begun anew once more.
            assert!((1..=4).contains(&params.len()), "{params:?}");
        },
    );
}

#[test]
fn a_rate_limit_moves_no_place() {
    let workspace = workspace();
    workspace.adjust(|settings| settings.scroll_lifetime = Duration::from_mins(1));
    let retry_after = Some("1".to_owned());
    workspace.inject(Fault::new(
        SCROLL,
        When::Nth(4),
        FaultKind::TooMany { retry_after },
    ));
    let run = companies(&workspace).run().ok();
    assert_read_once(&workspace, &run);
    assert_eq!(scrolls(&workspace), (1, 12));
}

#[test]
fn a_scroll_that_expires_before_its_next_page_is_begun_anew() {
    let workspace = workspace();
    workspace.adjust(|settings| settings.scroll_lifetime = Duration::ZERO);
    workspace.on_request(SCROLL, 2, |_| {});
    let run = companies(&workspace).run().exited(1);
    assert!(
        run.stderr
            .contains("companies: the scroll broke off 3 times without anything new"),
        "{}",
        run.stderr
    );
    assert_eq!(run.ids("companies").len(), 100);
    assert_eq!(run.repeated("companies"), 0);
    assert!(
        run.bookmark("companies").is_null(),
        "the bookmark passes nothing unread"
    );
}

#[test]
fn another_scroll_is_waited_for() {
    let workspace = workspace();
    crate::harness::served(&workspace, SCROLL);
    let run = companies(&workspace).run().ok();
    assert_read_once(&workspace, &run);
    assert_eq!(
        run.stderr.matches("scroll_exists").count(),
        1,
        "{}",
        run.stderr
    );
}

#[test]
fn a_workspace_without_companies_is_no_fault() {
    let workspace = Workspace::start(Settings::default());
    let run = companies(&workspace).run().ok();
    assert!(run.records.is_empty());
    assert_eq!(scrolls(&workspace), (1, 1));
}

#[test]
fn a_plan_without_companies_is_said_so() {
    for status in [403, 404] {
        let workspace = workspace();
        workspace.inject(Fault::status(SCROLL, When::Always, status));
        let run = companies(&workspace).run().exited(1);
        assert!(run.stderr.contains("plan"), "{}", run.stderr);
        assert_eq!(workspace.count(SCROLL), 1);
    }
}

#[test]
fn companies_bring_their_segments() {
    let workspace = workspace();
    let run = Tap::of(&workspace).streams(&["companies"]).run().ok();
    assert_read_once(&workspace, &run);
    assert_whole(&workspace, [&run], &["company_segments"]);
    assert_eq!(run.repeated("company_segments"), 0);
}
