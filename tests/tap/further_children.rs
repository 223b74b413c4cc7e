//! Further streams that are read along with others: parts of tickets, what belongs to contacts,
//! versions of articles.

use serde_json::{Value, json};

use crate::further_lists::assert_valid;
use crate::harness::{Ids, Run, Tap, assert_same, assert_whole, served};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace, now};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 300,
        tickets: 80,
        articles: 40,
        long_lists_every: 20,
        ..Settings::default()
    })
}

/// The records of the workspace that the run lacks or has too many of: none. Nor has it any twice.
#[track_caller]
fn assert_read_once(workspace: &Workspace, run: &Run, streams: &[&str]) {
    assert_whole(workspace, [run], streams);
    for stream in streams {
        assert_eq!(run.repeated(stream), 0, "{stream}");
    }
    assert_valid(run);
}

#[test]
fn tickets_come_with_their_parts_and_only_changed_ones_again() {
    let workspace = workspace();
    let tap = Tap::of(&workspace).streams(&["tickets"]);
    let first = tap.run().ok();
    assert_read_once(&workspace, &first, &["tickets", "ticket_parts"]);
    let part = first.of_stream("ticket_parts").next().unwrap().value();
    let ticket = part["ticket_id"].as_str().unwrap();
    assert_eq!(
        part["ticket_updated_at"],
        workspace.updated_at("tickets", ticket)
    );

    let unchanged = tap.run_from(&first.state()).ok();
    assert!(unchanged.records.is_empty(), "{:?}", unchanged.records);

    workspace.touch("tickets", ticket, now());
    let added = workspace.add("tickets", now());
    let changed = tap.run_from(&first.state()).ok();
    let expected: Ids = [ticket.to_owned(), added].into();
    assert_same("tickets", &expected, &changed.ids("tickets"));
    let parts = changed
        .of_stream("ticket_parts")
        .map(|part| part.value()["ticket_id"].clone());
    let parents: Ids = parts.map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_same("tickets", &expected, &parents);
}

#[test]
fn a_ticket_that_is_gone_before_its_parts_are_asked_for_is_passed_over() {
    let workspace = workspace();
    let gone = workspace.ids("tickets").first().unwrap().clone();
    let id = gone.clone();
    workspace.on_request("/tickets/6", 1, move |data| data.delete("tickets", &id));
    let run = Tap::of(&workspace).streams(&["tickets"]).run().ok();
    assert_whole(&workspace, [&run], &["ticket_parts"]);
}

/// Whether the children are part of the parent's own answer or lie below it.
#[test]
fn parents_that_are_all_gone_say_nothing_of_what_the_version_has() {
    let cases = [
        ("tickets", "ticket_parts"),
        ("contacts", "contact_segments"),
    ];
    for (parents, children) in cases {
        let workspace = Workspace::start(Settings {
            contacts: 8,
            tickets: 8,
            ..Settings::default()
        });
        for id in workspace.ids(parents) {
            let detail = format!("/{parents}/{id}");
            workspace.on_request(&detail, 1, move |data| data.delete(parents, &id));
        }
        let tap = Tap::of(&workspace).streams(&[parents, children]);
        let run = tap.run().ok();
        assert_eq!(run.ids(parents).len(), 8);
        assert_eq!(run.ids(children), Ids::new(), "{}", run.stderr);
        assert!(!run.stderr.contains("given up"), "{}", run.stderr);
        assert!(!run.stderr.contains("details_missing"), "{}", run.stderr);

        let added = workspace.add(parents, now());
        let next = tap.run_from(&run.state()).ok();
        assert_same(parents, &[added].into(), &next.ids(parents));
        assert_whole(&workspace, [&next], &[children]);
    }
}

#[test]
fn tags_and_companies_of_contacts_cost_requests_only_where_the_api_cut_them() {
    let workspace = workspace();
    let streams = ["contact_tags", "contact_companies"];
    let tap = Tap::of(&workspace).streams(&streams);
    let run = tap.run().ok();
    assert_read_once(&workspace, &run, &streams);
    assert!(run.ids("contacts").is_empty());

    let contacts = workspace.requests_to("/contacts/6");
    let asked: Ids = contacts
        .iter()
        .map(|request| request.path.clone())
        .collect();
    assert!(asked.iter().any(|path| path.ends_with("/tags")));
    for path in asked {
        let id = path.split('/').nth(2).unwrap();
        let contact: Value =
            serde_json::from_str(&served(&workspace, &format!("/contacts/{id}"))).unwrap();
        let is_truncated = |list: &str| contact[list]["has_more"] == true;
        assert!(is_truncated("tags") || is_truncated("companies"), "{path}");
    }
    assert!(tap.run_from(&run.state()).ok().records.is_empty());
}

#[test]
fn tags_of_contacts_are_elements_of_the_contacts_that_are_emitted() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .streams(&["contacts", "contact_tags"])
        .run()
        .ok();
    assert_read_once(&workspace, &run, &["contacts", "contact_tags"]);
    let mut inside = Ids::new();
    for contact in run.of_stream("contacts") {
        for tag in contact.value()["tags"]["data"].as_array().unwrap() {
            inside.insert(format!("{}/{}", contact.id, tag["id"].as_str().unwrap()));
        }
    }
    assert_same("contact_tags", &inside, &run.ids("contact_tags"));
    let tag = run.of_stream("contact_tags").next().unwrap();
    assert!(tag.json.ends_with(&format!(
        ",\"contact_id\":\"{}\"}}",
        tag.id.split('/').next().unwrap()
    )));
}

#[test]
fn notes_of_contacts_are_asked_for_where_there_are_any() {
    let workspace = workspace();
    let run = Tap::of(&workspace).streams(&["contact_notes"]).run().ok();
    assert_read_once(&workspace, &run, &["contact_notes"]);
    let mut contacts = Ids::new();
    for note in run.of_stream("contact_notes") {
        let note = note.value();
        assert_eq!(note["contact_id"], note["contact"]["id"]);
        assert!(note["body"].as_str().unwrap().starts_with("<p>Note "));
        contacts.insert(format!(
            "/contacts/{}/notes",
            note["contact_id"].as_str().unwrap()
        ));
    }
    let asked: Ids = workspace
        .requests_to("/contacts/6")
        .into_iter()
        .filter(|request| request.path.ends_with("/notes"))
        .map(|request| request.path)
        .collect();
    assert_same("contacts with notes", &contacts, &asked);
}

#[test]
fn segments_of_contacts_are_asked_for_each() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .streams(&["contact_segments"])
        .run()
        .ok();
    assert_read_once(&workspace, &run, &["contact_segments"]);
    assert!(run.bookmark("contact_segments")["updated_at"].is_i64());
    assert!(run.bookmark("contacts").is_null());
}

#[test]
fn versions_of_articles_are_read_over_all_their_pages() {
    let workspace = workspace();
    let tap = Tap::of(&workspace).streams(&["articles", "article_versions"]);
    let run = tap.run().ok();
    assert_read_once(&workspace, &run, &["articles", "article_versions"]);
    let article = run.ids("articles").first().unwrap().clone();
    workspace.touch("articles", &article, now());
    let second = tap.run_from(&run.state()).ok();
    assert_same(
        "articles",
        &[article.clone()].into(),
        &second.ids("articles"),
    );
    for version in second.of_stream("article_versions") {
        assert_eq!(version.value()["article_id"], json!(article));
    }
    assert!(!second.ids("article_versions").is_empty());
}

#[test]
fn a_stream_by_name_brings_only_what_is_selected_like_it() {
    let workspace = workspace();
    for (stream, expected) in [
        ("contacts", vec!["contacts"]),
        ("articles", vec!["articles"]),
        ("tickets", vec!["ticket_parts", "tickets"]),
    ] {
        let run = Tap::of(&workspace).streams(&[stream]).run().ok();
        let streams: Vec<&str> = run.schemas.keys().map(String::as_str).collect();
        assert_eq!(streams, expected);
    }
}

#[test]
fn a_contact_that_was_merged_is_gone_and_no_hole() {
    let workspace = Workspace::start(Settings {
        contacts: 5,
        ..Settings::default()
    });
    let merged = workspace.ids("contacts").into_iter().next().unwrap();
    let path = format!("/contacts/{merged}/segments");
    let message = "Contact has been merged";
    let kind = FaultKind::Status(410, "contact_merged".into(), message.into());
    workspace.inject(Fault::new(&path, When::Always, kind));
    let tap = Tap::of(&workspace).streams(&["contacts", "contact_segments"]);
    let run = tap.run().ok();
    assert_same("contacts", &workspace.ids("contacts"), &run.ids("contacts"));
    let told = format!("GET {path}: gone, merged into another");
    assert!(run.stderr.contains(&told), "{}", run.stderr);
    let state = run.state().to_string();
    assert!(!state.contains("awaited"), "{state}");
    assert_eq!(workspace.count(&path), 1);
}
