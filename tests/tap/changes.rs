//! Rows that are updated, added, deleted or indexed late while they are being read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::harness::{
    INCREMENTAL, Ids, Tap, assert_covers, assert_latest, assert_latest_of, assert_same,
    assert_whole, side_by_side, union,
};
use simulators::workspace::{
    CallTimestamps, Churn, CursorKind, Data, Dates, Fault, Settings, When, Workspace, now,
};

const PAGE_SIZE: u32 = 20;
const ROWS: [&str; 4] = ["contacts", "conversations", "calls", "articles"];

fn settings() -> Settings {
    Settings {
        contacts: 400,
        conversations: 120,
        calls: 300,
        articles: 300,
        collections: 300,
        call_timestamps: CallTimestamps::Integer,
        ..Settings::default()
    }
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("page_size", PAGE_SIZE)
        .set("calls_overlap_pages", 2)
        .set("articles_overlap_pages", 1)
}

/// What each request for a page does to the rows.
fn churns() -> Vec<Churn> {
    let churn = |touches, inserts, deletes| Churn {
        touches,
        inserts,
        deletes,
    };
    vec![
        churn(5, 0, 0),
        churn(0, 5, 0),
        churn(0, 0, 3),
        churn(3, 2, 1),
        churn(0, 2, 2),
        churn(40, 10, 10),
    ]
}

#[test]
fn what_changes_during_a_read_is_whole_after_the_next_run() {
    let cases = churns()
        .into_iter()
        .flat_map(|churn| [(churn, 400, Dates::WholeDay), (churn, 3, Dates::Exact)]);
    side_by_side(cases, |(churn, spread_days, dates)| {
        let workspace = Workspace::start(Settings {
            spread_days,
            dates,
            churn,
            jitter: Duration::from_millis(20),
            ..settings()
        });
        let before: Vec<Ids> = ROWS.iter().map(|stream| workspace.ids(stream)).collect();
        let first = tap(&workspace).run().ok();
        let after: Vec<Ids> = ROWS.iter().map(|stream| workspace.ids(stream)).collect();
        workspace.adjust(|settings| settings.churn = Churn::default());
        let second = tap(&workspace).run_from(&first.state()).ok();
        for ((stream, before), after) in ROWS.iter().zip(&before).zip(&after) {
            let throughout = before & after;
            assert_covers(stream, &throughout, &union([&first, &second], stream));
        }
        assert_latest(&workspace, [&first, &second]);
        assert_covers(
            "conversation_parts",
            &workspace.ids("conversation_parts"),
            &union([&first, &second], "conversation_parts"),
        );
        let third = tap(&workspace).run_from(&second.state()).ok();
        for stream in INCREMENTAL {
            assert_eq!(third.ids(stream), Ids::new(), "{stream}");
        }
    });
}

#[test]
fn what_changes_during_an_incremental_read_is_whole_after_the_next_run() {
    side_by_side(churns(), |churn| {
        let workspace = Workspace::start(settings());
        let mut runs = vec![tap(&workspace).run().ok()];
        workspace.adjust(|settings| settings.churn = churn);
        for _ in 0..3 {
            runs.push(tap(&workspace).run_from(&runs.last().unwrap().state()).ok());
        }
        workspace.adjust(|settings| settings.churn = Churn::default());
        runs.push(tap(&workspace).run_from(&runs.last().unwrap().state()).ok());
        for stream in ROWS {
            assert_covers(stream, &workspace.ids(stream), &union(&runs, stream));
        }
        assert_latest(&workspace, &runs);
    });
}

#[test]
fn a_full_table_read_misses_nothing_that_a_deletion_pulls_forward() {
    let workspace = Workspace::start(settings());
    let before = workspace.ids("collections");
    workspace.adjust(|settings| {
        settings.churn = Churn {
            touches: 2,
            inserts: 0,
            deletes: 2,
        };
        settings.repeated_collections_every = 7;
    });
    let run = tap(&workspace).streams(&["collections"]).run().ok();
    let throughout = &before & &workspace.ids("collections");
    assert!(
        (200..290).contains(&throughout.len()),
        "{}",
        throughout.len()
    );
    assert_covers("collections", &throughout, &run.ids("collections"));
    assert_eq!(run.repeated("collections"), 0);
}

/// Rows go with nearly every request, so that totals fall from page to page for as long as a list is read.
#[test]
fn numbered_lists_are_whole_though_rows_go_with_every_request() {
    let cases = [
        ("articles", 1),
        ("calls", 1),
        ("collections", 1),
        ("articles", 4),
    ];
    side_by_side(cases, |(stream, deletes)| {
        let workspace = Workspace::start(Settings {
            calls: 1_400,
            articles: 1_400,
            collections: 1_400,
            ..settings()
        });
        let before = workspace.ids(stream);
        workspace.adjust(|settings| settings.churn.deletes = deletes);
        let run = Tap::of(&workspace).streams(&[stream]).run().ok();
        let throughout = &before & &workspace.ids(stream);
        assert!(throughout.len() < before.len() - 20, "{}", throughout.len());
        assert_covers(stream, &throughout, &run.ids(stream));
        assert!(!run.stderr.contains("no longer taken"), "{}", run.stderr);
    });
}

/// A deletion makes reading step back to the first page, where a row emitted before has changed.
#[test]
fn a_row_met_again_in_a_new_version_is_emitted_again() {
    for stream in ["articles", "calls"] {
        let workspace = Workspace::start(settings());
        let tap = tap(&workspace).streams(&[stream]);
        let newest = newest(&workspace, stream);
        let (touched, deleted) = (newest[3].clone(), newest[5].clone());
        let touch_and_delete = move |data: &mut Data| {
            data.touch(stream, &touched, now());
            data.delete(stream, &deleted);
        };
        workspace.on_request(&format!("/{stream}"), 2, touch_and_delete);
        let first = tap.run().ok();
        let second = tap.run_from(&first.state()).ok();
        let whole = [&first, &second];
        assert_latest_of(&workspace, whole, stream);
        assert_covers(stream, &workspace.ids(stream), &union(whole, stream));
    }
}

/// Pages are asked for at once: one that fails at first is answered after those behind it, and holds new
/// versions of their rows then.
#[test]
fn an_answer_that_came_before_brings_no_older_version_behind_a_newer_one() {
    const PAGES: u64 = 300 / 25;
    for stream in ["articles", "calls"] {
        let workspace = Workspace::start(settings());
        let touched = newest(&workspace, stream).split_off(240);
        let touch = move |data: &mut Data| {
            for id in &touched {
                data.touch(stream, id, now());
            }
        };
        workspace.inject(Fault::status(&format!("/{stream}"), When::Nth(1), 503).page(2));
        workspace.on_request(&format!("/{stream}"), PAGES + 1, touch);
        let tap = tap(&workspace).streams(&[stream]);
        let first = tap.run().ok();
        let mut emitted = BTreeMap::new();
        for record in first.of_stream(stream) {
            let updated_at = record.value()["updated_at"].as_i64();
            assert!(emitted.insert(&record.id, updated_at) <= Some(updated_at));
        }
        let second = tap.run_from(&first.state()).ok();
        assert_latest_of(&workspace, [&first, &second], stream);
    }
}

/// Every page was updated within the look-back, so that a resumed run meets nothing but rows that it
/// knows on the pages it reads again.
#[test]
fn an_interrupted_read_of_numbered_pages_goes_on_to_its_end() {
    side_by_side(["articles", "calls"], |stream| {
        let workspace = Workspace::start(settings());
        let tap = tap(&workspace).streams(&[stream]);
        let first = tap.run().ok();
        for id in workspace.ids(stream) {
            workspace.touch(stream, &id, now());
        }
        workspace.inject(Fault::status(&format!("/{stream}"), When::Nth(1), 500).page(9));
        let tap = tap.set("max_attempts", 1);
        let second = tap.run_from(&first.state()).exited(1);
        assert_eq!(second.ids(stream).len(), 8 * 25);
        let third = tap.run_from(&second.state()).ok();
        assert_latest_of(&workspace, [&second, &third], stream);
        let repeated = &second.ids(stream) & &third.ids(stream);
        assert!(repeated.len() <= 2 * 25);
    });
}

fn newest(workspace: &Workspace, stream: &str) -> Vec<String> {
    let mut ids: Vec<String> = workspace.ids(stream).into_iter().collect();
    ids.sort_by_key(|id| std::cmp::Reverse(workspace.updated_at(stream, id)));
    ids
}

#[test]
fn a_record_indexed_late_is_there_after_the_next_run() {
    side_by_side(ROWS, |stream| {
        let workspace = Workspace::start(settings());
        let tap = tap(&workspace).streams(&[stream]);
        // One older than what was read, others between the two runs.
        let late: Vec<String> = [590, 300, 10, 1]
            .map(|seconds| workspace.add(stream, now() - seconds))
            .into();
        for id in &late {
            workspace.hide(stream, id);
        }
        // What is newer is read first.
        workspace.add(stream, now());
        let first = tap.run().ok();
        for id in &late {
            workspace.reveal(stream, id);
        }
        let second = tap.run_from(&first.state()).ok();
        assert_same(stream, &late.into_iter().collect(), &second.ids(stream));
        assert_whole(&workspace, [&first, &second], &[stream]);
    });
}

/// The run that goes on asks for nothing below the page where the first stopped; the one after that
/// looks back there.
#[test]
fn a_broken_run_does_not_make_a_later_one_repeat_its_look_back() {
    let workspace = Workspace::start(settings());
    for seconds in 0..60 {
        workspace.add("conversations", now() - 1150 + seconds * 18);
    }
    let tap = tap(&workspace)
        .streams(&["conversations"])
        .set("concurrency", 1)
        .set("max_attempts", 1);
    let from_the_eighth_page = When::Between(8, u64::MAX);
    let breaks_down = Fault::status("/conversations/search", from_the_eighth_page, 500);
    workspace.inject(breaks_down);
    let first = tap.run().exited(1);
    workspace.clear_faults();
    let second = tap.run_from(&first.state()).ok();
    assert_whole(&workspace, [&first, &second], &["conversations"]);
    assert!(
        first
            .ids("conversations")
            .is_disjoint(&second.ids("conversations"))
    );
    let third = tap.run_from(&second.state()).ok();
    assert_same("conversations", &Ids::new(), &third.ids("conversations"));
}

/// Read between two changes that leave the same `updated_at`.
#[test]
fn a_second_change_within_one_second_is_not_taken_for_the_first() {
    let workspace = Workspace::start(settings());
    let tap = tap(&workspace).streams(&["conversations"]);
    let at = now() - 5;
    let added: Ids = (0..5).map(|_| workspace.add("conversations", at)).collect();
    let first = tap.run().ok();
    // Not every conversation says how many parts it has.
    let says = |json: &str| json.contains("count_conversation_parts");
    let (id, parts) = first
        .of_stream("conversations")
        .find(|record| added.contains(&record.id) && says(&record.json))
        .map(|record| {
            workspace.change(|data| {
                data.set_parts(&record.id, 9);
                (record.id.clone(), data.part_ids_of(&record.id))
            })
        })
        .unwrap();
    let second = tap.run_from(&first.state()).ok();
    assert_same("conversations", &[id].into(), &second.ids("conversations"));
    assert_same(
        "conversation_parts",
        &parts,
        &second.ids("conversation_parts"),
    );
}

#[test]
fn hundreds_of_rows_of_one_second_across_pages_are_all_there() {
    let cases = [
        (CursorKind::SearchAfter, false),
        (CursorKind::SearchAfter, true),
        (CursorKind::Offset, false),
    ];
    side_by_side(cases, |(cursors, inclusive_bounds)| {
        let workspace = Workspace::start(Settings {
            same_second_rows: 150,
            cursors,
            inclusive_bounds,
            ..settings()
        });
        let tap = tap(&workspace);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &INCREMENTAL);
        assert_eq!(
            first.repeated("contacts") + first.repeated("conversations"),
            0
        );

        // Hundreds more, in the second of the newest, some of them seen before and some not.
        let second = now();
        let mut runs = vec![first];
        for _ in 0..2 {
            for stream in ["contacts", "conversations"] {
                for _ in 0..70 {
                    workspace.add(stream, second);
                }
            }
            let last = runs.last().unwrap().state();
            runs.push(tap.run_from(&last).ok());
        }
        assert_whole(&workspace, &runs, &INCREMENTAL);
        assert_eq!(runs[2].ids("contacts").len(), 70);
    });
}

#[test]
fn endless_changes_to_conversations_do_not_keep_a_run_going_for_ever() {
    let workspace = Workspace::start(Settings {
        churn: Churn {
            touches: 60,
            inserts: 2,
            deletes: 0,
        },
        ..settings()
    });
    let before = workspace.ids("conversations");
    let tap = tap(&workspace).streams(&["conversations"]);
    let started = Instant::now();
    let first = tap.run().ok();
    assert!(started.elapsed() < Duration::from_mins(1));
    let second = tap.run_from(&first.state()).ok();
    assert!(started.elapsed() < Duration::from_mins(2));
    assert_covers(
        "conversations",
        &before,
        &union([&first, &second], "conversations"),
    );
}

#[test]
fn calls_out_of_place_are_found_within_the_overlap() {
    let workspace = Workspace::start(Settings {
        calls: 1500,
        displaced_calls_every: 10,
        displaced_calls_pages: 4,
        ..settings()
    });
    let tap = tap(&workspace)
        .streams(&["calls"])
        .set("calls_overlap_pages", 6);
    let first = tap.run().ok();
    assert_whole(&workspace, [&first], &["calls", "call_transcriptions"]);
    let mut changed = Ids::new();
    for id in newest(&workspace, "calls").into_iter().step_by(60) {
        workspace.touch("calls", &id, now());
        changed.insert(id);
    }
    workspace.clear_requests();
    let second = tap.run_from(&first.state()).ok();
    assert_same("calls", &changed, &second.ids("calls"));
    assert!(workspace.count("/calls") <= 16);
}
