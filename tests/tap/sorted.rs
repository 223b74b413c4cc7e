//! Answers whose rows aren't where they should be: newer than their places, in no order at all, or cut
//! off before their end. No single row decides how far a stream was read.

use serde_json::{Value, json};

use crate::harness::{
    Ids, Run, Tap, assert_covers, assert_latest_of, assert_same, assert_whole, union,
};
use simulators::workspace::{Churn, Dates, Fault, Settings, When, Workspace, now};

const DAY: i64 = 86_400;
const STREAMS: [&str; 3] = ["contacts", "conversations", "tickets"];

fn workspace(settings: Settings) -> Workspace {
    Workspace::start(Settings {
        contacts: 300,
        conversations: 150,
        tickets: 150,
        parts_per_conversation: 1,
        ..settings
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("page_size", 20)
        .set("state_interval_seconds", 0)
        .streams(&STREAMS)
}

/// Some rows are updated, and the index doesn't know: at the beginning, at the end of a page, several
/// in a row.
fn leave_in_place(workspace: &Workspace, ages: &[i64]) {
    workspace.change(|data| {
        for stream in STREAMS {
            let mut ids: Vec<String> = data.ids(stream).into_iter().collect();
            ids.sort_by_key(|id| data.updated_at(stream, id));
            for place in [0, 19, 20, 38, 39, 59, 79, 80, 99, 139] {
                let age = ages[place % ages.len()];
                data.touch_in_place(stream, &ids[place], now() - age);
            }
        }
    });
}

#[test]
fn a_row_newer_than_its_place_costs_no_other() {
    for dates in [Dates::WholeDay, Dates::Exact] {
        for ages in [vec![0], vec![3 * DAY], vec![0, 5 * DAY, 40 * DAY]] {
            let workspace = workspace(Settings {
                dates,
                ..Settings::default()
            });
            leave_in_place(&workspace, &ages);
            let first = tap(&workspace).run().ok();
            assert_whole(&workspace, [&first], &STREAMS);
            assert!(first.stderr.contains("isn't sorted by updated_at"));
            workspace.change(|data| STREAMS.map(|stream| data.index(stream)));
            let second = tap(&workspace).run_from(&first.state()).ok();
            for stream in STREAMS {
                assert_latest_of(&workspace, [&first, &second], stream);
            }
        }
    }
}

#[test]
fn wherever_such_a_load_is_killed_the_next_one_has_the_rest() {
    let workspace = workspace(Settings::default());
    leave_in_place(&workspace, &[0, 3 * DAY]);
    let run = tap(&workspace).run().ok();
    assert_every_state_is_true(&workspace, &run);
}

#[test]
fn a_search_that_ignores_the_order_is_read_whole() {
    for dates in [Dates::WholeDay, Dates::Exact] {
        let workspace = workspace(Settings {
            dates,
            ignores_sort: true,
            ..Settings::default()
        });
        let first = tap(&workspace).run().ok();
        assert_whole(&workspace, [&first], &STREAMS);
        assert_every_state_is_true(&workspace, &first);

        let added = STREAMS.map(|stream| workspace.add(stream, now()));
        let second = tap(&workspace).run_from(&first.state()).ok();
        for (stream, id) in STREAMS.iter().zip(added) {
            assert_same(stream, &[id].into(), &second.ids(stream));
        }
    }
}

#[test]
fn a_slice_with_an_end_is_whole_in_either_case() {
    let (start, end) = (now() - 300 * DAY, now() - 100 * DAY);
    let instant = |second| {
        chrono::DateTime::from_timestamp(second, 0)
            .unwrap()
            .to_rfc3339()
    };
    for ignores_sort in [false, true] {
        let workspace = workspace(Settings {
            ignores_sort,
            ..Settings::default()
        });
        leave_in_place(&workspace, &[0]);
        let run = tap(&workspace)
            .set("start_date", instant(start))
            .set("end_date", instant(end))
            .run()
            .ok();
        for stream in STREAMS {
            let expected: Ids = workspace.read(|data| {
                let within = |id: &String| (start..end).contains(&data.updated_at(stream, id));
                data.ids(stream).into_iter().filter(within).collect()
            });
            assert_same(stream, &expected, &run.ids(stream));
        }
    }
}

/// After a kill behind any STATE, the next run has what is missing.
fn assert_every_state_is_true(workspace: &Workspace, run: &Run) {
    let lines: Vec<&str> = run.stdout.split_inclusive('\n').collect();
    let is_state = |line: &&str| line.starts_with(r#"{"type":"STATE""#);
    let states: Vec<usize> = (0..lines.len())
        .filter(|at| is_state(&lines[*at]))
        .collect();
    let mut before = Value::Null;
    let mut states: Vec<usize> = states
        .into_iter()
        .filter(|at| {
            let state: Value = serde_json::from_str(lines[*at]).unwrap();
            std::mem::replace(&mut before, state.clone()) != state
        })
        .collect();
    let step = (states.len() / 12).max(1);
    states = states.into_iter().step_by(step).collect();
    crate::harness::side_by_side(states, |at| {
        let kept = Run::of_stdout(lines[..=at].concat());
        let after = tap(workspace).run_from(&kept.state()).ok();
        for stream in STREAMS {
            let found = union([&kept, &after], stream);
            assert_same(stream, &workspace.ids(stream), &found);
        }
    });
}

#[test]
fn a_missing_next_page_is_a_bad_answer_where_the_totals_promise_it() {
    for page in [1, 3] {
        let workspace = workspace(Settings {
            drops_next_at_page: Some(page),
            ..Settings::default()
        });
        let chain = tap(&workspace).set("concurrency", 1);
        let run = chain.set("max_attempts", 2).run().exited(1);
        for stream in STREAMS {
            let is_told = run.stderr.contains(&format!("{stream} failed"));
            assert!(is_told, "{page}: {}", run.stderr);
        }
        // Slices are shorter, and may not come so far; what they take for read is.
        let sliced = tap(&workspace).set("max_attempts", 2).run();
        for stream in STREAMS {
            let is_whole = sliced.ids(stream) == workspace.ids(stream);
            assert!(is_whole || sliced.stderr.contains(&format!("{stream} failed")));
        }
        workspace.adjust(|settings| settings.drops_next_at_page = None);
        let rest = tap(&workspace).run_from(&run.state()).ok();
        for stream in STREAMS {
            let found = union([&run, &rest], stream);
            assert_same(stream, &workspace.ids(stream), &found);
        }
    }
}

#[test]
fn a_next_page_that_is_missing_once_is_asked_for_again() {
    let workspace = workspace(Settings::default());
    let body = json!({"data": [{"id": "1", "updated_at": 1}], "total_count": 300, "pages": {"total_pages": 2}});
    let fault = simulators::workspace::FaultKind::Answer(200, body.to_string().into_bytes());
    workspace.inject(Fault::new("/contacts/search", When::Nth(2), fault));
    let run = Tap::of(&workspace).streams(&["contacts"]).run().ok();
    assert_same("contacts", &workspace.ids("contacts"), &run.ids("contacts"));
}

#[test]
fn a_second_change_within_a_second_comes_however_late_it_is_indexed() {
    // The first version is read minutes after its second, the other one is found later.
    let workspace = workspace(Settings {
        base_time: Some(now() - 30 * DAY),
        ..Settings::default()
    });
    let second = now() - 300;
    let id = workspace.add("conversations", second);
    let tap = tap(&workspace);
    let first = tap.run().ok();
    assert!(first.ids("conversations").contains(&id));
    workspace.change(|data| data.set_parts(&id, 3));
    assert_eq!(workspace.updated_at("conversations", &id), second);
    let later = tap.run_from(&first.state()).ok();
    assert_same("conversations", &[id].into(), &later.ids("conversations"));
}

#[test]
fn the_clock_is_that_of_the_api() {
    for ahead in [-3600, 3600] {
        let workspace = workspace(Settings {
            base_time: Some(now() + ahead - 5000),
            clock_ahead: Some(ahead),
            ..Settings::default()
        });
        let there = || now() + ahead;
        for stream in STREAMS {
            workspace.add(stream, there() - 30);
        }
        let tap = tap(&workspace);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &STREAMS);
        for stream in STREAMS {
            let bookmark = first.bookmark(stream)["updated_at"].as_i64().unwrap();
            let due = there() - 600;
            assert!(
                (due - 60..=due).contains(&bookmark),
                "{ahead} {stream}: {bookmark} {due}"
            );
        }
        // Indexed late, within the look-back.
        let late = STREAMS.map(|stream| workspace.add(stream, there() - 400));
        let second = tap.run_from(&first.state()).ok();
        for (stream, id) in STREAMS.iter().zip(late) {
            assert_same(stream, &[id].into(), &second.ids(stream));
        }
        let third = tap.run_from(&second.state()).ok();
        assert!(third.records.is_empty(), "{ahead}: {:?}", third.records);
    }
}

/// Rows that come to the head while a list is read newest first make its totals promise more than its full
/// last page brings. What follows that is looked for in the whole day of its last row, which may be long.
#[test]
fn a_full_last_page_of_a_long_day_is_the_last_though_rows_have_come() {
    crate::harness::side_by_side([40, 49, 50, 51, 59], |rows| {
        let workspace = Workspace::start(Settings {
            dates: Dates::WholeDay,
            churn: Churn {
                inserts: 1,
                ..Churn::default()
            },
            ..Settings::default()
        });
        workspace.change(|data| {
            for number in 0..rows {
                data.add("contacts", now() - 900 + number);
            }
        });
        let before = workspace.ids("contacts");
        let tap = Tap::of(&workspace)
            .set("page_size", 10)
            .streams(&["contacts"]);
        let state = json!({"bookmarks": {"contacts": {"updated_at": now() - 1_800}}});
        let run = tap.run_from(&state).ok();
        assert_covers("contacts", &before, &run.ids("contacts"));
    });
}
