//! Faults of the wire and of the server, on each kind of request: after them, and at most one more
//! run, nothing is missing.

use std::time::{Duration, Instant};

use crate::harness::{
    INCREMENTAL, Run, STREAMS, Tap, assert_covers, assert_whole, existing, side_by_side, union,
};
use simulators::workspace::{Fault, FaultKind, Settings, TooMany, When, Workspace};

/// Requests for pages, of searches and of lists, each of a stream of its own.
const PAGES: [(&str, u64); 4] = [
    ("/contacts/search", 2),
    ("/conversations/search", 2),
    ("/calls", 1),
    ("/articles", 2),
];

/// Requests for what goes with a record: a nested list, parts, a transcript.
const DETAILS: [(&str, u64); 3] = [("/contacts/6", 2), ("/conversations/2", 5), ("/calls/1", 3)];

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 200,
        conversations: 60,
        calls: 60,
        articles: 60,
        collections: 10,
        long_lists_every: 50,
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace).set("page_size", 25)
}

fn kinds() -> Vec<FaultKind> {
    let status = |status| FaultKind::Status(status, "server_error".into(), "oh".into());
    vec![
        status(408),
        status(500),
        FaultKind::Html(502),
        status(503),
        FaultKind::Html(504),
        FaultKind::TooMany { retry_after: None },
        FaultKind::TooMany {
            retry_after: Some("1".into()),
        },
        FaultKind::ResetBefore,
        FaultKind::ResetMidBody,
        FaultKind::CutBody,
        FaultKind::NotJson,
        FaultKind::Empty200,
        FaultKind::Stall(Duration::from_secs(3)),
        FaultKind::StallMidBody(Duration::from_secs(3)),
    ]
}

fn is_stall(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Stall(_) | FaultKind::StallMidBody(_))
}

/// The tap, with patience where the fault doesn't try it.
fn tap_against(workspace: &Workspace, kind: &FaultKind) -> Tap {
    let seconds = if is_stall(kind) { 1 } else { 60 };
    tap(workspace).set("request_timeout_seconds", seconds)
}

#[test]
fn a_fault_that_passes_is_got_over_within_the_run() {
    side_by_side(kinds(), |kind| {
        let workspace = workspace();
        for (path, nth) in PAGES.into_iter().chain(DETAILS) {
            workspace.inject(Fault::new(path, When::Nth(nth), kind.clone()));
        }
        let first = tap_against(&workspace, &kind).run().ok();
        assert!(first.stderr.contains("WARN"), "{}", first.stderr);
        // An empty transcript means that there is none yet, and that the next run asks again.
        let second = tap(&workspace).run_from(&first.state()).ok();
        assert_whole(&workspace, [&first, &second], &STREAMS);
        if kind != FaultKind::Empty200 {
            assert_whole(&workspace, [&first], &STREAMS);
        }
    });
}

#[test]
fn a_fault_that_ends_a_stream_or_makes_a_hole_is_made_good_by_the_next_run() {
    let cases = kinds()
        .into_iter()
        .flat_map(|kind| [(kind.clone(), &PAGES[..]), (kind, &DETAILS[..])]);
    side_by_side(cases, |(kind, places)| {
        let workspace = workspace();
        for (path, nth) in places {
            workspace.inject(Fault::new(path, When::Nth(*nth), kind.clone()));
        }
        // A 429 isn't a try, and an empty transcript is none yet.
        let is_failure = places[0].0 == PAGES[0].0 && !matches!(kind, FaultKind::TooMany { .. });
        let first = tap_against(&workspace, &kind)
            .set("max_attempts", 1)
            .run()
            .exited(i32::from(is_failure));
        let second = tap(&workspace).run_from(&first.state()).ok();
        assert_whole(&workspace, [&first, &second], &STREAMS);
        // A page of a search that can't be had once is got over by asking for what lies around it.
        let stream = if is_failure {
            "articles"
        } else {
            "conversation_parts"
        };
        if !matches!(kind, FaultKind::TooMany { .. }) {
            assert_ne!(union([&first], stream), union([&first, &second], stream));
        }
    });
}

#[test]
fn the_rate_limit_is_waited_for_whatever_it_says() {
    let ways = [TooMany::ResetHeaders, TooMany::RetryAfter, TooMany::Bare];
    side_by_side(ways, |too_many| {
        let workspace = Workspace::start(Settings {
            contacts: 100,
            conversations: 100,
            rate_limit: 60,
            rate_window: Duration::from_secs(1),
            too_many,
            ..Settings::default()
        });
        // Other apps use up whole windows, without a warning.
        let spend = |nth| {
            let fault = FaultKind::TooMany {
                retry_after: (too_many == TooMany::RetryAfter).then(|| "1".into()),
            };
            workspace.inject(Fault::new("/conversations/2", When::Nth(nth), fault));
        };
        spend(10);
        spend(30);
        let run = tap(&workspace).run().ok();
        assert_whole(&workspace, [&run], &INCREMENTAL);
    });
}

#[test]
fn a_page_that_is_too_much_for_the_server_is_asked_for_in_smaller_ones() {
    side_by_side(
        [("contacts", 504), ("conversations", 502)],
        |(stream, status)| {
            let workspace = Workspace::start(Settings {
                contacts: 400,
                conversations: 400,
                ..Settings::default()
            });
            let path = format!("/{stream}/search");
            let kind = FaultKind::FailAbovePerPage { limit: 37, status };
            workspace.inject(Fault::new(&path, When::Always, kind));
            let run = Tap::of(&workspace).streams(&[stream]).run().ok();
            assert_whole(&workspace, [&run], &[stream]);
            // What was found to work is kept: not every page begins at the full size.
            let failed = workspace
                .requests_to(&path)
                .iter()
                .filter(|request| request.status == status)
                .count();
            assert_eq!(failed, 4);
        },
    );
}

#[test]
fn a_request_that_never_succeeds_fails_its_stream_and_no_other() {
    let workspace = workspace();
    workspace.inject(Fault::status("/conversations/search", When::Always, 500));
    let tap = tap(&workspace).set("max_attempts", 2);
    let first = tap.run().exited(1);
    let others: Vec<&str> = STREAMS
        .into_iter()
        .filter(|stream| !stream.starts_with("conversation"))
        .collect();
    assert_whole(&workspace, [&first], &others);
    for stream in ["contacts", "calls", "articles"] {
        assert!(first.bookmark(stream)["updated_at"].is_i64(), "{stream}");
    }
    let summary = first.stderr.rsplit("ERROR ").next().unwrap();
    assert!(
        summary
            .starts_with("these streams were not read to their end:\n  conversations: POST /conv"),
        "{summary}"
    );
    assert!(
        summary.contains("failed 2 times, at last with: status 500, server_error: an injected 500"),
        "{summary}"
    );
    workspace.clear_faults();
    let second = tap.run_from(&first.state()).ok();
    assert_whole(&workspace, [&first, &second], &STREAMS);
    for stream in ["contacts", "calls", "articles"] {
        assert_eq!(second.of_stream(stream).count(), 0);
    }
}

#[test]
fn a_token_refused_at_the_start_stops_the_run_at_once() {
    let workspace = workspace();
    let run = tap(&workspace)
        .set("access_token", "revoked-secret")
        .run()
        .exited(1);
    // The first, and one that asks whose fault it is.
    assert_eq!(workspace.requests().len(), 2);
    let error = run.stderr.rsplit("ERROR ").next().unwrap();
    // Any of the streams may be the first to ask.
    let why = error.split_once(" failed: ").unwrap().1;
    let without_id = why.split(" (request").next().unwrap();
    insta::assert_snapshot!(without_id, @"status 401, unauthorized: Access Token Invalid");
    assert!(error.contains("hint: check `access_token`"), "{error}");
    assert!(!run.stderr.contains("revoked-secret") && !run.stdout.contains("revoked-secret"));
}

#[test]
fn a_token_revoked_in_the_middle_stops_the_run_at_once() {
    let workspace = workspace();
    // While details are fetched.
    workspace.adjust(|settings| settings.token_revoked_after = Some(40));
    let started = Instant::now();
    let first = tap(&workspace).run().exited(1);
    assert!(started.elapsed() < Duration::from_mins(1));
    let refused = workspace.total_requests() - 40;
    assert!((1..=40).contains(&refused), "{refused} after the first 401");
    assert!(!first.states.is_empty());
    workspace.adjust(|settings| settings.token_revoked_after = None);
    let second = tap(&workspace).run_from(&first.state()).ok();
    assert_whole(&workspace, [&first, &second], &STREAMS);
}

#[test]
fn a_stream_that_the_plan_excludes_fails_alone() {
    let workspace = workspace();
    workspace.adjust(|settings| {
        settings.restricted_paths = vec!["/calls".into(), "/teams".into()];
    });
    let run = tap(&workspace).run().exited(1);
    let others: Vec<&str> = STREAMS
        .into_iter()
        .filter(|stream| !stream.starts_with("call") && *stream != "teams")
        .collect();
    assert_whole(&workspace, [&run], &others);
    for stream in ["contacts", "conversations", "articles"] {
        assert!(run.bookmark(stream)["updated_at"].is_i64(), "{stream}");
    }
    assert_eq!(run.bookmark("calls"), serde_json::Value::Null);
    // Asking again would not help.
    assert_eq!(workspace.count_under("/calls"), 1);
    let summary = run.stderr.rsplit("ERROR ").next().unwrap();
    for stream in ["teams", "calls"] {
        let line = format!("\n  {stream}: GET /{stream}");
        assert!(summary.contains(&line), "{summary}");
    }
    assert!(summary.contains("api_plan_restricted: Active subscription needed."));
}

#[test]
fn a_conversation_that_is_gone_between_list_and_detail_is_skipped() {
    let workspace = workspace();
    let gone = workspace.ids("conversations").pop_last().unwrap();
    let (id, parts) = (gone.clone(), workspace.read(|data| data.part_ids_of(&gone)));
    // Between the last search page and the first detail of it.
    workspace.inject(Fault::status(
        &format!("/conversations/{gone}"),
        When::Always,
        404,
    ));
    let run = tap(&workspace).run().ok();
    let warning = format!("WARN conversations {id} is gone; it has no conversation_parts");
    assert!(run.stderr.contains(&warning), "{}", run.stderr);
    let expected = existing(&workspace, "conversation_parts")
        .difference(&parts)
        .cloned()
        .collect();
    assert_covers(
        "conversation_parts",
        &expected,
        &run.ids("conversation_parts"),
    );
    assert_whole(
        &workspace,
        [&run],
        &["contacts", "conversations", "articles"],
    );
}

#[test]
fn a_transcript_that_appears_two_runs_later_is_there() {
    let workspace = Workspace::start(Settings {
        calls: 60,
        pending_transcripts_every: 4,
        ..Settings::default()
    });
    let tap = Tap::of(&workspace).streams(&["calls"]);
    let mut runs = vec![tap.run().ok()];
    let pending: Vec<String> = runs[0].bookmark("calls")["awaited"]
        .as_array()
        .unwrap()
        .iter()
        .map(|awaited| awaited["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(pending.len() > 5);
    runs.push(tap.run_from(&runs[0].state()).ok());
    assert_eq!(runs[1].records.len(), 0);
    for call in &pending[1..] {
        workspace.publish_transcript(call);
    }
    runs.push(tap.run_from(&runs[1].state()).ok());
    assert_whole(&workspace, &runs, &["calls", "call_transcriptions"]);
    let last: &Run = &runs[2];
    assert_eq!(
        last.bookmark("calls")["awaited"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        last.ids("call_transcriptions"),
        pending[1..].iter().cloned().collect()
    );
    assert_eq!(union(&runs[1..], "calls").len(), 0);
}

#[test]
fn a_repeated_cursor_is_an_error_and_no_loop() {
    let workspace = Workspace::start(Settings {
        contacts: 400,
        conversations: 400,
        repeat_cursor_at_page: Some(2),
        ..Settings::default()
    });
    let run = Tap::of(&workspace)
        .set("page_size", 20)
        .streams(&["contacts"])
        .run()
        .exited(1);
    assert!(run.stderr.contains("contacts: the API repeats the cursor"));
    // Each of those who read slices finds out for itself.
    assert!(workspace.requests().len() < 100);
}
