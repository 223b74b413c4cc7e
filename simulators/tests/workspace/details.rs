//! What is read of one record: its nested lists, parts, transcript.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulators::workspace::{Settings, TranscriptFormat, Workspace, now};

use crate::client::{Client, filter, ids, text};

#[test]
fn nested_lists_show_ten_elements_and_the_rest_under_their_url() {
    let workspace = Workspace::start(Settings {
        contacts: 1,
        long_lists_every: 1,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let contact = &client.search_all("contacts", &filter(">", 0), "ascending", 1)[0];
    for (list, total, per_page) in [("tags", 14, 14), ("companies", 23, 23), ("notes", 61, 50)] {
        let shown = &contact[list];
        assert_eq!(shown["data"].as_array().map(Vec::len), Some(10));
        assert_eq!(shown["total_count"], total);
        assert_eq!(shown["has_more"], true);
        let page = client.get(shown["url"].as_str().expect("a URL")).json();
        assert_eq!(page["data"].as_array().map(Vec::len), Some(per_page));
        assert_eq!(page["data"][0]["id"], shown["data"][0]["id"]);
    }
    let notes = contact["notes"]["url"].as_str().expect("a URL");
    let next = client.get(notes).json()["pages"]["next"].clone();
    let next = text(&next).replace(&workspace.base_url(), "");
    let last = client.get(&next).json();
    assert_eq!(last["data"].as_array().map(Vec::len), Some(11));
    assert_eq!(last["pages"]["next"], Value::Null);
    let subscriptions = client.get(&notes.replace("notes", "subscriptions")).json();
    assert_eq!(subscriptions["data"].as_array().map(Vec::len), Some(13));
    assert_eq!(
        client.get("/contacts/unknown/tags").error_code(),
        "not_found"
    );
}

#[test]
fn a_conversation_shows_its_500_newest_parts() {
    let workspace = Workspace::start(Settings {
        conversations: 3,
        long_conversations: 1,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let mut seen = BTreeSet::new();
    for id in workspace.ids("conversations") {
        let conversation = client.get(&format!("/conversations/{id}")).json();
        let parts = &conversation["conversation_parts"];
        let listed = parts["conversation_parts"].as_array().expect("parts");
        let total = parts["total_count"].as_u64().expect("a count");
        assert_eq!(listed.len() as u64, total.min(500));
        let oldest_is_first = total == listed.len() as u64;
        let first = &listed[0]["created_at"];
        assert_eq!(
            first == &json!(conversation["created_at"].as_i64().expect("seconds") + 30),
            oldest_is_first
        );
        assert_eq!(workspace.read(|data| data.part_ids_of(&id)), ids(listed));
        seen.extend(ids(listed));
    }
    assert_eq!(seen, workspace.ids("conversation_parts"));
    assert!(seen.len() >= 502);

    let id = workspace
        .ids("conversations")
        .pop_first()
        .expect("a conversation");
    let parts = || client.get(&format!("/conversations/{id}")).json()["conversation_parts"].clone();
    let before = parts();
    workspace.touch("conversations", &id, now() + 5);
    assert_eq!(parts(), before);
    workspace.delete("conversations", &id);
    assert_eq!(client.get(&format!("/conversations/{id}")).status, 404);
    assert_eq!(
        client
            .search_all("conversations", &filter(">", 0), "ascending", 9)
            .len(),
        2
    );
}

#[test]
fn transcripts_come_as_text_or_json_once_they_are_there() {
    let workspace = Workspace::start(Settings {
        calls: 60,
        pending_transcripts_every: 3,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let get = |id: &str| client.get(&format!("/calls/{id}/transcript"));
    let there = workspace.ids("call_transcriptions");
    let mut pending = None;
    let (mut as_text, mut as_json) = (0, 0);
    for call in client.list_all("/calls") {
        let id = text(&call["id"]);
        let answer = get(&id);
        assert_eq!(answer.status == 200, there.contains(&id));
        if !there.contains(&id) {
            if let Some(url) = call["transcription_url"].as_str() {
                assert_eq!(
                    url,
                    format!("{}/calls/{id}/transcript", workspace.base_url())
                );
                pending = Some(id);
            }
            continue;
        }
        if answer.headers["content-type"]
            .to_str()
            .expect("text")
            .starts_with("text/plain")
        {
            as_text += 1;
            assert!(
                answer.body.starts_with("[00:00:03] Teammate 1: \""),
                "{}",
                answer.body
            );
        } else {
            as_json += 1;
            assert!(answer.json()[0]["content"].is_string());
        }
    }
    assert!(as_text > 5 && as_json > 5);
    let pending = pending.expect("a transcript that is not there yet");
    workspace.publish_transcript(&pending);
    assert_eq!(get(&pending).status, 200);
    assert!(workspace.ids("call_transcriptions").contains(&pending));
    workspace.adjust(|settings| settings.transcripts = TranscriptFormat::Json);
    assert!(get(&pending).json().is_array());
}
