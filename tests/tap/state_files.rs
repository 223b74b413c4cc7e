//! State files of every origin, and such that can't be used.

use serde_json::{Value, json};

use crate::harness::{INCREMENTAL, Ids, STREAMS, Tap, assert_covers, assert_same, assert_whole};
use simulators::workspace::{Settings, Workspace, now};

const DAY: i64 = 86_400;

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 300,
        conversations: 50,
        calls: 60,
        articles: 60,
        collections: 10,
        ..Settings::default()
    })
}

#[test]
fn no_state_in_any_form_reads_everything() {
    let workspace = workspace();
    for text in [
        "",
        " \n",
        "null",
        "{}",
        r#"{"bookmarks":null}"#,
        r#"{"bookmarks":{}}"#,
    ] {
        let run = Tap::of(&workspace).run_from_text(text).ok();
        assert_whole(&workspace, [&run], &STREAMS);
    }
}

#[test]
fn the_state_of_another_tap_is_gone_on_from() {
    let workspace = workspace();
    let since = now() - 30 * DAY;
    let instant = chrono::DateTime::from_timestamp(since, 0).unwrap();
    let forms = [
        json!({"updated_at": instant.to_rfc3339()}),
        json!({"updated_at": instant.format("%Y-%m-%dT%H:%M:%S.000000Z").to_string()}),
        json!({"updated_at": since}),
        json!({"replication_key": "updated_at", "replication_key_value": instant.to_rfc3339()}),
        json!(instant.to_rfc3339()),
    ];
    for form in forms {
        let state = json!({
            "bookmarks": {"contacts": form, "conversations": form, "calls": form, "articles": form},
        });
        let run = Tap::of(&workspace).run_from(&state).ok();
        for stream in ["contacts", "conversations", "calls", "articles"] {
            let since = since - 600;
            let expected = workspace.read(|data| data.ids_since(stream, since));
            assert!(!expected.is_empty());
            assert_same(stream, &expected, &run.ids(stream));
        }
    }
}

#[test]
fn what_is_unknown_in_a_state_is_kept() {
    let workspace = workspace();
    let state = json!({
        "currently_syncing": "contacts",
        "bookmarks": {
            "companies": {"updated_at": "2024-01-01T00:00:00Z", "x": [1.10]},
            "contacts": {"updated_at": now() - 30 * DAY, "mark": "of another program"},
            "of_another_tap": {"updated_at": 5},
        },
    });
    let run = Tap::of(&workspace).run_from(&state).ok();
    for emitted in &run.states {
        assert_eq!(emitted["currently_syncing"], "contacts");
        for stream in ["companies", "of_another_tap"] {
            assert_eq!(emitted["bookmarks"][stream], state["bookmarks"][stream]);
        }
        assert_eq!(
            emitted["bookmarks"]["contacts"]["mark"],
            "of another program"
        );
    }
}

#[test]
fn a_whole_state_message_is_a_state_too() {
    let workspace = workspace();
    let first = Tap::of(&workspace).run().ok();
    let message = json!({"type": "STATE", "value": first.state()});
    let second = Tap::of(&workspace).run_from(&message).ok();
    assert_eq!(second.state(), first.state());
    for stream in INCREMENTAL {
        assert_eq!(second.ids(stream), Ids::new());
    }
}

#[test]
fn a_bookmark_in_the_future_is_warned_of_and_set_right() {
    let workspace = workspace();
    let future = json!({"updated_at": now() + DAY / 2});
    let state = json!({"bookmarks": {
        "contacts": future, "conversations": future, "calls": future, "articles": future,
    }});
    let recent: Vec<(&str, String)> = ["contacts", "conversations", "calls", "articles"]
        .map(|stream| (stream, workspace.add(stream, now() - 60)))
        .into();
    let run = Tap::of(&workspace).run_from(&state).ok();
    for (stream, id) in recent {
        let warning = format!("WARN the bookmark of {stream} is in the future");
        assert!(run.stderr.contains(&warning), "{}", run.stderr);
        assert_covers(stream, &[id].into(), &run.ids(stream));
        assert!(run.bookmark(stream)["updated_at"].as_i64().unwrap() <= now());
    }
}

#[test]
fn records_of_the_future_do_not_move_the_bookmark() {
    let workspace = workspace();
    for stream in ["contacts", "conversations", "calls", "articles"] {
        workspace.add(stream, now() + 5 * DAY);
    }
    let tap = Tap::of(&workspace);
    let first = tap.run().ok();
    assert_whole(&workspace, [&first], &STREAMS);
    let mut added = Vec::new();
    for stream in ["contacts", "conversations", "calls", "articles"] {
        let bookmark = first.bookmark(stream)["updated_at"].as_i64().unwrap();
        assert!(bookmark <= now() - 600, "{stream}");
        added.push((stream, workspace.add(stream, now())));
    }
    let second = tap.run_from(&first.state()).ok();
    for (stream, id) in added {
        assert_same(stream, &[id].into(), &second.ids(stream));
    }
}

#[test]
fn a_state_that_cannot_be_used_stops_the_run_before_any_request() {
    let workspace = workspace();
    let unusable = [
        "{",
        "[]",
        "7",
        r#"{"bookmarks":[]}"#,
        r#"{"bookmarks":{"articles":{"updated_at":"soon"}}}"#,
        r#"{"bookmarks":{"articles":true}}"#,
        r#"{"bookmarks":{"calls":{"resume":{"page":"two"}}}}"#,
    ];
    for text in unusable {
        let run = Tap::of(&workspace).run_from_text(text).exited(2);
        assert_eq!(run.stdout, "", "{text}");
        assert!(run.stderr.starts_with("ERROR "), "{}", run.stderr);
        assert!(run.stderr.contains("\nhint: "), "{}", run.stderr);
    }
    let missing = Tap::of(&workspace)
        .argument("--state")
        .argument("/nowhere/state.json")
        .run()
        .exited(2);
    insta::assert_snapshot!(missing.stderr, @"ERROR the state file /nowhere/state.json can't be read: No such file or directory (os error 2)");
    let soon = Tap::of(&workspace).run_from_text(unusable[4]).exited(2);
    insta::assert_snapshot!(soon.stderr, @r#"
    ERROR the bookmark of stream articles in the state can't be used: "soon" is neither epoch seconds nor a date nor an RFC 3339 instant
    hint: mend or remove `bookmarks.articles`; without it articles is read anew
    "#);
    assert_eq!(workspace.requests().len(), 0);
}

#[test]
fn start_date_bounds_streams_without_a_bookmark_only() {
    let workspace = workspace();
    let since = now() / DAY * DAY - 100 * DAY;
    let date = chrono::DateTime::from_timestamp(since, 0).unwrap();
    let bookmark = since - 100 * DAY;
    let run = Tap::of(&workspace)
        .set("start_date", date.format("%Y-%m-%d").to_string())
        .run_from(&json!({"bookmarks": {"articles": {"updated_at": bookmark}}}))
        .ok();
    for (stream, since) in [
        ("contacts", since),
        ("conversations", since),
        ("calls", since),
        ("articles", bookmark - 600),
    ] {
        let expected = workspace.read(|data| data.ids_since(stream, since));
        assert_same(stream, &expected, &run.ids(stream));
    }
    assert_whole(&workspace, [&run], &["admins", "collections"]);
    assert_ne!(run.state(), Value::Null);
}

#[test]
fn a_bookmark_that_cannot_be_is_refused_by_name() {
    let workspace = workspace();
    let milliseconds = now() * 1000;
    for (bookmark, why) in [
        (json!({"updated_at": milliseconds}), "milliseconds"),
        (json!(milliseconds.to_string()), "milliseconds"),
        (json!({"updated_at": -5}), "before 1970"),
        (json!("1969-12-31T23:00:00Z"), "before 1970"),
        (json!({"updated_at": now() + 2 * DAY}), "in the future"),
        (
            json!({"updated_at": "9999-12-31T00:00:00Z"}),
            "in the future",
        ),
        (json!({"updated_at": "soon"}), "neither epoch seconds"),
    ] {
        for stream in ["contacts", "calls", "conversation_parts"] {
            let state = json!({"bookmarks": {stream: bookmark}});
            let run = Tap::of(&workspace).run_from(&state).exited(2);
            let is_told = run.stderr.contains(why)
                && run.stderr.contains(stream)
                && run.stderr.contains("hint:");
            assert!(is_told, "{bookmark}: {}", run.stderr);
            assert_eq!(run.stdout, "");
        }
    }
    assert_eq!(workspace.total_requests(), 0);
}

#[test]
fn what_is_no_state_is_refused_with_what_to_do() {
    let workspace = workspace();
    let config = json!({"access_token": "a-secret-token", "base_url": "http://127.0.0.1:9"});
    for (text, why) in [
        (
            json!({"singer_state": {"bookmarks": {}}}).to_string(),
            "singer_state",
        ),
        (
            json!({"contacts": {"updated_at": 5}}).to_string(),
            "no `bookmarks`",
        ),
        (json!({"bookmarks": 5}).to_string(), "must be an object"),
        (
            "{\"bookmarks\":{}}\n{\"bookmarks\":{}}\n".to_owned(),
            "2 values",
        ),
        (config.to_string(), "access_token"),
        (
            json!({"bookmarks": {}, "access_token": "a-secret-token"}).to_string(),
            "access_token",
        ),
    ] {
        let run = Tap::of(&workspace).run_from_text(&text).exited(2);
        let is_told = run.stderr.contains(why) && run.stderr.contains("hint:");
        assert!(is_told, "{text}: {}", run.stderr);
        assert!(!run.stderr.contains("a-secret-token"), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    assert_eq!(workspace.total_requests(), 0);
}

#[test]
fn a_bookmark_under_another_key_is_told_of() {
    let workspace = workspace();
    let state = json!({"bookmarks": {"contacts": {"last_change": now() - DAY}}});
    let run = Tap::of(&workspace)
        .streams(&["contacts"])
        .run_from(&state)
        .ok();
    assert!(run.stderr.contains("has no `updated_at`"), "{}", run.stderr);
    assert_same("contacts", &workspace.ids("contacts"), &run.ids("contacts"));
    assert_eq!(
        run.bookmark("contacts")["last_change"],
        state["bookmarks"]["contacts"]["last_change"]
    );
}
