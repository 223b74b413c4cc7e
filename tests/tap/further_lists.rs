//! The streams that nobody gets unless they ask: each by name, record for record.

use intercom_singer::internals::tap::streams;
use serde_json::{Value, json};

use crate::harness::{Run, Tap, assert_same, assert_whole, side_by_side};
use simulators::workspace::{Fault, Settings, When, Workspace};

/// Streams that are lists of what a workspace holds, read whole when somebody asks for them.
fn lists() -> Vec<&'static str> {
    let lists: Vec<&str> = streams::all()
        .filter(|stream| !stream.is_incremental() && !stream.selected_by_default)
        .map(|stream| stream.name)
        .collect();
    assert!(lists.len() >= 20, "{lists:?}");
    lists
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace).set(
        "custom_object_types",
        json!(["Order", "Line item/ä", "Order"]),
    )
}

/// Every record is valid by the schema that was sent before it.
#[track_caller]
pub fn assert_valid(run: &Run) {
    for (stream, about) in &run.schemas {
        let validator = jsonschema::draft7::new(&about["schema"]).unwrap();
        for record in run.of_stream(stream) {
            let value = record.value();
            if let Some(error) = validator.iter_errors(&value).next() {
                panic!("{stream}: {error} in {}", record.json);
            }
        }
    }
}

#[test]
fn every_list_is_read_whole_and_each_run_anew() {
    let workspace = Workspace::start(Settings::default());
    side_by_side(lists(), |stream| {
        let tap = tap(&workspace).streams(&[stream]);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &[stream]);
        assert_eq!(first.repeated(stream), 0, "{stream}");
        let along = streams::all().find(|row| row.name == stream).unwrap();
        assert_eq!(first.schemas.len(), 1 + along.children.len(), "{stream}");
        assert_valid(&first);
        let second = tap.run_from(&first.state()).ok();
        assert_whole(&workspace, [&second], &[stream]);
    });
}

#[test]
fn nothing_is_asked_of_a_further_stream_that_nobody_selected() {
    let workspace = Workspace::start(Settings::default());
    let run = Tap::of(&workspace).run().ok();
    for stream in lists() {
        assert!(!run.schemas.contains_key(stream), "{stream}");
    }
    let mut paths: Vec<String> = workspace
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/admins",
            "/articles",
            "/calls",
            "/contacts/search",
            "/conversations/search",
            "/help_center/collections",
            "/tags",
            "/teams",
        ]
    );
}

#[test]
fn a_catalog_selects_further_streams() {
    let workspace = Workspace::start(Settings::default());
    let catalog = json!({"streams": [{
        "tap_stream_id": "brands",
        "stream": "brands",
        "schema": {"type": "object", "properties": {"id": {"type": "string"}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
    }]});
    let run = Tap::of(&workspace).catalog(&catalog).run().ok();
    assert_whole(&workspace, [&run], &["brands"]);
    assert_eq!(run.schemas.len(), 1);
}

#[test]
fn archived_attributes_and_the_sizes_of_segments_are_asked_for() {
    let workspace = Workspace::start(Settings::default());
    let run = tap(&workspace)
        .streams(&["segments", "contact_attributes", "conversation_attributes"])
        .run()
        .ok();
    assert_eq!(run.schemas.len(), 3);
    let asked = |path: &str, name: &str| {
        let requests = workspace.requests_to(path);
        assert_eq!(requests.len(), 1, "{path}");
        requests[0]
            .query
            .iter()
            .any(|(key, value)| key == name && value == "true")
    };
    assert!(asked("/segments", "include_count"));
    assert!(asked("/data_attributes", "include_archived"));
    assert!(asked("/conversations/attributes", "include_archived"));
}

#[test]
fn a_stream_that_the_plan_lacks_is_named_and_the_others_go_on() {
    for fault in [403, 404] {
        let workspace = Workspace::start(Settings::default());
        workspace.inject(Fault::status("/news/newsfeeds", When::Always, fault));
        let tap = Tap::of(&workspace).streams(&["news_items", "newsfeeds", "brands"]);
        let run = tap.run().exited(1);
        assert_whole(&workspace, [&run], &["news_items", "brands"]);
        assert!(run.ids("newsfeeds").is_empty());
        let summary = run.stderr.split("not read to their end:").nth(1).unwrap();
        let line = summary.lines().nth(1).unwrap();
        assert!(line.starts_with("  newsfeeds: "), "{line}");
        assert!(line.contains("plan"), "{line}");
        assert!(!summary.contains("news_items:"), "{summary}");
        assert_eq!(workspace.count("/news/newsfeeds"), 1);

        let test = tap.argument("--test").run().exited(1);
        assert!(
            test.stderr.contains("newsfeeds: can't be read:"),
            "{}",
            test.stderr
        );
        assert!(
            test.stderr.contains("brands: can be read"),
            "{}",
            test.stderr
        );
    }
}

#[test]
fn of_several_custom_object_types_one_may_be_missing() {
    let workspace = Workspace::start(Settings::default());
    let run = Tap::of(&workspace)
        .set("custom_object_types", json!(["Unknown", "Order"]))
        .streams(&["custom_object_instances"])
        .run()
        .exited(1);
    let orders = (1..=160).map(|number| format!("Order/{number}")).collect();
    assert_same(
        "custom_object_instances",
        &orders,
        &run.ids("custom_object_instances"),
    );
    assert!(
        run.stderr.contains("GET /custom_object_instances/Unknown"),
        "{}",
        run.stderr
    );
}

#[test]
fn without_custom_object_types_their_stream_is_empty_and_says_why() {
    let workspace = Workspace::start(Settings::default());
    let run = Tap::of(&workspace)
        .streams(&["custom_object_instances"])
        .run()
        .ok();
    assert!(run.records.is_empty());
    assert_eq!(workspace.total_requests(), 0);
    assert!(
        run.stderr
            .contains("custom_object_instances: no setting says"),
        "{}",
        run.stderr
    );
}

#[test]
fn settings_reach_the_query_that_the_api_reads_them_from() {
    let workspace = Workspace::start(Settings {
        contacts: 3,
        conversations: 2,
        ..Settings::default()
    });
    let sent = |tap: &Tap, path: &str| -> Vec<Value> {
        workspace.clear_requests();
        let _ = tap.run().ok();
        let requests = workspace.requests_to(path);
        assert!(!requests.is_empty());
        requests
            .into_iter()
            .map(|request| json!(request.query))
            .collect()
    };
    let contacts = Tap::of(&workspace).streams(&["contacts"]);
    let plain = sent(&contacts, "/contacts/search");
    assert_eq!(plain, vec![json!([]); plain.len()]);
    let merged = sent(
        &contacts.set("include_merge_history", true),
        "/contacts/search",
    );
    assert_eq!(
        merged,
        vec![json!([["include_merge_history", "true"]]); merged.len()]
    );

    let parts = |display_as: &str| {
        let tap = Tap::of(&workspace)
            .streams(&["conversations"])
            .set("display_as", display_as);
        sent(&tap, "/conversations/2")
    };
    assert_eq!(parts("html"), vec![json!([]); 2]);
    assert_eq!(
        parts("plaintext"),
        vec![json!([["display_as", "plaintext"]]); 2]
    );
    let refused = Tap::of(&workspace)
        .set("display_as", "markdown")
        .run()
        .exited(2);
    assert!(refused.stderr.contains("display_as"), "{}", refused.stderr);
}
