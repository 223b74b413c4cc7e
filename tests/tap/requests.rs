//! What a request meets on its way, and what of that is a failure: of one try, of one thing, of the
//! token, or of nothing at all.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::{Ids, Run, Tap, assert_whole, side_by_side};
use simulators::http::{Reply, Server};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace, now};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 60,
        conversations: 12,
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace).set("max_attempts", 2)
}

#[test]
fn refusals_by_the_rate_limit_are_no_tries_whatever_they_ask_for() {
    let asked = [
        Some("0"),
        Some("0.2"),
        Some("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some("soon"),
        None,
    ];
    side_by_side(asked, |retry_after| {
        let workspace = workspace();
        let kind = FaultKind::TooMany {
            retry_after: retry_after.map(str::to_owned),
        };
        workspace.inject(Fault::new("/tags", When::Between(1, 4), kind));
        let run = tap(&workspace).streams(&["tags"]).run().ok();
        assert_eq!(workspace.count("/tags"), 5);
        assert_whole(&workspace, [&run], &["tags"]);
    });
}

#[test]
fn a_gateways_answer_is_tried_again_and_then_told_by_its_first_line() {
    let statuses = [403, 404, 405, 407, 409, 451];
    let paths = [
        "/tags",
        "/contacts/search",
        "/conversations/1",
        "/companies/scroll",
    ];
    side_by_side(statuses, |status| {
        let workspace = workspace();
        for path in paths {
            workspace.inject(Fault::new(path, When::Nth(1), FaultKind::Html(status)));
        }
        let run = tap(&workspace)
            .streams(&["tags", "contacts", "conversations", "companies"])
            .run()
            .ok();
        let streams = [
            "tags",
            "contacts",
            "conversations",
            "conversation_parts",
            "companies",
        ];
        assert_whole(&workspace, [&run], &streams);

        workspace.inject(Fault::new("/tags", When::Always, FaultKind::Html(status)));
        let run = tap(&workspace).run().exited(1);
        let summary = run.stderr.rsplit("ERROR ").next().unwrap();
        let told =
            format!("\n  tags: GET /tags failed 2 times, at last with: status {status}, <html>");
        assert!(summary.contains(&told), "{summary}");
        assert_whole(
            &workspace,
            [&run],
            &["admins", "teams", "contacts", "conversations"],
        );
    });
}

#[test]
fn a_401_is_of_the_token_only_if_the_token_is_refused_everywhere() {
    let workspace = workspace();
    workspace.inject(Fault::status("/teams", When::Always, 401));
    let run = tap(&workspace).run().exited(1);
    let streams = [
        "admins",
        "tags",
        "contacts",
        "conversations",
        "conversation_parts",
    ];
    assert_whole(&workspace, [&run], &streams);
    assert_eq!(workspace.count("/me"), 1);
    let summary = run.stderr.rsplit("ERROR ").next().unwrap();
    assert!(
        summary.contains("\n  teams: GET /teams failed: status 401"),
        "{summary}"
    );

    workspace.inject(Fault::status("/me", When::Always, 401));
    workspace.clear_requests();
    let run = tap(&workspace).run().exited(1);
    assert!(
        run.stderr.contains("hint: check `access_token`"),
        "{}",
        run.stderr
    );
    // What was on its way at the time.
    assert!(workspace.requests().len() < 20);
}

#[test]
fn a_scroll_in_use_is_known_without_its_code() {
    let workspace = Workspace::start(Settings {
        companies: 120,
        scroll_lifetime: Duration::from_millis(900),
        ..Settings::default()
    });
    let error = json!({"type": "error.list", "errors": [
        {"code": null, "message": "scroll already exists for this workspace"},
    ]});
    let kind = FaultKind::Answer(400, error.to_string().into());
    workspace.inject(Fault::new("/companies/scroll", When::Between(1, 2), kind));
    workspace.inject(Fault::status("/companies/scroll", When::Between(4, 6), 503));
    let run = Tap::of(&workspace).streams(&["companies"]).run().ok();
    assert_whole(&workspace, [&run], &["companies"]);
    assert!(
        run.stderr.contains("waiting for it to end"),
        "{}",
        run.stderr
    );
}

#[test]
fn limits_are_read_in_whatever_form_they_come() {
    let headers = |reset: String, remaining: &str| {
        FaultKind::Headers(vec![
            ("X-RateLimit-Limit".into(), "5".into()),
            ("X-RateLimit-Remaining".into(), remaining.into()),
            ("X-RateLimit-Reset".into(), reset),
        ])
    };
    let cases = [
        headers(format!("{}", (now() + 1) * 1000), "0"),
        headers(format!("{}.5", now() + 1), "0"),
        headers("1".into(), "0"),
        headers(format!("{}", now() + 5 * 3600), "3"),
        headers("soon".into(), "0"),
    ];
    side_by_side(cases, |kind| {
        let workspace = workspace();
        workspace.inject(Fault::new("/", When::Always, kind));
        let run = tap(&workspace)
            .streams(&["admins", "teams", "tags"])
            .run()
            .ok();
        assert_whole(&workspace, [&run], &["admins", "teams", "tags"]);
    });
}

#[test]
fn more_headers_than_can_be_read_are_a_gateways_fault() {
    let headers = |count: u32| {
        let header = |number| (format!("X-Hop-{number}"), "1".to_owned());
        FaultKind::Headers((0..count).map(header).collect())
    };
    let long = FaultKind::Headers(vec![("X-Hops".into(), "x".repeat(80_000))]);
    let workspace = workspace();
    for (path, when, kind) in [
        ("/admins", When::Always, headers(100)),
        ("/teams", When::Nth(1), headers(150)),
        ("/tags", When::Always, headers(150)),
        ("/brands", When::Always, long),
    ] {
        workspace.inject(Fault::new(path, when, kind));
    }
    let streams = ["admins", "teams", "tags", "brands"];
    let run = tap(&workspace).streams(&streams).run().exited(1);
    assert_whole(&workspace, [&run], &["admins", "teams"]);
    assert_eq!(run.ids("tags").len() + run.ids("brands").len(), 0);
    for told in [
        "tags: GET /tags failed 2 times, at last with: an answer has more than 128 headers, which is all \
         that can be read; a proxy or another gateway on the way may add them",
        "an answer's headers take",
    ] {
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Runs one stream against a server that answers everything so.
fn tags_from(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Run {
    let server = Server::start(move |_| answer());
    let workspace = workspace();
    tap(&workspace)
        .set("base_url", server.base_url())
        .set("max_attempts", 1)
        .streams(&["tags"])
        .run()
}

#[test]
fn bodies_are_read_for_what_they_mean() {
    const TAGS: &[u8] = br#"{"type":"list","data":[{"type":"tag","id":"7"}]}"#;
    let with_mark = [b"\xef\xbb\xbf", TAGS].concat();
    let packed = gzipped(TAGS);
    let behind = |more: &[u8]| [&packed, more].concat();
    for (body, encoding) in [
        (with_mark.clone(), None),
        (gzipped(&with_mark), Some("gzip")),
        (packed.clone(), Some("gzip")),
        (packed.clone(), Some("GZIP")),
        (packed.clone(), Some("x-gzip")),
        (packed.clone(), None),
        (gzipped(&packed), Some("gzip")),
        (gzipped(&packed), Some("gzip, gzip")),
        (behind(&[0; 512]), Some("gzip")),
        (behind(&[0; 512]), Some("x-gzip")),
        (behind(b"\0\0"), Some("gzip")),
        (behind(b"\r\n"), Some("gzip")),
        (behind(b"<!-- served by a gateway -->"), Some("gzip")),
        (behind(b"<!-- served by a gateway -->"), Some("X-GZIP")),
    ] {
        let told = format!("{encoding:?} {body:?}");
        let run = tags_from(move || {
            let reply = Reply::json(200, body.clone());
            match encoding {
                Some(encoding) => reply.header("Content-Encoding", encoding),
                None => reply,
            }
        });
        assert_eq!(run.exit_code, Some(0), "{told}: {}", run.stderr);
        assert_eq!(run.ids("tags"), Ids::from(["7".to_owned()]));
    }
    // Cut in the middle, it is no answer.
    for encoding in ["gzip", "x-gzip"] {
        let cut = packed[..packed.len() / 2].to_vec();
        let run =
            tags_from(move || Reply::json(200, cut.clone()).header("Content-Encoding", encoding));
        assert_eq!(run.exited(1).records.len(), 0, "{encoding}");
    }
}

#[test]
fn parts_that_the_api_leaves_out_without_a_word_are_told() {
    let parts: Vec<Value> = (0..500).map(|id| json!({"id": id.to_string()})).collect();
    let conversation = |count: Value| {
        json!({"type": "conversation", "id": "1", "updated_at": now() - 5000,
            "statistics": {"count_conversation_parts": count}})
    };
    for (count, cut) in [
        (json!(660), Some(160)),
        (json!(500), None),
        (json!(null), None),
    ] {
        let mut whole = conversation(count.clone());
        whole["conversation_parts"] = json!({"conversation_parts": parts, "total_count": 500});
        let list = json!({"conversations": [conversation(count)], "total_count": 1, "pages": {}});
        let server = Server::start(move |request| match request.method.as_str() {
            "POST" => Reply::json(200, list.to_string()),
            _ => Reply::json(200, whole.to_string()),
        });
        let run = Tap::of(&workspace())
            .set("base_url", server.base_url())
            .streams(&["conversations"])
            .run()
            .ok();
        assert_eq!(run.ids("conversation_parts").len(), 500);
        let metric = r#""metric":"parts_truncated","value":160"#;
        assert_eq!(run.stderr.contains(metric), cut.is_some(), "{}", run.stderr);
        assert_eq!(run.stderr.contains("160 older ones"), cut.is_some());
    }
}
