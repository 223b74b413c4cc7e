//! States of all kinds of taps, and several taps in one destination: what a run has moved is stored,
//! what it merely repeats never rolls back what another one has stored.

use serde_json::{Value, json};
use simulators::gcs::Gcs;

use crate::harness::{Target, cases, record, schema};

/// What one run of a tap says: records of `streams`, then its only STATE.
fn one_state(streams: &[&str], value: &Value) -> String {
    let mut input = String::new();
    for stream in streams {
        input += &schema(stream);
        input += &record(stream, json!({ "id": 1 }));
    }
    input + &format!("{}\n", json!({ "type": "STATE", "value": value }))
}

fn bookmarks(bookmarks: &Value) -> Value {
    json!({ "bookmarks": bookmarks })
}

fn stored(target: &Target) -> Value {
    serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap()
}

/// Runs one after the other, each of these streams and with this only STATE.
#[track_caller]
fn assert_after(runs: &[(&[&str], Value)], expected: &Value) {
    let target = Target::local();
    for (streams, state) in runs {
        target.run(one_state(streams, state)).succeeded();
    }
    assert_eq!(stored(&target), *expected);
}

#[test]
fn a_bookmark_of_another_name_moves_with_the_only_state_of_each_run() {
    let named = |value: Value| bookmarks(&json!({ "users": value }));
    for values in [
        [json!(1), json!(2), json!(3)],
        [
            json!({"at": "2024-01-31T00:00:00Z"}),
            json!({"at": "2024-02-01T00:00:00Z"}),
            json!({"at": "2025-01-01T00:00:00Z"}),
        ],
        // Of cursors nobody knows which is further.
        [json!("c-9"), json!("c-1"), json!("b-7")],
        [
            json!({"page": 9, "at": 1}),
            json!({"page": 1, "at": 2}),
            json!({"page": 1, "at": 3}),
        ],
    ] {
        let runs = values.clone().map(|value| (&["people"][..], named(value)));
        assert_after(&runs, &named(values[2].clone()));
    }
}

#[test]
fn recorded_runs_of_a_tap_that_names_bookmarks_otherwise() {
    let target = Target::local();
    for run in 1..=3 {
        let Some(input) = cases(&format!("16_alias_run{run}.singer")) else {
            return;
        };
        target.run(input).succeeded();
        assert_eq!(
            stored(&target)["bookmarks"]["users"]["replication_key_value"],
            run
        );
    }
}

#[test]
fn a_child_read_alone_stores_what_its_parent_s_bookmark_has_become() {
    // The bookmark moved before the run's first STATE, and no SCHEMA is named for it.
    let run = |at: u32| {
        (
            &["segments"][..],
            bookmarks(&json!({ "companies": { "at": at } })),
        )
    };
    assert_after(&[run(5), run(10), run(15)], &run(15).1);
}

#[test]
fn what_is_merely_repeated_rolls_nothing_back() {
    let given = json!({ "a": { "at": 1 }, "b": { "at": 1 }, "c": { "at": 1 } });
    let of = |stream: &'static [&'static str], at: u32| {
        let mut state = given.clone();
        for stream in stream {
            state[stream] = json!({ "at": at });
        }
        (stream, bookmarks(&state))
    };
    let expected = json!({ "a": { "at": 5 }, "b": { "at": 6 }, "c": { "at": 7 } });
    // One after the other with one state for all of them, and with one of a stream that has no
    // bookmark at all in between.
    let full_table: (&[&str], Value) = (&["tags"], bookmarks(&given));
    assert_after(
        &[
            (&[], bookmarks(&given)),
            of(&["a"], 5),
            of(&["b"], 6),
            full_table.clone(),
            of(&["c"], 7),
            full_table,
        ],
        &bookmarks(&expected),
    );
}

#[test]
fn a_bookmark_set_back_by_hand_stays_so_whatever_other_streams_runs_repeat() {
    let target = Target::local();
    let state = |a: u32, b: u32| bookmarks(&json!({ "a": { "at": a }, "b": { "at": b } }));
    target.run(one_state(&["a", "b"], &state(9, 9))).succeeded();
    std::fs::write(
        target.lake().join("_intercom_state/a_state.json"),
        r#"{"bookmarks":{"a":{"at":3}}}"#,
    )
    .unwrap();
    // Its tap was given the state from before that.
    target.run(one_state(&["b"], &state(9, 10))).succeeded();
    assert_eq!(stored(&target), state(3, 10));
}

#[test]
fn flat_states_of_two_taps_stand_side_by_side() {
    let users = |at: &str| (&["users"][..], json!({ "users": at, "version": 1 }));
    let orders = |at: u32| (&["orders"][..], json!({ "orders": { "at": at } }));
    assert_after(
        &[
            users("2024-01-01"),
            orders(1),
            users("2024-01-02"),
            orders(2),
        ],
        &json!({ "users": "2024-01-02", "version": 1, "orders": { "at": 2 } }),
    );
    // Of one tap whose runs were given one state.
    let given = json!({ "users": 1, "orders": 1 });
    assert_after(
        &[
            (&[], given),
            (&["users"], json!({ "users": 5, "orders": 1 })),
            (&["orders"], json!({ "users": 1, "orders": 6 })),
        ],
        &json!({ "users": 5, "orders": 6 }),
    );
}

#[test]
fn a_key_that_a_tap_has_given_up_goes_and_others_stay() {
    let target = Target::local();
    target
        .run(one_state(&[], &json!({ "theirs": 1 })))
        .succeeded();
    let with = one_state(&["s"], &json!({ "offset": 5 }));
    let without = one_state(&["s"], &json!({ "done": true }));
    target.run(with + &without).succeeded();
    assert_eq!(stored(&target), json!({ "theirs": 1, "done": true }));
}

#[test]
fn top_level_keys_move_with_the_only_state_of_each_run() {
    let run = |at: u32, day: &str| {
        let state = json!({ "bookmarks": { "s": at }, "last_run": day, "current_stream": "s" });
        (&["s"][..], state)
    };
    assert_after(
        &[run(1, "2024-01-01"), run(2, "2024-01-02")],
        &run(2, "2024-01-02").1,
    );
}

/// Three runs side by side, of different streams, whose taps were given the same state and keep
/// top-level keys of their own and in common.
fn three_side_by_side(target: &Target, given: Option<&Value>) {
    if let Some(given) = given {
        target.run(one_state(&[], given)).succeeded();
    }
    let names = ["a", "b", "c"];
    let children = names.map(|_| target.start());
    std::thread::scope(|scope| {
        for (number, (stream, mut run)) in names.into_iter().zip(children).enumerate() {
            scope.spawn(move || {
                let mut state = given.cloned().unwrap_or(json!({ "bookmarks": {} }));
                let before = format!("{}\n", json!({ "type": "STATE", "value": state }));
                state["bookmarks"][stream] = json!({ "at": number + 5 });
                state["current_stream"] = json!(stream);
                state[format!("key of {stream}")] = json!(number);
                run.feed(&(before + &one_state(&[stream], &state)));
                run.end().succeeded();
            });
        }
    });
    let mut found = stored(target);
    let current = found.as_object_mut().unwrap().remove("current_stream");
    assert!(names.map(Value::from).contains(&current.unwrap()));
    assert_eq!(
        found,
        json!({
            "key of a": 0, "key of b": 1, "key of c": 2,
            "bookmarks": { "a": { "at": 5 }, "b": { "at": 6 }, "c": { "at": 7 } },
        })
    );
}

#[test]
fn runs_of_different_streams_share_the_top_level_keys() {
    let given = json!({ "bookmarks": { "a": { "at": 1 }, "b": { "at": 1 }, "c": { "at": 1 } } });
    for given in [None, Some(&given)] {
        three_side_by_side(&Target::local(), given);
        let service = Gcs::start("lake");
        three_side_by_side(&Target::gcs(&service), given);
    }
}

#[test]
fn recorded_runs_side_by_side() {
    let Some(first) = cases("13_parallel_a.singer") else {
        return;
    };
    let second = cases("13_parallel_b.singer").unwrap();
    let service = Gcs::start("lake");
    for target in [Target::local(), Target::gcs(&service)] {
        let runs = [target.start(), target.start()];
        std::thread::scope(|scope| {
            for (mut run, input) in runs.into_iter().zip([&first, &second]) {
                scope.spawn(move || {
                    run.feed(input);
                    run.end().succeeded().len()
                });
            }
        });
        let found = stored(&target);
        assert_eq!(
            found["bookmarks"],
            json!({ "a": { "x": 1 }, "b": { "x": 1 } })
        );
    }
}

#[test]
fn states_beside_the_streams_are_found_without_listing_the_lake() {
    let service = Gcs::start("lake");
    let stretched = "x".repeat(600);
    for template in [
        "{stream}/state.json",
        "{stream}_state.json",
        "{stream}/{stream}/s.json",
    ] {
        let local = Target::local();
        let bucket =
            Target::gcs(&service).with("destination", format!("gs://lake/{}", template.len()));
        for target in [local, bucket] {
            let target = target.with("state_path_template", template);
            let state = bookmarks(&json!({ "a": 1, "b c": 2, &stretched: 3 }));
            target
                .run(one_state(&["a", "b c", &stretched], &state))
                .succeeded();
            let before = service.log().len();
            assert_eq!(stored(&target), state, "{template}");
            // No request looks into the folders of data.
            let log = service.log();
            let listings = log[before..]
                .iter()
                .filter(|request| request.kind == simulators::gcs::Kind::List);
            assert!(listings.count() <= 1, "{template}");
        }
    }
}
