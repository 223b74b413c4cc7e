//! Servers whose pages have no end: every loop knows what progress is, and ends without it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

use crate::harness::{Ids, Run, Tap};
use simulators::http::{Reply, Request, Server};
use simulators::workspace::{Settings, Workspace, now};

/// More requests than these have no end.
const MOST_REQUESTS: u64 = 400;

/// A server whose answers `answer` makes out of a request and its number.
fn serve(answer: impl Fn(&Request, u64) -> Value + Send + Sync + 'static) -> (Server, Tap) {
    let requests = AtomicU64::new(0);
    let server = Server::start(move |request| {
        let number = requests.fetch_add(1, Ordering::SeqCst);
        let body = match request.path.as_str() {
            "/me" => json!({"app": {"created_at": now() - 86_400}}),
            _ => answer(request, number),
        };
        // Whoever goes on without end is told to stop.
        let status = if number > 10 * MOST_REQUESTS {
            403
        } else {
            200
        };
        Reply::json(status, body.to_string())
    });
    let workspace = Workspace::start(Settings::default());
    let tap = Tap::of(&workspace)
        .set("base_url", server.base_url())
        .set("max_attempts", 2);
    (server, tap)
}

fn rows(numbers: std::ops::Range<u64>) -> Vec<Value> {
    // The same whenever they are asked for: a row of another second is another version.
    static TIME: LazyLock<i64> = LazyLock::new(|| now() - 100_000);
    let time = *TIME;
    numbers
        .map(|number| json!({"id": number.to_string(), "updated_at": time, "created_at": time}))
        .collect()
}

#[track_caller]
fn assert_ended(server: &Server, run: &Run) {
    let requests = server.requests();
    assert!(requests < MOST_REQUESTS, "{requests}: {}", run.stderr);
}

#[test]
fn empty_pages_with_fresh_cursors_end() {
    for (stream, at) in [
        ("contacts", "data"),
        ("conversations", "conversations"),
        ("macros", "data"),
        ("activity_logs", "activity_logs"),
    ] {
        let (server, tap) = serve(
            move |_, number| json!({at: [], "pages": {"next": {"starting_after": format!("cursor-{number}")}}}),
        );
        let run = tap.streams(&[stream]).run().exited(1);
        assert_ended(&server, &run);
        assert!(run.stderr.contains("held nothing new"), "{}", run.stderr);
    }
}

#[test]
fn the_same_page_with_fresh_cursors_ends() {
    for (stream, at) in [
        ("contacts", "data"),
        ("conversations", "conversations"),
        ("macros", "data"),
    ] {
        let (server, tap) = serve(move |request, number| match request.path.as_str() {
            "/conversations/0" | "/conversations/1" | "/conversations/2" => {
                json!({"conversation_parts": {"conversation_parts": []}})
            }
            _ => {
                json!({at: rows(0..3), "pages": {"next": {"starting_after": format!("c{number}")}}})
            }
        });
        let run = tap.streams(&[stream]).run().exited(1);
        assert_ended(&server, &run);
        assert!(run.stderr.contains("held nothing new"), "{}", run.stderr);
    }
}

#[test]
fn a_list_that_ignores_the_page_ends() {
    // With or without a total: what it gives may be all, or may not.
    for (stream, total_count, is_whole) in [
        ("collections", json!(150), true),
        ("collections", json!(300), false),
        ("articles", json!(300), false),
        ("calls", json!(null), false),
    ] {
        let (server, tap) = serve(move |request, _| {
            let is_whole = total_count == json!(150);
            let per_page: u64 = request
                .parameter("per_page")
                .unwrap_or("150")
                .parse()
                .unwrap();
            json!({
                "data": rows(0..if is_whole { 150 } else { per_page }),
                "total_count": total_count,
                "pages": {"next": "http://127.0.0.1/list?page=2", "per_page": per_page},
            })
        });
        let run = tap.streams(&[stream]).run();
        assert_ended(&server, &run);
        assert_eq!(
            run.exit_code,
            Some(i32::from(!is_whole)),
            "{stream}: {}",
            run.stderr
        );
    }
}

#[test]
fn totals_that_come_from_two_replicas_are_got_over() {
    for (stream, per_page) in [("calls", 25_u64), ("articles", 25), ("collections", 25)] {
        let (server, tap) = serve(move |request, number| {
            let page: u64 = request.parameter("page").unwrap().parse().unwrap();
            json!({
                "data": rows((page - 1) * per_page..(page * per_page).min(210)),
                "total_count": 210 - number % 2,
                "pages": {"per_page": per_page, "total_pages": 9},
            })
        });
        let run = tap.streams(&[stream]).run().ok();
        assert_ended(&server, &run);
        let expected: Ids = (0..210).map(|number: u64| number.to_string()).collect();
        crate::harness::assert_same(stream, &expected, &run.ids(stream));
    }
}

#[test]
fn a_scroll_that_repeats_its_page_ends() {
    let (server, tap) = serve(|_, _| json!({"data": rows(0..100), "scroll_param": "s"}));
    let run = tap.streams(&["companies"]).run().exited(1);
    assert_ended(&server, &run);
    assert!(run.stderr.contains("repeats a page"), "{}", run.stderr);
    assert!(run.bookmark("companies").is_null());
}

#[test]
fn a_scroll_that_repeats_a_page_once_is_begun_anew() {
    // The place, and how many requests there were.
    let scroll = Mutex::new((0_u64, 0_u32));
    let (server, tap) = serve(move |request, _| {
        if request.path != "/companies/scroll" {
            return json!({"data": []});
        }
        let mut scroll = scroll.lock().unwrap();
        let (place, number) = &mut *scroll;
        *number += 1;
        *place = match request.parameter("scroll_param") {
            None => 0,
            // One answer comes twice.
            Some(_) if *number == 4 => *place,
            Some(_) => *place + 1,
        };
        let start = (*place * 100).min(500);
        json!({"data": rows(start..(start + 100).min(500)), "scroll_param": "s"})
    });
    let run = tap.streams(&["companies"]).run().ok();
    assert!(run.stderr.contains("begun anew"), "{}", run.stderr);
    // Segments and notes of each, and what the scroll took.
    assert!(server.requests() < 2 * 500 + 60, "{}", server.requests());
    assert_eq!(run.ids("companies").len(), 500);
    assert_eq!(run.repeated("companies"), 0);
}
