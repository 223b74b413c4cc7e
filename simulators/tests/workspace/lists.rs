//! Lists with numbered pages.

use serde_json::Value;
use simulators::workspace::{PageNext, Settings, Workspace};

use crate::client::{Client, ids, ids_in_order, text, updated};

#[test]
fn calls_come_nearly_newest_first() {
    let workspace = Workspace::start(Settings {
        calls: 300,
        displaced_calls_every: 30,
        displaced_calls_pages: 4,
        total_pages_off_by: 1,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let calls = client.list_all("/calls");
    assert_eq!((calls.len(), ids(&calls)), (300, workspace.ids("calls")));
    let times: Vec<i64> = ids_in_order(&calls)
        .iter()
        .map(|id| workspace.updated_at("calls", id))
        .collect();
    assert!(!times.is_sorted_by(|a, b| a >= b));
    let mut sorted = times.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let farthest = times
        .iter()
        .enumerate()
        .map(|(place, time)| place.abs_diff(sorted.iter().position(|t| t == time).expect("it")))
        .max();
    assert!(
        (26..=110).contains(&farthest.expect("calls")),
        "{farthest:?}"
    );
    assert!(calls.iter().any(|call| call["updated_at"].is_i64()));
    assert!(calls.iter().any(|call| call["updated_at"].is_string()));

    let page = client.get("/calls?page=2&per_page=100").json();
    assert_eq!(page["data"].as_array().map(Vec::len), Some(25));
    assert_eq!(page["pages"]["total_pages"], 13);
    assert_eq!(page["pages"]["next"], Value::Null);
    workspace.adjust(|settings| settings.calls_next = PageNext::Number);
    assert_eq!(client.get("/calls?page=2").json()["pages"]["next"], 3);
    workspace.adjust(|settings| settings.calls_next = PageNext::Url);
    let next = client.get("/calls").json()["pages"]["next"].clone();
    assert_eq!(
        text(&next),
        format!("{}/calls?per_page=25&page=2", workspace.base_url())
    );
}

#[test]
fn articles_are_sorted_and_collections_are_not() {
    let workspace = Workspace::start(Settings {
        articles: 130,
        collections: 100,
        repeated_collections_every: 8,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let articles = client.list_all("/articles");
    assert_eq!(
        (articles.len(), ids(&articles)),
        (130, workspace.ids("articles"))
    );
    assert!(updated(&articles).is_sorted_by(|a, b| a >= b));
    assert_eq!(
        client.get("/articles").json()["data"]
            .as_array()
            .map(Vec::len),
        Some(20)
    );

    let collections = client.list_all("/help_center/collections");
    assert!(collections.len() > 100);
    assert_eq!(ids(&collections), workspace.ids("collections"));
    assert!(!updated(&collections).is_sorted_by(|a, b| a >= b));
    assert_eq!(
        client.get("/help_center/collections").json()["total_count"],
        100
    );
    let repeated = &collections.iter().find(|collection| {
        collections
            .iter()
            .filter(|other| other == collection)
            .count()
            == 2
    });
    assert!(repeated.is_some());
}
