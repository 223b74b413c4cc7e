//! Searches that are read in slices of time, several at once: the same records, however dates match,
//! counts lie and rows crowd in one second; and a run that is killed goes on where it was.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Ids, Tap, assert_latest_of, assert_same, assert_whole, most_at_once, side_by_side, union,
};
use crate::kill::run_killed_after;
use simulators::workspace::{Dates, Settings, Workspace, now};

const SEARCHES: [&str; 3] = ["contacts", "conversations", "tickets"];
const PAGE_SIZE: usize = 10;

fn settings() -> Settings {
    Settings {
        contacts: 1_500,
        conversations: 600,
        tickets: 600,
        parts_per_conversation: 1,
        ..Settings::default()
    }
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace).set("page_size", PAGE_SIZE)
}

/// How many searches of that stream began, and did not follow a cursor.
fn queries(workspace: &Workspace, stream: &str) -> usize {
    let requests = workspace.requests_to(&format!("/{stream}/search"));
    let begun = |body: &str| !body.contains("starting_after");
    requests
        .iter()
        .filter(|request| begun(&request.body))
        .count()
}

#[test]
fn every_row_comes_once_whatever_dates_match() {
    let zones = [
        "Pacific/Apia",
        "Pacific/Pago_Pago",
        "America/Santiago",
        "Australia/Lord_Howe",
    ];
    let whole_days = zones.map(|zone| (Dates::WholeDay, zone));
    let cases = whole_days.into_iter().chain([(Dates::Exact, "UTC")]);
    let cases = cases.flat_map(|case| [(case, 400), (case, 6)]);
    side_by_side(cases, |((dates, zone), spread_days)| {
        let workspace = Workspace::start(Settings {
            dates,
            timezone: zone.parse().unwrap(),
            spread_days,
            same_second_rows: 100,
            ..settings()
        });
        let tap = tap(&workspace).streams(&SEARCHES);
        let run = tap.run().ok();
        assert_whole(&workspace, [&run], &SEARCHES);
        for stream in SEARCHES {
            assert_eq!(run.repeated(stream), 0, "{stream}");
        }
        assert!(queries(&workspace, "tickets") > 8);
        let before = workspace.total_requests();
        let nothing_new = tap.run_from(&run.state()).ok();
        assert!(workspace.total_requests() - before <= 3 * 3);
        for stream in SEARCHES {
            assert_eq!(nothing_new.ids(stream), Ids::new());
        }
    });
}

#[test]
fn as_many_slices_are_read_at_once_as_reach_the_limit() {
    let latency = Duration::from_millis(100);
    let workspace = Workspace::start(Settings {
        contacts: 3_000,
        rate_limit: 1_667,
        latency,
        ..Settings::default()
    });
    let run = tap(&workspace).streams(&["contacts"]).run().ok();
    assert_whole(&workspace, [&run], &["contacts"]);
    let most = most_at_once(&workspace.requests_to("/contacts/search"), latency);
    // 17 reach it, and some more are there to spare; a busy machine may bring them later. It begins with 8.
    assert!(most > 8, "{most} at once");
}

#[test]
fn slices_cost_few_requests_more_than_one_chain() {
    let workspace = Workspace::start(Settings {
        dates: Dates::Exact,
        contacts: 6_000,
        ..Settings::default()
    });
    let tap = tap(&workspace).streams(&["contacts"]).set("concurrency", 4);
    let run = tap.run().ok();
    assert_same("contacts", &workspace.ids("contacts"), &run.ids("contacts"));
    let requests = workspace.total_requests();
    let begun = queries(&workspace, "contacts");
    assert!((600..660).contains(&requests), "{requests}, {begun}");
}

#[test]
fn counts_that_lie_cost_no_row() {
    side_by_side([-100_000, -300, -1, 1, 40, 100_000], |off_by| {
        let workspace = Workspace::start(Settings {
            search_totals_off_by: off_by,
            ..settings()
        });
        let run = tap(&workspace).streams(&SEARCHES).run().ok();
        assert_whole(&workspace, [&run], &SEARCHES);
    });
}

/// Its last page is full, and so is that of whatever is asked for to see whether more follows.
#[test]
fn counts_that_lie_make_no_more_of_full_pages() {
    let dates = [Dates::Exact, Dates::WholeDay];
    let cases = dates
        .into_iter()
        .flat_map(|dates| [5, 10, 30, 120].map(|rows| (dates, rows)));
    let cases = cases.flat_map(|case| [1, 100, 100_000].map(|off_by| (case, off_by)));
    side_by_side(cases, |((dates, rows), off_by)| {
        let workspace = Workspace::start(Settings {
            dates,
            contacts: 0,
            conversations: 0,
            tickets: 0,
            search_totals_off_by: off_by,
            ..settings()
        });
        let noon = now() - 20 * 86_400 - now() % 86_400 + 43_200;
        for stream in SEARCHES {
            for _ in 0..rows {
                workspace.add(stream, noon);
            }
        }
        for concurrency in [1, 64] {
            let tap = tap(&workspace)
                .set("concurrency", concurrency)
                .set("max_attempts", 2);
            let run = tap.streams(&SEARCHES).run().ok();
            assert_whole(&workspace, [&run], &SEARCHES);
        }
    });
}

#[test]
fn a_crowd_of_one_second_is_read_as_it_is() {
    let workspace = Workspace::start(Settings {
        same_second_rows: 700,
        ..settings()
    });
    let run = tap(&workspace).streams(&SEARCHES).run().ok();
    assert_whole(&workspace, [&run], &SEARCHES);
}

/// Much of the last two days, and runs that are stopped before they are through.
#[test]
fn contacts_of_the_last_two_days_go_on_where_a_run_was_stopped() {
    side_by_side([Dates::Exact, Dates::WholeDay], |dates| {
        let workspace = Workspace::start(Settings {
            dates,
            contacts: 200,
            base_time: Some(now() - 31 * 3600),
            latency: Duration::from_millis(2),
            ..Settings::default()
        });
        let tap = tap(&workspace)
            .set("state_interval_seconds", 0)
            .set("concurrency", 4)
            .streams(&["contacts"]);
        let mut runs = vec![tap.run().ok()];
        workspace.change(|data| {
            for number in 0..2_000 {
                data.add("contacts", now() - number * 54);
            }
        });
        // 200 pages of news.
        let mut new = Vec::new();
        for _ in 0..4 {
            let state = runs.last().unwrap().state();
            let known = union(&runs, "contacts");
            let mut run = run_killed_after(&workspace, &tap, &state, 150);
            if run.states.is_empty() {
                run.states.push(state);
            }
            new.push((&run.ids("contacts") - &known).len());
            runs.push(run);
        }
        // Of what was read ahead some waits for its turn, on a busy machine more.
        assert!(new[0] > 50, "{new:?}");
        assert_whole(&workspace, &runs, &["contacts"]);
        assert_latest_of(&workspace, &runs, "contacts");
    });
}

#[test]
fn killed_between_slices_it_goes_on_and_little_comes_twice() {
    side_by_side([60, 110, 160], |requests| {
        let workspace = Workspace::start(Settings {
            latency: Duration::from_millis(3),
            ..settings()
        });
        let tap = tap(&workspace)
            .set("state_interval_seconds", 0)
            .set("concurrency", 6)
            .streams(&["tickets"]);
        let first = run_killed_after(&workspace, &tap, &json!({}), requests / 3);
        let second = tap.run_from(&first.state()).ok();
        assert_whole(&workspace, [&first, &second], &["tickets"]);
        let repeated = (&first.ids("tickets") & &second.ids("tickets")).len();
        assert!(repeated <= 2 * PAGE_SIZE, "{repeated}");
    });
}
