//! The state objects: what they hold, what `--read-state` makes of them, and torn ones.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Target, record, schema, state};

#[test]
fn state_bytes_pass_through_to_stdout() {
    let target = Target::local();
    let value = r#"{ "bookmarks":{"s":{"n":1.10,"big":123456789012345678901234567890}} }"#;
    let run = target.run(format!("{{\"type\":\"STATE\",\"value\":{value}}}\n"));
    assert_eq!(run.succeeded(), [value]);
    let back = target.read_state(&[]);
    assert_eq!(
        back.succeeded(),
        [r#"{"bookmarks":{"s":{"n":1.10,"big":123456789012345678901234567890}}}"#]
    );
}

#[test]
fn a_run_with_nothing_new_changes_nothing() {
    let target = Target::local();
    let first = schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 }));
    target.run(first).succeeded();
    let path = target.lake().join("_intercom_state/s_state.json");
    // Written by hand, the same value in other words: it is not replaced either.
    fs::write(&path, r#"{"bookmarks": {"s": {"at": 1}}}"#).unwrap();
    let before = target.files();
    let run = target.run(schema("s") + &state("s", json!({ "at": 1 })));
    assert_eq!(run.succeeded(), [r#"{"bookmarks":{"s":{"at":1}}}"#]);
    assert_eq!(target.files(), before);
}

#[test]
fn empty_states_write_nothing() {
    for value in [
        json!({}),
        json!({ "bookmarks": {} }),
        json!(null),
        json!({ "bookmarks": null }),
    ] {
        let target = Target::local();
        let line = json!({ "type": "STATE", "value": value });
        let run = target.run(format!("{line}\n"));
        assert_eq!(run.succeeded(), [value.to_string()]);
        assert!(target.files().is_empty(), "{value}");
    }
}

#[test]
fn keys_beside_the_bookmarks_come_back() {
    let target = Target::local();
    let value = json!({
        "currently_syncing": "users", "value_version": 3,
        "bookmarks": { "users": { "at": 1 }, "teams": { "at": 2 } },
    });
    target
        .run(format!("{}\n", json!({ "type": "STATE", "value": value })))
        .succeeded();
    let names: Vec<String> = target.files().into_keys().collect();
    assert_eq!(
        names,
        [
            "_intercom_state/@tap_state.json",
            "_intercom_state/teams_state.json",
            "_intercom_state/users_state.json",
        ]
    );
    let all: Value = serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap();
    assert_eq!(
        all,
        json!({ "value_version": 3, "bookmarks": { "users": { "at": 1 }, "teams": { "at": 2 } } })
    );
    let one: Value =
        serde_json::from_str(target.read_state(&["--stream", "teams"]).succeeded()[0]).unwrap();
    assert_eq!(
        one,
        json!({ "value_version": 3, "bookmarks": { "teams": { "at": 2 } } })
    );
}

#[test]
fn no_state_reads_as_an_empty_one() {
    assert_eq!(Target::local().read_state(&[]).succeeded(), ["{}"]);
}

#[test]
fn a_torn_state_object_is_an_error() {
    for torn in [
        "",
        "{\"bookmarks\":{\"s\"",
        "[]",
        "{\"other\":1}",
        "{\"bookmarks\":7}",
    ] {
        let target = Target::local();
        let input =
            schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 }));
        target.run(&input).succeeded();
        fs::write(target.lake().join("_intercom_state/s_state.json"), torn).unwrap();
        let before = target.files();
        let read = target.read_state(&[]);
        assert!(
            read.failed(1)
                .contains("_intercom_state/s_state.json is no Singer state"),
            "{torn}"
        );
        assert_eq!(read.stdout, "");
        // A load does not paper over it, and leaves no data that would come again.
        let load = target.run(&input);
        assert!(load.failed(1).contains("is no Singer state"), "{torn}");
        assert_eq!(target.files(), before, "{torn}");
    }
}

#[test]
fn a_slip_of_the_pen_is_no_stream_without_a_state() {
    let target = Target::local();
    let mut input = String::new();
    for stream in ["contacts", "conversations"] {
        input += &schema(stream);
        input += &record(stream, json!({ "id": 1 }));
    }
    let value = json!({ "bookmarks": { "contacts": { "at": 1 }, "conversations": { "at": 2 } } });
    input += &format!("{}\n", json!({ "type": "STATE", "value": value }));
    target.run(&input).succeeded();
    let slip = target.read_state(&["--stream", "contcts"]);
    let told = slip.failed(2);
    assert!(
        told.starts_with("no state is stored of a stream contcts\nhint: did you mean contacts?"),
        "{told}"
    );
    assert!(
        told.ends_with("states are stored of contacts, conversations"),
        "{told}"
    );
    assert_eq!(slip.stdout, "");
    // The first run of another stream has nothing to go on from, and that is no fault.
    let first = target.read_state(&["--stream", "calls,contacts"]);
    assert_eq!(
        first.succeeded(),
        [r#"{"bookmarks":{"contacts":{"at":1}}}"#]
    );
    assert!(
        first
            .stderr
            .contains("no state is stored of calls yet; states are stored of contacts"),
        "{}",
        first.stderr
    );
}

#[test]
fn a_stream_with_a_leading_dot_has_its_bookmark_where_an_earlier_version_left_it() {
    let target = Target::local();
    let folder = target.lake().join("_intercom_state");
    fs::create_dir_all(&folder).unwrap();
    let old = folder.join(".s_state.json");
    fs::write(&old, r#"{"bookmarks":{".s":{"at":1}}}"#).unwrap();
    let read = |expected: u64| {
        let state: Value = serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap();
        assert_eq!(state, json!({ "bookmarks": { ".s": { "at": expected } } }));
    };
    read(1);
    let input = |at: u64| {
        schema(".s") + &record(".s", json!({ "id": 1 })) + &state(".s", json!({ "at": at }))
    };
    target.run(input(2)).succeeded();
    read(2);
    target.run(input(3)).succeeded();
    read(3);
    let content = fs::read_to_string(folder.join("%2Es_state.json")).unwrap();
    assert!(content.contains("\"at\": 3"), "{content}");
    let content = fs::read_to_string(old).unwrap();
    assert_eq!(content, r#"{"bookmarks":{".s":{"at":1}}}"#);
}
