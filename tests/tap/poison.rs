//! What can never be had: it costs itself alone, is named and remembered, and all else is complete.

use serde_json::{Value, json};

use crate::harness::{Ids, Run, Tap, assert_same, assert_whole, existing, side_by_side};
use simulators::workspace::{Fault, FaultKind, Settings, TranscriptFormat, When, Workspace, now};

pub const STREAMS: [&str; 5] = [
    "contacts",
    "conversations",
    "conversation_parts",
    "calls",
    "call_transcriptions",
];

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 120,
        conversations: 40,
        calls: 40,
        articles: 10,
        long_lists_every: 20,
        transcripts: TranscriptFormat::Text,
        ..Settings::default()
    })
}

pub fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("page_size", 25)
        .set("max_attempts", 2)
        .streams(&["contacts", "conversations", "calls"])
}

fn error_list(status: u16) -> FaultKind {
    FaultKind::Status(status, "of_the_api".into(), "not this one".into())
}

fn answer(body: impl Into<Vec<u8>>) -> FaultKind {
    FaultKind::Answer(200, body.into())
}

/// What every detail may answer, for ever.
pub fn kinds() -> Vec<FaultKind> {
    vec![
        error_list(500),
        error_list(503),
        error_list(401),
        error_list(402),
        error_list(403),
        error_list(400),
        error_list(409),
        error_list(422),
        FaultKind::Html(403),
        FaultKind::Html(404),
        FaultKind::Html(405),
        FaultKind::ResetMidBody,
        FaultKind::Redirect("http://127.0.0.1:1/elsewhere".into()),
        answer("{not json"),
        answer(*b"{\"data\":\"\xff\"}"),
        answer("{}"),
        answer("null"),
        answer(r#"{"conversation_parts":7}"#),
        answer(r#"{"data":null}"#),
        answer(r#"{"transcript":null}"#),
        answer("Agent: hello"),
        answer("Transcript of a call\n[00:00:03] Agent: \"hello\""),
    ]
}

/// A detail: the stream whose records it makes, the parent's stream and id, and its path.
#[derive(Clone, Debug)]
struct Detail {
    what: &'static str,
    parent: String,
    path: String,
}

/// One of each: a child that is a list inside the parent, a transcript, the rest of a nested list.
fn details(workspace: &Workspace) -> Vec<Detail> {
    let conversation = workspace.ids("conversations").pop_last().unwrap();
    let call = workspace.ids("call_transcriptions").pop_last().unwrap();
    let _ = tap(workspace).run().ok();
    let list = workspace
        .requests_to("/contacts/")
        .into_iter()
        .find(|request| request.path.ends_with("/tags"))
        .unwrap();
    let contact = list.path.split('/').nth(2).unwrap().to_owned();
    vec![
        Detail {
            what: "conversation_parts",
            path: format!("/conversations/{conversation}"),
            parent: conversation,
        },
        Detail {
            what: "call_transcriptions",
            path: format!("/calls/{call}/transcript"),
            parent: call,
        },
        Detail {
            what: "contacts.tags",
            path: list.path,
            parent: contact,
        },
    ]
}

pub fn awaited(run: &Run) -> Vec<(String, String)> {
    let state = run.state();
    let bookmarks = state["bookmarks"].as_object().unwrap().values();
    let mut found: Vec<_> = bookmarks
        .flat_map(|bookmark| bookmark["awaited"].as_array().cloned().unwrap_or_default())
        .map(|entry| {
            assert!(entry["since"].is_i64(), "{entry}");
            assert!(entry["why"].is_string(), "{entry}");
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            (text("stream"), text("id"))
        })
        .collect();
    found.sort();
    found
}

/// The ids that the details given stand for.
fn lacking(workspace: &Workspace, stream: &str, details: &[Detail]) -> Ids {
    let of = details.iter().filter(|detail| detail.what == stream);
    of.flat_map(|detail| match stream {
        "conversation_parts" => workspace.read(|data| data.part_ids_of(&detail.parent)),
        _ => Ids::from([detail.parent.clone()]),
    })
    .collect()
}

#[test]
fn a_detail_that_cannot_be_had_costs_itself_alone_until_it_can() {
    side_by_side(kinds(), |kind| {
        let workspace = workspace();
        let details = details(&workspace);
        for detail in &details {
            workspace.inject(Fault::new(&detail.path, When::Always, kind.clone()).exactly());
        }
        let tap = tap(&workspace);
        let first = tap.run().ok();
        for stream in STREAMS {
            let expected = existing(&workspace, stream);
            let lacking = lacking(&workspace, stream, &details);
            let expected = expected.difference(&lacking).cloned().collect();
            assert_same(stream, &expected, &first.ids(stream));
        }
        let mut holes: Vec<_> = details
            .iter()
            .map(|detail| (detail.what.to_owned(), detail.parent.clone()))
            .collect();
        holes.sort();
        assert_eq!(awaited(&first), holes);
        for detail in &details {
            let metric = format!(
                r#""metric":"details_missing","value":1,"tags":{{"stream":"{}"}}"#,
                detail.what
            );
            assert!(first.stderr.contains(&metric), "{}", first.stderr);
            let told = format!("{} of {} can't be had", detail.what, detail.parent);
            assert!(first.stderr.contains(&told), "{}", first.stderr);
            let summary = format!("1 {} couldn't be had", detail.what);
            assert!(first.stderr.contains(&summary), "{}", first.stderr);
        }

        let second = tap.run_from(&first.state()).ok();
        assert_eq!(second.records.len(), 0, "{}", second.stdout);
        assert_eq!(awaited(&second), holes);

        workspace.clear_faults();
        let third = tap.run_from(&second.state()).ok();
        assert_eq!(awaited(&third), []);
        assert_whole(&workspace, [&first, &third], &STREAMS);
        let contact = &details[2].parent;
        assert_eq!(third.ids("contacts"), Ids::from([contact.clone()]));
        assert!(lists_are_whole(&third, contact));
        assert!(!lists_are_whole(&first, contact));
        assert_eq!(third.ids("conversations").len(), 0);
        assert_eq!(third.ids("calls").len(), 0);
        let parts = lacking(&workspace, "conversation_parts", &details);
        assert_eq!(third.ids("conversation_parts"), parts);
    });
}

fn lists_are_whole(run: &Run, contact: &str) -> bool {
    let mut contacts = run.of_stream("contacts");
    let record = contacts
        .find(|record| record.id == contact)
        .unwrap()
        .value();
    assert!(record["tags"]["data"].as_array().unwrap().len() >= 10);
    record["tags"]["has_more"] == json!(false)
}

#[test]
fn what_is_gone_is_no_hole() {
    side_by_side([404, 410], |status| {
        let workspace = workspace();
        let details = details(&workspace);
        for detail in &details {
            workspace.inject(Fault::new(&detail.path, When::Always, error_list(status)).exactly());
        }
        let run = tap(&workspace).run().ok();
        // A transcript that isn't there may still come.
        let state = run.state();
        let holes = state["bookmarks"]["calls"]["awaited"].as_array().unwrap();
        assert_eq!(holes.len(), 1);
        assert_eq!(holes[0]["why"], Value::Null);
        for stream in ["contacts", "conversations"] {
            assert_eq!(
                state["bookmarks"][stream]["awaited"],
                Value::Null,
                "{stream}"
            );
        }
        assert!(!run.stderr.contains("details_missing"), "{}", run.stderr);
    });
}

#[test]
fn a_hole_that_stays_one_is_let_go_after_seven_days_and_never_stops_its_stream() {
    let workspace = workspace();
    let details = details(&workspace);
    let complete = tap(&workspace).run().ok();
    for detail in &details {
        workspace.inject(Fault::new(&detail.path, When::Always, error_list(500)).exactly());
    }
    let day = 24 * 3600;
    for (age, is_kept) in [(6 * day, true), (8 * day, false)] {
        let mut state = complete.state();
        for (detail, parent) in details.iter().zip(["conversations", "calls", "contacts"]) {
            state["bookmarks"][parent]["awaited"] = json!([{
                "stream": detail.what,
                "id": detail.parent,
                "updated_at": 1_700_000_000,
                "since": now() - age,
                "why": "status 500",
            }]);
        }
        let added = ["contacts", "conversations", "calls"].map(|stream| {
            let id = workspace.add(stream, now());
            (stream, id)
        });
        let run = tap(&workspace).run_from(&state).ok();
        assert_eq!(awaited(&run).len(), if is_kept { 3 } else { 0 });
        assert_eq!(
            run.stderr.contains("for seven days"),
            !is_kept,
            "{}",
            run.stderr
        );
        for (stream, id) in added {
            assert!(run.ids(stream).contains(&id), "{stream}");
        }
    }
}

#[test]
fn holes_of_an_older_state_are_transcripts() {
    let workspace = workspace();
    let call = details(&workspace)[1].parent.clone();
    let mut state = tap(&workspace).run().ok().state();
    state["bookmarks"]["calls"]["awaited"] =
        json!([{"id": call, "updated_at": 1_700_000_000, "since": now() - 3600}]);
    let run = tap(&workspace).run_from(&state).ok();
    assert_eq!(run.ids("call_transcriptions"), Ids::from([call]));
    assert_eq!(run.bookmark("calls")["awaited"], Value::Null);
}

#[test]
fn of_too_many_missing_transcripts_the_newest_calls_are_remembered() {
    let workspace = Workspace::start(Settings {
        calls: 1500,
        ..Settings::default()
    });
    workspace.inject(Fault::new("/calls/", When::Always, error_list(404)));
    let run = Tap::of(&workspace).streams(&["calls"]).run().ok();
    assert_whole(&workspace, [&run], &["calls"]);
    let mut asked: Vec<(i64, String)> = workspace
        .ids("call_transcriptions")
        .into_iter()
        .map(|id| (workspace.updated_at("calls", &id), id))
        .collect();
    assert!(asked.len() > 1010, "{}", asked.len());
    asked.sort();
    let forgotten = asked.len() - 1000;
    let expected: Ids = asked.drain(forgotten..).map(|(_, id)| id).collect();
    let state = run.state();
    let remembered = state["bookmarks"]["calls"]["awaited"].as_array().unwrap();
    let found: Ids = remembered
        .iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect();
    assert_same("awaited", &expected, &found);
    assert!(
        run.stderr
            .contains(&format!("the {forgotten} that changed longest ago"))
    );
}

#[test]
fn a_child_refused_as_a_whole_is_given_up_and_nothing_else() {
    let cases = [
        ("/conversations/", "conversation_parts"),
        ("/calls/", "call_transcriptions"),
        ("/contacts/", "contacts.tags"),
    ];
    let cases = cases
        .into_iter()
        .flat_map(|(path, what)| [401, 402, 403].map(|status| (path, what, status)));
    side_by_side(cases, |(path, what, status)| {
        let workspace = workspace();
        let lists = ["tags", "companies", "notes", "subscriptions"];
        if what == "contacts.tags" {
            let _ = details(&workspace);
            for request in workspace.requests_to(path) {
                if request.path.ends_with(lists[0]) {
                    let fault = Fault::new(&request.path, When::Always, error_list(status));
                    workspace.inject(fault.exactly());
                }
            }
        } else {
            let search = Fault::new(
                "/conversations/search",
                When::Always,
                FaultKind::Headers(vec![]),
            );
            workspace.inject(search);
            workspace.inject(Fault::new(path, When::Always, error_list(status)));
        }
        workspace.clear_requests();
        let run = tap(&workspace).run().exited(1);
        assert_whole(&workspace, [&run], &["contacts", "conversations", "calls"]);
        for stream in ["conversation_parts", "call_transcriptions"] {
            if stream == what {
                assert_eq!(run.ids(stream).len(), 0);
            } else {
                assert_whole(&workspace, [&run], &[stream]);
            }
        }
        let summary = run.stderr.rsplit("ERROR ").next().unwrap();
        let named = format!("these streams were not read to their end:\n  {what}: GET {path}");
        assert!(summary.starts_with(&named), "{summary}");
        assert!(summary.contains(&format!("status {status}, of_the_api: not this one")));
        for stream in ["contacts", "conversations", "calls"] {
            assert!(run.bookmark(stream)["updated_at"].is_i64(), "{stream}");
        }
        if what != "contacts.tags" {
            // Those in flight when it was given up were asked too.
            assert!(workspace.count_under(path) < 40 - 1);
        }
    });
}

#[test]
fn refusals_among_what_is_had_are_holes() {
    let workspace = workspace();
    let refused: Vec<String> = workspace
        .ids("conversations")
        .into_iter()
        .skip(20)
        .take(8)
        .collect();
    for id in &refused {
        let path = format!("/conversations/{id}");
        workspace.inject(Fault::new(&path, When::Always, error_list(403)).exactly());
    }
    let run = tap(&workspace).streams(&["conversations"]).run().ok();
    let holes: Ids = awaited(&run).into_iter().map(|(_, id)| id).collect();
    assert_eq!(holes, refused.iter().cloned().collect());
    // Asked for again alone, they're still no proof that all are refused.
    let second = tap(&workspace).run_from(&run.state()).ok();
    assert_eq!(awaited(&second).len(), 8);
}

#[test]
fn lists_are_only_where_the_schema_says_and_only_paths_of_the_record_are_asked() {
    let workspace = workspace();
    let contact = workspace.ids("contacts").pop_first().unwrap();
    let hostile = json!({
        "type": "list",
        "data": [{"id": contact, "updated_at": now(),
            "custom_attributes": {"data": [], "has_more": true, "url": "/me?evil=1"},
            "location": {"data": [], "has_more": true, "url": "/me?evil=2"},
            "notes": "later",
            "companies": {"data": "?", "has_more": true, "url": "/me?evil=3"},
            "tags": {"data": [{"id": "1"}], "has_more": true, "url": "/me?evil=4"},
        }],
        "total_count": 1,
        "pages": {"page": 1, "per_page": 25, "total_pages": 1},
    });
    let body = hostile.to_string();
    workspace.inject(Fault::new("/contacts/search", When::Always, answer(body)));
    let run = Tap::of(&workspace).streams(&["contacts"]).run().ok();
    assert_eq!(run.ids("contacts"), Ids::from([contact.clone()]));
    let record = run.of_stream("contacts").next().unwrap().value();
    let expected = &hostile["data"][0];
    for name in ["custom_attributes", "location", "companies"] {
        assert_eq!(record[name], expected[name], "{name}");
    }
    // A path that isn't the record's own isn't asked: the list's is.
    assert_eq!(workspace.count_under("/me"), 0);
    assert_eq!(
        workspace
            .requests_to(&format!("/contacts/{contact}/tags"))
            .len(),
        1
    );
    assert_eq!(record["tags"]["has_more"], json!(false));
    assert!(awaited(&run).is_empty());
}

#[test]
fn where_nothing_of_a_child_can_be_had_it_fails_rather_than_be_forgotten() {
    let workspace = Workspace::start(Settings {
        conversations: 1100,
        ..Settings::default()
    });
    let search = Fault::new(
        "/conversations/search",
        When::Always,
        FaultKind::Headers(vec![]),
    );
    workspace.inject(search);
    workspace.inject(Fault::new("/conversations/", When::Always, error_list(500)));
    let run = Tap::of(&workspace)
        .set("max_attempts", 1)
        .streams(&["conversations"])
        .run()
        .exited(1);
    assert_whole(&workspace, [&run], &["conversations"]);
    let summary = run.stderr.rsplit("ERROR ").next().unwrap();
    assert!(
        summary.contains("\n  conversation_parts: GET /conversations/"),
        "{summary}"
    );
}
