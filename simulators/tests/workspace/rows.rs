//! Rows: the same from the same seed, and changing while they are read.

use std::time::{Duration, Instant};

use serde_json::json;
use simulators::workspace::{Churn, CursorKind, Settings, Workspace, now};

use crate::client::{Client, NOON, filter, ids, text};

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let page = |seed| {
        let workspace = Workspace::start(Settings {
            seed,
            base_time: Some(NOON),
            contacts: 50,
            ..Settings::default()
        });
        let query = json!({"query": filter(">", 0)});
        Client::of(&workspace).search("contacts", &query).body
    };
    assert_eq!(page(7), page(7));
    assert_ne!(page(7), page(8));
}

#[test]
fn rows_that_change_while_being_read_move() {
    for cursors in [CursorKind::SearchAfter, CursorKind::Offset] {
        let workspace = Workspace::start(Settings {
            contacts: 100,
            cursors,
            ..Settings::default()
        });
        let client = Client::of(&workspace);
        let before = workspace.ids("contacts");
        let oldest = client.search_all("contacts", &filter(">", 0), "ascending", 10);
        let (touched, deleted) = (text(&oldest[0]["id"]), text(&oldest[1]["id"]));
        let later = now();
        workspace.on_request("/contacts/search", 2, move |data| {
            data.touch("contacts", &touched, later);
            data.delete("contacts", &deleted);
        });
        let records = client.search_all("contacts", &filter(">", 0), "ascending", 10);
        let missed = before.difference(&ids(&records)).count();
        match cursors {
            // The touched row came twice.
            CursorKind::SearchAfter => assert_eq!((records.len(), missed), (101, 0)),
            // Two rows were pulled forward over the page's border, and missed.
            CursorKind::Offset => assert_eq!((records.len(), missed), (99, 2)),
        }
    }
}

#[test]
fn rows_are_indexed_late() {
    let workspace = Workspace::start(Settings::default());
    let client = Client::of(&workspace);
    let found = || {
        client
            .search_all("contacts", &filter(">", 0), "ascending", 9)
            .len()
    };
    let late = workspace.add("contacts", NOON);
    let later = workspace.add("contacts", NOON);
    workspace.hide("contacts", &late);
    let until = Instant::now() + Duration::from_secs(1);
    workspace.change(|data| data.hide_until("contacts", &later, until));
    assert_eq!(found(), 0);
    assert_eq!(workspace.ids("contacts").len(), 2);
    workspace.reveal("contacts", &late);
    assert_eq!(found(), 1);
    std::thread::sleep(until - Instant::now());
    assert_eq!(found(), 2);
}

#[test]
fn churn_changes_rows_at_each_request() {
    let workspace = Workspace::start(Settings {
        articles: 100,
        churn: Churn {
            touches: 3,
            inserts: 2,
            deletes: 1,
        },
        ..Settings::default()
    });
    let before = workspace.ids("articles");
    Client::of(&workspace).list_all("/articles");
    let after = workspace.ids("articles");
    assert!(after.len() > 100);
    assert!(before.difference(&after).count() > 0);
    assert!(
        workspace
            .read(|data| data.ids_since("articles", now() - 60))
            .len()
            > 10
    );
}
