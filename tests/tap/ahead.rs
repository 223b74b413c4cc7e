//! Numbered pages that are read ahead: several at once, and nothing is lost by it though rows move,
//! come, or are deleted meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::{
    Ids, Tap, assert_covers, assert_latest_of, assert_same, assert_whole, existing, union,
};
use simulators::workspace::{CallTimestamps, Churn, Fault, Settings, When, Workspace, now};

const LISTS: [&str; 2] = ["calls", "articles"];
const PATHS: [&str; 2] = ["/calls", "/articles"];

fn workspace() -> Workspace {
    Workspace::start(Settings {
        calls: 600,
        articles: 1500,
        collections: 700,
        spread_days: 300,
        call_timestamps: CallTimestamps::Integer,
        latency: Duration::from_millis(5),
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("state_interval_seconds", 0)
        .set("calls_overlap_pages", 3)
        .streams(&LISTS)
}

#[test]
fn a_first_load_reads_several_pages_at_once_and_each_once() {
    let workspace = workspace();
    let latency = Duration::from_millis(500);
    workspace.adjust(|settings| settings.latency = latency);
    let lists = ["articles", "collections"];
    let run = Tap::of(&workspace).streams(&lists).run().ok();
    assert_whole(&workspace, [&run], &lists);
    for (stream, path) in lists.iter().zip(["/articles", "/help_center/collections"]) {
        assert_eq!(run.repeated(stream), 0, "{stream}");
        let requests = workspace.requests_to(path);
        let mut requests = requests.windows(4);
        assert!(
            requests.any(|four| four[3].at.duration_since(four[0].at) < latency),
            "{path} was asked for one page after the other"
        );
    }
}

#[test]
fn rows_that_move_or_go_while_pages_are_in_flight_are_not_lost() {
    crate::harness::side_by_side(1..5_u64, |every| {
        let workspace = workspace();
        let is_over = Arc::new(AtomicBool::new(false));
        for path in PATHS {
            let stream = &path[1..];
            for nth in 1..60 {
                let is_over = Arc::clone(&is_over);
                workspace.on_request(path, 3 + nth * every, move |data| {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let ids: Vec<String> = data.ids(stream).into_iter().collect();
                    let place = usize::try_from(nth * 7919).unwrap() % ids.len();
                    if nth % 3 == 0 {
                        data.delete(stream, &ids[place]);
                    } else {
                        data.touch(stream, &ids[place], now());
                    }
                });
            }
        }
        let first = tap(&workspace).run().ok();
        is_over.store(true, Ordering::Relaxed);
        let second = tap(&workspace).run_from(&first.state()).ok();
        let runs = [first, second];
        for stream in LISTS {
            assert_covers(stream, &existing(&workspace, stream), &union(&runs, stream));
            assert_latest_of(&workspace, &runs, stream);
        }
    });
}

#[test]
fn rows_that_come_as_others_go_hide_none_behind_equal_totals() {
    let churns = [(0, 1, 1), (1, 1, 1), (3, 1, 1)];
    crate::harness::side_by_side(churns, |(touches, inserts, deletes)| {
        let workspace = workspace();
        let churn = Churn {
            touches,
            inserts,
            deletes,
        };
        workspace.adjust(|settings| settings.churn = churn);
        let first = tap(&workspace).run().ok();
        workspace.adjust(|settings| settings.churn = Churn::default());
        let second = tap(&workspace).run_from(&first.state()).ok();
        let runs = [first, second];
        for stream in LISTS {
            assert_covers(stream, &existing(&workspace, stream), &union(&runs, stream));
            assert_latest_of(&workspace, &runs, stream);
        }
    });
}

#[test]
fn pages_that_fail_while_others_are_in_flight_are_asked_for_again() {
    let workspace = workspace();
    for path in PATHS {
        workspace.inject(Fault::status(path, When::Every(7), 500));
    }
    let run = tap(&workspace).run().ok();
    assert_whole(&workspace, [&run], &LISTS);
}

#[test]
fn a_run_without_anything_new_looks_at_the_overlap_and_no_further() {
    let workspace = workspace();
    let tap = tap(&workspace);
    let first = tap.run().ok();
    workspace.clear_requests();
    let second = tap.run_from(&first.state()).ok();
    for (path, most) in [("/calls", 3 + 2), ("/articles", 3 + 2)] {
        assert_same(path, &Ids::new(), &second.ids(&path[1..]));
        assert!(workspace.count(path) <= most, "{}", workspace.count(path));
    }
}
