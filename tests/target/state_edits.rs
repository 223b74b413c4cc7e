//! `--reset` and `--write-state`: states changed by hand.

use std::fs;

use serde_json::{Value, json};
use simulators::gcs::{Fault, Gcs, Kind};

use crate::harness::{Run, Target, record, schema};

fn run(target: &Target, arguments: &[&str]) -> Run {
    let mut command = target.command();
    command.args(arguments).output().unwrap().into()
}

fn state_of(target: &Target) -> Value {
    serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap()
}

fn load(target: &Target) {
    let state = json!({ "type": "STATE", "value": {
        "version": 3,
        "bookmarks": {
            "contacts": { "updated_at": 1_763_800_000, "covers": ["notes"], "seen": { "a": 1 } },
            "calls": { "updated_at": 1_763_800_001 },
        },
    } });
    let input = schema("contacts") + &record("contacts", json!({ "id": 1 })) + &schema("calls");
    target.run(format!("{input}{state}\n")).succeeded();
}

#[test]
fn a_bookmark_is_taken_away_or_set_and_what_changes_is_told() {
    let service = Gcs::start("lake");
    for target in [Target::local(), Target::gcs(&service)] {
        load(&target);
        let to = run(&target, &["--reset", "contacts", "--to", "2025-01-01"]);
        assert_eq!(
            to.succeeded(),
            ["contacts: 2025-11-22T08:26:40Z -> 2025-01-01T00:00:00Z"]
        );
        let bookmarks = &state_of(&target)["bookmarks"];
        let set = json!({ "updated_at": 1_735_689_600, "covers": ["notes"] });
        assert_eq!(bookmarks["contacts"], set);
        let away = run(&target, &["--reset", "contacts"]);
        assert_eq!(away.succeeded(), ["contacts: 2025-01-01T00:00:00Z -> none"]);
        let calls = json!({ "calls": { "updated_at": 1_763_800_001 } });
        assert_eq!(
            state_of(&target),
            json!({ "version": 3, "bookmarks": calls })
        );
        let again = run(&target, &["--reset", "contacts"]);
        assert_eq!(again.succeeded(), ["nothing changes"]);
        // The next run stores its own.
        load(&target);
        assert_eq!(state_of(&target)["bookmarks"]["contacts"]["seen"]["a"], 1);
        let slip = run(&target, &["--reset", "contcts"]);
        assert!(slip.failed(2).contains("did you mean contacts?"));
        for odd in ["soon", "2999-01-01"] {
            assert_eq!(
                run(&target, &["--reset", "calls", "--to", odd]).code,
                Some(2)
            );
        }
    }
}

#[test]
fn a_bookmark_is_set_where_its_tap_has_it_by_whatever_name() {
    let target = Target::local();
    let state = json!({ "type": "STATE", "value": { "bookmarks": {
        "receipts": { "received_at": 1_763_800_000, "emitted": "00" },
    } } });
    let input = schema("receipts") + &record("receipts", json!({ "id": 1 }));
    target.run(format!("{input}{state}\n")).succeeded();
    let to = run(&target, &["--reset", "receipts", "--to", "2025-01-01"]);
    to.succeeded();
    let set = json!({ "received_at": 1_735_689_600 });
    assert_eq!(state_of(&target)["bookmarks"]["receipts"], set);
}

#[test]
fn a_state_is_put_in_the_place_of_what_is_stored() {
    let target = Target::local();
    load(&target);
    let file = target.folder.path().join("state.json");
    let given = json!({
        "version": 4,
        "bookmarks": { "contacts": { "updated_at": 1_763_900_000 }, "new": { "updated_at": 5 } },
    });
    fs::write(&file, given.to_string()).unwrap();
    let path = file.to_str().unwrap();
    let written = run(&target, &["--write-state", path]);
    assert_eq!(
        written.succeeded(),
        [
            "contacts: 2025-11-22T08:26:40Z -> 2025-11-23T12:13:20Z",
            r#"new: none -> {"updated_at":5}"#,
            "version: 3 -> 4",
        ]
    );
    assert_eq!(
        state_of(&target),
        json!({ "version": 4, "bookmarks": {
            "calls": { "updated_at": 1_763_800_001 },
            "contacts": { "updated_at": 1_763_900_000 },
            "new": { "updated_at": 5 },
        } })
    );
    assert_eq!(
        run(&target, &["--write-state", path]).succeeded(),
        ["nothing changes"]
    );
    for odd in ["[]", r#"{"access_token":"x"}"#, "{"] {
        fs::write(&file, odd).unwrap();
        assert_eq!(
            run(&target, &["--write-state", path]).code,
            Some(2),
            "{odd}"
        );
    }
    assert_eq!(run(&target, &["--write-state", "missing"]).code, Some(2));
}

#[test]
fn what_a_run_has_stored_meanwhile_is_not_overwritten() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    load(&target);
    service.fail_object(1, Kind::Start, "contacts_state", 1, Fault::TakenMeanwhile);
    let reset = run(&target, &["--reset", "contacts"]);
    assert!(
        reset.failed(1).contains("was changed by another run"),
        "{}",
        reset.stderr
    );
    let objects = service.objects();
    assert_eq!(objects["_intercom_state/contacts_state.json"], b"another's");
}
