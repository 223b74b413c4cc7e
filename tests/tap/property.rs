//! Whatever the workspace, whatever changes between and during runs, and wherever runs are broken
//! off: in the end, everything that is there was emitted in the version that is there.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::harness::{
    INCREMENTAL, Ids, Run, Tap, assert_covers, assert_latest, assert_latest_of, assert_same,
    existing, union,
};
use simulators::workspace::{
    CallTimestamps, Churn, Dates, Fault, LastPage, PageNext, Settings, When, Workspace, now,
};

/// One or more of each way of paging that has a bookmark and rows that change.
const ROWS: [&str; 6] = [
    "contacts",
    "conversations",
    "calls",
    "articles",
    "tickets",
    "macros",
];
/// Children of those rows, one or more of each kind.
const CHILDREN: [&str; 3] = ["conversation_parts", "call_transcriptions", "ticket_parts"];
/// So many histories are played at a time.
const AT_ONCE: u32 = 10;

/// What a run reads.
#[derive(Clone, Copy, Debug)]
enum Reads {
    Everything,
    /// A task of their own reads children without their parents.
    ChildrenAlone,
    /// And parents without their children.
    ParentsAlone,
}

/// What happens before and during one run, and what of its output gets out.
#[derive(Clone, Debug)]
struct Step {
    added: usize,
    /// Added, but not seen by searches until the next step.
    late: usize,
    /// Seconds before now of what is added.
    age: i64,
    touched: usize,
    deleted: usize,
    /// Updated, but found in their old places until the next step.
    in_place: usize,
    /// The parts of so many conversations can't be had until the last run.
    poisoned: usize,
    reads: Reads,
    churn: Churn,
    /// In thousandths of the lines; `None`: all of it.
    cut_at: Option<usize>,
}

fn churn() -> impl Strategy<Value = Churn> {
    (0..6_u32, 0..4_u32, 0..3_u32).prop_map(|(touches, inserts, deletes)| Churn {
        touches,
        inserts,
        deletes,
    })
}

fn step() -> impl Strategy<Value = Step> {
    (
        (0..30_usize, 0..5_usize, 0..500_i64),
        (0..30_usize, 0..5_usize),
        (
            prop_oneof![Just(0_usize), 1..9_usize],
            prop_oneof![5 => Just(0_usize), 1 => Just(1_usize)],
            prop_oneof![
                4 => Just(Reads::Everything),
                1 => Just(Reads::ChildrenAlone),
                1 => Just(Reads::ParentsAlone),
            ],
        ),
        prop_oneof![Just(Churn::default()), churn()],
        prop_oneof![Just(None), (0..1000_usize).prop_map(Some)],
    )
        .prop_map(
            |((added, late, age), (touched, deleted), odd, churn, cut_at)| Step {
                added,
                late,
                age,
                touched,
                deleted,
                in_place: odd.0,
                poisoned: odd.1,
                reads: odd.2,
                churn,
                cut_at,
            },
        )
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        any::<u16>(),
        (
            0..200_usize,
            0..40_usize,
            // Few are read page by page, and more several pages at once.
            prop_oneof![3 => 0..80_usize, 1 => 250..350_usize],
        ),
        (0..80_usize, 0..30_usize, 0..200_usize),
        prop_oneof![Just(1_u32), Just(3), Just(400)],
        0..60_usize,
        prop_oneof![
            Just((Dates::WholeDay, "Pacific/Apia")),
            Just((Dates::WholeDay, "Pacific/Pago_Pago")),
            Just((Dates::WholeDay, "America/Santiago")),
            Just((Dates::Exact, "UTC")),
        ],
        prop_oneof![
            Just(LastPage::NoNext),
            Just(LastPage::NullCursor),
            Just(LastPage::EmptyPageFollows),
        ],
        (
            -1..=1_i64,
            any::<bool>(),
            prop_oneof![Just(0_u32), 1..8_u32],
            prop_oneof![4 => Just(false), 1 => Just(true)],
            prop_oneof![3 => Just(None), 1 => (-7200..7200_i64).prop_map(Some)],
            prop_oneof![
                3 => Just(CallTimestamps::Integer),
                1 => Just(CallTimestamps::Milliseconds),
            ],
            prop_oneof![
                3 => Just(Duration::ZERO),
                1 => Just(Duration::from_millis(20)),
            ],
        ),
    )
        .prop_map(
            |(seed, counts, more_counts, spread_days, same_second_rows, dates, last_page, odd)| {
                let (contacts, conversations, calls) = counts;
                let (articles, tickets, macros) = more_counts;
                let (total_pages_off_by, inclusive_bounds, displaced_calls_every, ..) = odd;
                let (ignores_sort, clock_ahead) = (odd.3, odd.4);
                Settings {
                    seed: seed.into(),
                    contacts,
                    conversations,
                    calls,
                    articles,
                    tickets,
                    macros,
                    spread_days,
                    same_second_rows,
                    dates: dates.0,
                    timezone: dates.1.parse().unwrap(),
                    last_page,
                    calls_next: PageNext::Object,
                    total_pages_off_by,
                    inclusive_bounds,
                    ignores_sort,
                    clock_ahead,
                    base_time: clock_ahead.map(|ahead| now() + ahead),
                    displaced_calls_every,
                    displaced_calls_pages: 1,
                    call_timestamps: odd.5,
                    jitter: odd.6,
                    ..Settings::default()
                }
            },
        )
}

#[test]
fn what_is_there_in_the_end_was_emitted() {
    let histories = std::env::var("PROPERTY_HISTORIES");
    let histories: u32 = histories.map_or(24, |number| number.parse().unwrap());
    crate::harness::side_by_side(0..AT_ONCE, |_| {
        let mut runner = TestRunner::new(Config {
            cases: histories.div_ceil(AT_ONCE),
            max_shrink_iters: 40,
            failure_persistence: None,
            ..Config::default()
        });
        // Where every request changes as much as a page holds, a search has no end.
        let page_sizes = 12..60_u32;
        let schedule = (settings(), page_sizes, prop::collection::vec(step(), 1..4));
        runner
            .run(&schedule, |(settings, page_size, steps)| {
                check(settings, page_size, &steps);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

fn check(settings: Settings, page_size: u32, steps: &[Step]) {
    let is_displaced = settings.displaced_calls_every > 0;
    let ahead = settings.clock_ahead.unwrap_or_default();
    let workspace = Workspace::start(settings);
    let tap = |streams: &[&str]| {
        Tap::of(&workspace)
            .set("page_size", page_size)
            .set("state_interval_seconds", 0)
            .set("calls_overlap_pages", 5)
            .set("max_attempts", 2)
            .streams(streams)
    };
    let everything = tap(&ROWS);
    let children = tap(&CHILDREN);
    let parents = tap(&[]).catalog(&catalog_of_parents());
    let mut runs: Vec<Run> = Vec::new();
    let mut state = json!({});
    for step in steps {
        let late = change(&workspace, step, ahead);
        // Where calls are out of place, one that changes makes the simulated list trade the places
        // of others that don't, which no reading page by page can follow.
        let churn = if is_displaced {
            Churn::default()
        } else {
            step.churn
        };
        workspace.adjust(|settings| settings.churn = churn);
        let tap = match step.reads {
            Reads::Everything => &everything,
            Reads::ChildrenAlone => &children,
            Reads::ParentsAlone => &parents,
        };
        let run = tap.run_from(&state).ok();
        workspace.adjust(|settings| settings.churn = Churn::default());
        let kept = match step.cut_at {
            Some(thousandths) => cut(&run, thousandths),
            None => run,
        };
        if !kept.states.is_empty() {
            state = kept.state();
        }
        runs.push(kept);
        for (stream, id) in late {
            workspace.reveal(stream, &id);
        }
        workspace.change(|data| ROWS.map(|stream| data.index(stream)));
    }
    workspace.clear_faults();
    let is_unfinished = state.to_string().contains("\"resume\"");
    let mut last = everything.run_from(&state).ok();
    if is_unfinished {
        // It went on where the one before was cut off. What has come to the head of the list since is
        // the next run's.
        let next = everything.run_from(&last.state()).ok();
        runs.push(std::mem::replace(&mut last, next));
    }
    let settled = last.state();
    runs.push(last);
    for stream in INCREMENTAL.iter().chain(&ROWS).chain(&CHILDREN) {
        assert_covers(stream, &existing(&workspace, stream), &union(&runs, stream));
    }
    assert_latest(&workspace, &runs);
    assert_latest_of(&workspace, &runs, "tickets");
    let nothing_new = everything.run_from(&settled).ok();
    for stream in INCREMENTAL.iter().chain(&ROWS).chain(&CHILDREN) {
        assert_same(stream, &Ids::new(), &nothing_new.ids(stream));
    }
    assert_eq!(nothing_new.state(), settled);
}

/// Changes the rows; gives those that are hidden.
fn change(workspace: &Workspace, step: &Step, ahead: i64) -> Vec<(&'static str, String)> {
    let mut late = Vec::new();
    let now = || now() + ahead;
    for id in workspace.ids("conversations").iter().take(step.poisoned) {
        let path = format!("/conversations/{id}");
        workspace.inject(Fault::status(&path, When::Always, 500));
    }
    workspace.change(|data| {
        for stream in ROWS {
            let ids: Vec<String> = data.ids(stream).into_iter().collect();
            for id in ids.iter().step_by(3).take(step.deleted) {
                data.delete(stream, id);
            }
            for id in ids.iter().skip(1).step_by(3).take(step.touched) {
                data.touch(stream, id, now());
            }
            for id in ids.iter().skip(2).step_by(3).take(step.in_place) {
                let updated_at = now() - step.age;
                // Whatever a record goes through, its `updated_at` never goes back.
                if data.updated_at(stream, id) < updated_at {
                    data.touch_in_place(stream, id, updated_at);
                }
            }
            for _ in 0..step.added {
                data.add(stream, now() - step.age);
            }
            for _ in 0..step.late {
                let id = data.add(stream, now() - step.age);
                data.hide(stream, &id);
                late.push((stream, id));
            }
        }
    });
    late
}

/// The rows' streams are selected, and nothing else.
fn catalog_of_parents() -> Value {
    let stream = |name| {
        json!({
            "tap_stream_id": name,
            "stream": name,
            "schema": null,
            "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
        })
    };
    json!({"streams": ROWS.map(stream)})
}

/// The run as if it had been killed after so many lines, in the middle of the next one.
fn cut(run: &Run, thousandths: usize) -> Run {
    let lines = run.stdout.lines().count() * thousandths / 1000;
    let mut kept: String = run.stdout.split_inclusive('\n').take(lines).collect();
    kept += "{\"type\":\"REC";
    Run::of_stdout(kept)
}

/// The bookmark of a run that is still going on never passes what it has yet to emit.
#[test]
fn no_state_passes_what_comes_after_it() {
    let workspace = Workspace::start(Settings {
        contacts: 150,
        conversations: 60,
        calls: 90,
        articles: 90,
        same_second_rows: 40,
        ..Settings::default()
    });
    let tap = Tap::of(&workspace)
        .set("page_size", 20)
        .set("state_interval_seconds", 0)
        .streams(&ROWS);
    let run = tap.run().ok();
    let states: Vec<usize> = run
        .stdout
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with(r#"{"type":"STATE""#))
        .map(|(number, _)| number)
        .collect();
    assert!(states.len() > 20, "{}", states.len());
    crate::harness::side_by_side(states, |number| {
        let kept: String = run.stdout.split_inclusive('\n').take(number + 1).collect();
        let before = Run::of_stdout(kept);
        let state: Value = before.state();
        let after = tap.run_from(&state).ok();
        for stream in INCREMENTAL {
            let expected = existing(&workspace, stream);
            assert_covers(stream, &expected, &union([&before, &after], stream));
        }
    });
}
