//! Several targets on one destination: nobody's file is overwritten, nobody's state is rolled back,
//! and runs of different streams leave each other alone.

use serde_json::{Value, json};

use crate::harness::{Target, data_by_stream, files_in, record, schema};
use simulators::gcs::Gcs;

/// A STATE line with many bookmarks.
fn states(bookmarks: &Value) -> String {
    let line = json!({ "type": "STATE", "value": { "bookmarks": bookmarks } });
    format!("{line}\n")
}

/// A run of one stream by a tap that was given the bookmarks of several.
fn run_of(stream: &str, given: &Value, at: u32) -> String {
    let mut bookmarks = given.clone();
    let before = states(&bookmarks);
    bookmarks[stream] = json!({ "at": at });
    before + &schema(stream) + &record(stream, json!({ "id": at })) + &states(&bookmarks)
}

#[track_caller]
fn assert_state(target: &Target, bookmarks: &Value) {
    let state: Value = serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap();
    assert_eq!(state["bookmarks"], *bookmarks);
}

#[test]
fn a_repeated_bookmark_does_not_roll_another_stream_back() {
    let target = Target::local();
    let given = json!({ "a": { "at": 1 }, "b": { "at": 1 } });
    target.run(run_of("b", &given, 1)).succeeded();
    assert_state(&target, &given);
    // A run of b moves on; then comes one of a whose tap was given the state from before it.
    target.run(run_of("b", &given, 9)).succeeded();
    let run = target.run(run_of("a", &given, 2));
    // Singer's contract: stdout has the STATE as it came.
    let last: Value = serde_json::from_str(run.succeeded()[0]).unwrap();
    assert_eq!(
        last["bookmarks"],
        json!({ "a": { "at": 2 }, "b": { "at": 1 } })
    );
    assert!(
        run.stderr.contains("b_state.json stays as it is"),
        "{}",
        run.stderr
    );
    assert_state(&target, &json!({ "a": { "at": 2 }, "b": { "at": 9 } }));
}

#[test]
fn a_bookmark_that_moves_counts_whatever_it_is_called() {
    // Some taps name bookmarks otherwise than streams.
    let target = Target::local();
    let input = |from: u32, to: u32| {
        states(&json!({ "public-users": { "at": from } }))
            + &schema("users")
            + &record("users", json!({ "id": to }))
            + &states(&json!({ "public-users": { "at": to } }))
    };
    target.run(input(0, 1)).succeeded();
    target.run(input(1, 2)).succeeded();
    assert_state(&target, &json!({ "public-users": { "at": 2 } }));
}

#[test]
fn a_stream_may_be_read_again_from_an_older_bookmark() {
    let target = Target::local();
    target.run(run_of("a", &json!({}), 9)).succeeded();
    target.run(run_of("a", &json!({}), 3)).succeeded();
    assert_state(&target, &json!({ "a": { "at": 3 } }));
}

/// Two runs side by side, of different streams, both given the same state.
fn side_by_side(target: &Target, given: &Value) {
    let mut first = target.start();
    let mut second = target.start();
    first.feed(&run_of("a", given, 5));
    first.end().succeeded();
    second.feed(&run_of("b", given, 6));
    second.end().succeeded();
    assert_state(target, &json!({ "a": { "at": 5 }, "b": { "at": 6 } }));
}

#[test]
fn runs_of_different_streams_leave_each_other_alone() {
    let given = json!({ "a": { "at": 1 }, "b": { "at": 1 } });
    // Where there are no state objects yet, each run finds that the other has just made both.
    side_by_side(&Target::local(), &given);
    let service = Gcs::start("lake");
    side_by_side(&Target::gcs(&service), &given);

    let target = Target::local();
    target.run(states(&given)).succeeded();
    side_by_side(&target, &given);
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    target.run(states(&given)).succeeded();
    side_by_side(&target, &given);
}

#[test]
fn of_two_runs_of_a_stream_the_later_one_fails_and_says_so() {
    let service = Gcs::start("lake");
    for (target, service) in [
        (Target::local(), None),
        (Target::gcs(&service), Some(&service)),
    ] {
        for at in [1, 11] {
            let mut first = target.start();
            let mut second = target.start();
            first.feed(&run_of("a", &json!({}), at));
            first.end().succeeded();
            second.feed(&run_of("a", &json!({}), at + 1));
            let run = second.end();
            let message = run.failed(1);
            assert!(
                message.contains("a_state.json was changed by another run"),
                "{message}"
            );
            assert!(
                message.contains("hint: two runs write the same streams"),
                "{message}"
            );
            assert_eq!(run.stdout, "");
            assert_state(&target, &json!({ "a": { "at": at } }));
        }
        // Neither has overwritten the other's files.
        let files = service.map_or_else(|| target.files(), Gcs::objects);
        let mut rows: Vec<String> = data_by_stream(&files)["a"]
            .lines()
            .map(str::to_owned)
            .collect();
        rows.sort();
        assert_eq!(
            rows,
            ["{\"id\":11}", "{\"id\":12}", "{\"id\":1}", "{\"id\":2}"]
        );
    }
}

#[test]
fn many_targets_at_once_lose_no_row() {
    let lake = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..6_u32 {
            let destination = lake.path().to_str().unwrap();
            scope.spawn(move || {
                // The same stream in all of them, and no state to fight about.
                let mut input = schema("s");
                for row in 0..300 {
                    input += &record("s", json!({ "id": 1000 * number + row }));
                }
                let target = Target::local().with("destination", destination);
                target.with("max_file_bytes", 50).run(input).succeeded();
            });
        }
    });
    let data = data_by_stream(&files_in(lake.path()));
    let mut rows: Vec<&str> = data["s"].lines().collect();
    assert_eq!(rows.len(), 1800);
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 1800);
}
