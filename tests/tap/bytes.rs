//! Records are the API's own: what is emitted is compared byte by byte with what was served.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::harness::{Run, Tap, assert_same, served};
use simulators::http::{Reply, Server};
use simulators::workspace::{Settings, Workspace, now};

fn tiny() -> Settings {
    Settings {
        contacts: 40,
        conversations: 10,
        calls: 20,
        articles: 10,
        collections: 10,
        ..Settings::default()
    }
}

/// The records of an answer, by id.
fn raw_records(body: &str, at: &str) -> BTreeMap<String, String> {
    let answer: BTreeMap<&str, &RawValue> = serde_json::from_str(body).unwrap();
    let records: Vec<&RawValue> = serde_json::from_str(answer[at].get()).unwrap();
    records
        .into_iter()
        .map(|record| {
            let value: Value = serde_json::from_str(record.get()).unwrap();
            let id = value["id"].as_str().unwrap().to_owned();
            (id, record.get().to_owned())
        })
        .collect()
}

fn emitted(run: &Run, stream: &str) -> BTreeMap<String, String> {
    run.of_stream(stream)
        .map(|record| (record.id.clone(), record.json.clone()))
        .collect()
}

#[test]
fn every_byte_of_a_record_is_as_it_was_served() {
    let workspace = Workspace::start(tiny());
    let run = Tap::of(&workspace).run().ok();
    for (stream, path, at) in [
        ("admins", "/admins", "admins"),
        ("teams", "/teams", "teams"),
        ("tags", "/tags", "data"),
        ("calls", "/calls?per_page=25", "data"),
        ("articles", "/articles?per_page=150", "data"),
        (
            "collections",
            "/help_center/collections?per_page=150",
            "data",
        ),
    ] {
        let expected = raw_records(&served(&workspace, path), at);
        assert_eq!(emitted(&run, stream), expected, "{stream}");
    }
    for contact in run.of_stream("contacts") {
        let path = format!("/contacts/{}", contact.id);
        assert_eq!(contact.json, served(&workspace, &path));
        for exact in [
            r#""budget":1e2,"#,
            r#""account":123456789012345678901234567890,"#,
            r#""balance":-0.0,"#,
            r#""escaped":"tab\t slash\/ \u00e9 \ud83d\ude80","#,
        ] {
            assert!(contact.json.contains(exact), "{}", contact.json);
        }
    }
    for conversation in run.of_stream("conversations") {
        let whole = served(&workspace, &format!("/conversations/{}", conversation.id));
        let without_parts = whole.split_once(r#","conversation_parts":"#).unwrap().0;
        assert_eq!(conversation.json, format!("{without_parts}}}"));
        let parts = whole
            .split_once(r#""conversation_parts":{"#)
            .map(|(_, list)| format!("{{{list}"))
            .unwrap();
        let parts = raw_records(parts.strip_suffix('}').unwrap(), "conversation_parts");
        let updated_at = workspace.updated_at("conversations", &conversation.id);
        for (id, part) in parts {
            let open = part.strip_suffix('}').unwrap();
            let parent = &conversation.id;
            let expected = format!(
                r#"{open},"conversation_id":"{parent}","conversation_updated_at":{updated_at}}}"#
            );
            assert_eq!(emitted(&run, "conversation_parts")[&id], expected);
        }
    }
}

#[test]
fn a_deselected_property_is_absent_and_all_else_is_as_it_was_served() {
    let workspace = Workspace::start(tiny());
    let discovered = Tap::of(&workspace).argument("--discover").command(None);
    let catalog = output_of(discovered);
    let mut catalog: Value = serde_json::from_str(&catalog).unwrap();
    deselect(&mut catalog, "contacts", &["properties", "email"]);
    deselect(
        &mut catalog,
        "contacts",
        &["properties", "location", "properties", "city"],
    );
    deselect(&mut catalog, "contacts", &["properties", "updated_at"]);
    let run = Tap::of(&workspace).catalog(&catalog).run().ok();
    let mut compared = 0;
    for contact in run.of_stream("contacts") {
        let whole = served(&workspace, &format!("/contacts/{}", contact.id));
        let value: Value = serde_json::from_str(&whole).unwrap();
        let email = format!(r#""email":{},"#, value["email"]);
        let city = format!(r#""city":{},"#, value["location"]["city"]);
        assert!(whole.contains(&email) && whole.contains(&city));
        // The replication key stays, though it was deselected.
        assert_eq!(contact.json, whole.replace(&email, "").replace(&city, ""));
        compared += 1;
    }
    assert_eq!(compared, 40);
    let schema = &run.schemas["contacts"]["schema"]["properties"];
    assert!(schema.get("email").is_none() && schema.get("updated_at").is_some());
    let articles = raw_records(&served(&workspace, "/articles?per_page=150"), "data");
    assert_eq!(emitted(&run, "articles"), articles);
}

fn output_of(mut command: std::process::Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

fn deselect(catalog: &mut Value, stream: &str, breadcrumb: &[&str]) {
    let streams = catalog["streams"].as_array_mut().unwrap();
    let entry = streams
        .iter_mut()
        .find(|entry| entry["tap_stream_id"] == stream)
        .unwrap();
    let metadata = entry["metadata"].as_array_mut().unwrap();
    let about = metadata
        .iter_mut()
        .find(|about| about["breadcrumb"] == json!(breadcrumb))
        .unwrap();
    about["metadata"]["selected"] = json!(false);
}

#[test]
fn lists_that_the_api_cuts_are_completed() {
    let workspace = Workspace::start(Settings {
        contacts: 12,
        long_lists_every: 3,
        ..Settings::default()
    });
    let run = Tap::of(&workspace).streams(&["contacts"]).run().ok();
    let mut completed = 0;
    for contact in run.of_stream("contacts") {
        assert!(!contact.json.contains(r#""has_more":true"#));
        let contact = contact.value();
        for list in [
            "tags",
            "notes",
            "companies",
            "opted_out_subscription_types",
            "opted_in_subscription_types",
        ] {
            let elements = contact[list]["data"].as_array().unwrap();
            let ids: std::collections::BTreeSet<&str> = elements
                .iter()
                .map(|element| element["id"].as_str().unwrap())
                .collect();
            assert_eq!(json!(ids.len()), contact[list]["total_count"], "{list}");
            assert_eq!(ids.len(), elements.len(), "{list}");
            completed += usize::from(ids.len() > 10);
        }
    }
    assert!(completed >= 4, "{completed}");
}

/// What no workspace we know serves, but JSON allows.
#[test]
fn odd_but_valid_json_passes_through() {
    let at = now() - 86_400;
    let contact = format!(
        r#"{{"z":[ 1e2,-0.0,1.10 ],"id" : "é\u0041","a\"b":123456789012345678901234567890.5E+10,"updated_at":{at},"z":2,"text":"\u2028\u0000 \ud83d\ude80","":{{}}}}"#
    );
    let body = format!(
        "{{\"pages\":{{}},\"total_count\":1,\n \"data\":[\r\n{contact}\n,{{\n\"id\":\"2\",\r\n\"updated_at\":\"{at}\"}}]}}"
    );
    let server = Server::start(move |_| Reply::json(200, body.clone()));
    let workspace = Workspace::start(Settings::default());
    let run = Tap::of(&workspace)
        .set("base_url", server.base_url())
        .streams(&["contacts"])
        .run()
        .ok();
    assert_same(
        "contacts",
        &["éA".to_owned(), "2".to_owned()].into(),
        &run.ids("contacts"),
    );
    assert_eq!(emitted(&run, "contacts")["éA"], contact);
    assert_eq!(
        emitted(&run, "contacts")["2"],
        format!(r#"{{"id":"2","updated_at":"{at}"}}"#)
    );
}
