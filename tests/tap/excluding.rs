//! `exclude` and `--exclude`: streams that are not read, and properties that are left out.

use serde_json::{Value, json};
use simulators::workspace::{Settings, Workspace};

use crate::harness::{Run, STREAMS, Tap, assert_whole};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 30,
        conversations: 12,
        calls: 8,
        articles: 4,
        collections: 4,
        ..Settings::default()
    })
}

fn streams_of(run: &Run) -> Vec<&str> {
    let mut streams: Vec<&str> = run.schemas.keys().map(String::as_str).collect();
    streams.sort_by_key(|name| STREAMS.iter().position(|stream| stream == name));
    streams
}

fn all_but(excluded: &[&str]) -> Vec<&'static str> {
    STREAMS
        .into_iter()
        .filter(|name| !excluded.contains(name))
        .collect()
}

/// Values at a path of a stream's records, arrays on the way being passed through.
fn values<'a>(value: &'a Value, path: &[&str], found: &mut Vec<&'a Value>) {
    match (value, path) {
        (Value::Array(elements), _) => {
            for element in elements {
                values(element, path, found);
            }
        }
        (_, []) => found.push(value),
        (_, [name, rest @ ..]) => {
            if let Some(inner) = value.get(name) {
                values(inner, rest, found);
            }
        }
    }
}

fn count_of(run: &Run, stream: &str, path: &[&str]) -> usize {
    let records = run.records.iter().filter(|record| record.stream == stream);
    records
        .map(|record| {
            let record = record.value();
            let mut found = Vec::new();
            values(&record, path, &mut found);
            found.len()
        })
        .sum()
}

#[test]
fn an_excluded_stream_is_not_asked_for_and_takes_along_what_comes_with_it() {
    let workspace = workspace();
    for (excluded, gone) in [
        (json!(["tags"]), vec!["tags"]),
        (
            json!("conversations, admins"),
            vec!["admins", "conversations", "conversation_parts"],
        ),
        (json!(["conversation_parts"]), vec!["conversation_parts"]),
    ] {
        let before = workspace.requests().len();
        let run = Tap::of(&workspace).set("exclude", excluded).run().ok();
        let left = all_but(&gone);
        assert_eq!(streams_of(&run), left);
        assert_whole(&workspace, [&run], &left);
        let asked = workspace.requests().split_off(before);
        for name in gone {
            let path = match name {
                "conversation_parts" => "/conversations/1",
                "conversations" => "/conversations/search",
                name => &format!("/{name}"),
            };
            let count = asked
                .iter()
                .filter(|request| request.path.starts_with(path));
            assert_eq!(count.count(), 0, "{path}");
        }
    }
}

#[test]
fn arguments_add_to_the_setting_and_commas_part_names() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .set("exclude", json!(["tags"]))
        .argument("--exclude=calls,articles")
        .argument("--exclude=contacts")
        .env("TAP_INTERCOM_EXCLUDE", "not read, since there is a file")
        .run()
        .ok();
    let gone = [
        "tags",
        "contacts",
        "calls",
        "call_transcriptions",
        "articles",
    ];
    assert_eq!(streams_of(&run), all_but(&gone));

    let named = Tap::of(&workspace)
        .argument("--stream=calls,tags")
        .argument("--exclude=call_transcriptions")
        .run()
        .ok();
    assert_eq!(streams_of(&named), ["tags", "calls"]);
    let child_alone = Tap::of(&workspace)
        .argument("--stream=conversation_parts")
        .argument("--exclude=conversations")
        .run()
        .ok();
    assert_whole(&workspace, [&child_alone], &["conversation_parts"]);
    assert_eq!(streams_of(&child_alone), ["conversation_parts"]);
}

#[test]
fn lists_in_the_environment_are_json_or_text_with_commas() {
    let workspace = workspace();
    for text in ["tags, contacts.email", r#"["tags","contacts.email"]"#] {
        let run = Tap::of(&workspace).env("TAP_INTERCOM_EXCLUDE", text);
        let mut command = run.command(None);
        command.args(["--config", "ENV"]);
        let run = Run::of(command.output().unwrap()).ok();
        assert_eq!(streams_of(&run), all_but(&["tags"]), "{text}");
        assert_eq!(count_of(&run, "contacts", &["email"]), 0, "{text}");
    }
    let broken = Tap::of(&workspace).set("exclude", r#"["tags""#).run();
    assert_eq!(broken.exit_code, Some(2));
    assert!(
        broken
            .stderr
            .contains("setting `exclude` is \"[\\\"tags\\\"\", but must be a list of"),
        "{}",
        broken.stderr
    );
}

#[test]
fn excluded_properties_are_neither_in_records_nor_in_schemas() {
    let workspace = workspace();
    let whole = Tap::of(&workspace).run().ok();
    let paths: [(&str, &[&str]); 4] = [
        ("contacts", &["email"]),
        ("contacts", &["tags", "data", "url"]),
        ("conversations", &["source", "author", "name"]),
        ("conversation_parts", &["body"]),
    ];
    let excluded: Vec<String> = paths
        .iter()
        .map(|(stream, path)| format!("{stream}.{}", path.join(".")))
        .collect();
    let run = Tap::of(&workspace).set("exclude", excluded).run().ok();
    assert_whole(&workspace, [&run], &STREAMS);
    for (stream, path) in paths {
        assert!(count_of(&whole, stream, path) > 0, "{stream} {path:?}");
        assert_eq!(count_of(&run, stream, path), 0, "{stream} {path:?}");
        let mut place = &run.schemas[stream]["schema"];
        for name in path {
            if place["items"].is_object() {
                place = &place["items"];
            }
            place = &place["properties"][name];
        }
        assert!(place.is_null(), "{stream} {path:?}");
    }
}

#[test]
fn what_a_catalog_selects_can_be_excluded_nevertheless() {
    let workspace = workspace();
    let discovered = Tap::of(&workspace).argument("--discover").command(None);
    let mut discovered = discovered;
    let mut catalog: Value = serde_json::from_slice(&discovered.output().unwrap().stdout).unwrap();
    for entry in catalog["streams"].as_array_mut().unwrap() {
        let name = entry["tap_stream_id"].as_str().unwrap();
        let is_selected = ["contacts", "tags"].contains(&name);
        for about in entry["metadata"].as_array_mut().unwrap() {
            about["metadata"]["selected"] = json!(is_selected);
        }
    }
    let run = Tap::of(&workspace)
        .catalog(&catalog)
        .argument("--exclude=tags,contacts.location.city")
        .run()
        .ok();
    assert_eq!(streams_of(&run), ["contacts"]);
    assert_eq!(count_of(&run, "contacts", &["location", "city"]), 0);
}

#[test]
fn what_can_not_be_excluded_is_told_before_anything_is_read() {
    let workspace = workspace();
    for (excluded, told) in [
        (
            "contcts",
            "there is no stream contcts\nhint: did you mean contacts?",
        ),
        (
            "contacts.emial",
            "contacts.emial can't be excluded: there is no property emial there\nhint: did you mean \
             email?",
        ),
        (
            "contacts.location.ctiy",
            "there is no property ctiy there\nhint: did you mean city?",
        ),
        (
            "contacts.email.domain",
            "there is no property domain there\n",
        ),
        (
            "contacts.id",
            "contacts.id can't be excluded: without it a record",
        ),
        (
            "contacts.updated_at",
            "contacts.updated_at can't be excluded",
        ),
        (
            "call_transcriptions.call_id",
            "can't be excluded: without it",
        ),
        ("contacts.", "there is no property  there"),
    ] {
        let run = Tap::of(&workspace)
            .argument("--stream=tags")
            .argument(&format!("--exclude={excluded}"))
            .run();
        assert_eq!(run.exit_code, Some(2), "{excluded}");
        assert!(run.stderr.contains(told), "{excluded}: {}", run.stderr);
    }
    let nothing = Tap::of(&workspace)
        .argument("--stream=tags")
        .argument("--exclude=tags")
        .run();
    assert_eq!(nothing.exit_code, Some(2));
    assert!(
        nothing
            .stderr
            .contains("nothing is left to be read: what is chosen is excluded\nhint: "),
        "{}",
        nothing.stderr
    );
    assert_eq!(workspace.requests().len(), 0);
    // What people define isn't declared anywhere.
    let _ = Tap::of(&workspace)
        .argument("--stream=contacts")
        .argument("--exclude=contacts.custom_attributes.plan")
        .run()
        .ok();
}
