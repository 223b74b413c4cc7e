//! Lists inside a record of which only the first elements are there, in whatever form that is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::{Ids, Tap, assert_same};
use crate::poison::awaited;
use simulators::http::{Reply, Request, Server};
use simulators::workspace::{Settings, Workspace, now};

const CONTACTS: usize = 30;
/// Elements of a whole list.
const WHOLE: usize = 14;
/// Of which a record holds the first.
const FIRST: usize = 10;

/// The lists, and where each is whole.
const LISTS: [(&str, &str); 5] = [
    ("tags", "tags"),
    ("notes", "notes"),
    ("companies", "companies"),
    ("opted_out_subscription_types", "subscriptions"),
    ("opted_in_subscription_types", "subscriptions"),
];

fn elements(list: &str, count: usize) -> Vec<Value> {
    let consent = list.split('_').nth(1).map(|way| format!("opt_{way}"));
    let element = |number: usize| match &consent {
        Some(consent) if list.starts_with("opted") => {
            json!({"id": number.to_string(), "consent_type": consent})
        }
        _ => json!({"id": number.to_string()}),
    };
    (1..=count).map(element).collect()
}

/// Contacts whose list of that name holds its first elements and says the rest by `said`; the whole
/// list has so many elements. Counts the requests for whole lists.
fn serve(list: &'static str, said: Value, whole: usize) -> (Server, Tap, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let place = LISTS.iter().find(|(name, _)| *name == list).unwrap().1;
    let updated_at = now() - 86_400;
    let answer = move |request: &Request| {
        if request.path.ends_with("/search") {
            let contact = |number: usize| {
                let id = format!("c{number}");
                let mut inside = json!({"type": "list", "data": elements(list, FIRST)});
                for (name, value) in said.as_object().unwrap() {
                    let value = value.as_str().map(|text| text.replace("{id}", &id));
                    inside[name] = value.map_or_else(|| said[name].clone(), Value::from);
                }
                json!({"id": id, "updated_at": updated_at, list: inside})
            };
            let data: Vec<_> = (0..CONTACTS).map(contact).collect();
            return Reply::json(
                200,
                json!({"data": data, "total_count": CONTACTS}).to_string(),
            );
        }
        if !request.path.ends_with(&format!("/{place}")) {
            return Reply::json(404, "{}");
        }
        count.fetch_add(1, Ordering::Relaxed);
        Reply::json(200, json!({"data": elements(list, whole)}).to_string())
    };
    let server = Server::start(answer);
    let workspace = Workspace::start(Settings::default());
    let tap = Tap::of(&workspace)
        .set("base_url", server.base_url())
        .set("max_attempts", 2)
        .streams(&["contacts"]);
    (server, tap, asked)
}

fn ids(elements: &Value) -> Ids {
    let elements = elements.as_array().into_iter().flatten();
    elements
        .map(|element| element["id"].as_str().unwrap().to_owned())
        .collect()
}

fn whole_ids(count: usize) -> Ids {
    (1..=count).map(|number| number.to_string()).collect()
}

#[test]
fn a_list_is_completed_however_it_says_that_it_is_truncated() {
    let url = |list: &str| {
        let place = LISTS.iter().find(|(name, _)| *name == list).unwrap().1;
        format!("/contacts/{{id}}/{place}")
    };
    for (list, _) in LISTS {
        for said in [
            json!({"has_more": true, "url": url(list), "total_count": WHOLE}),
            json!({"has_more": "true", "url": url(list)}),
            json!({"has_more": 1, "url": url(list)}),
            json!({"has_more": true, "url": null}),
            json!({"has_more": true}),
            json!({"has_more": true, "url": "/me?all=1"}),
            json!({"has_more": null, "url": url(list), "total_count": WHOLE}),
            json!({"url": url(list), "total_count": WHOLE}),
            json!({"has_more": false, "url": url(list), "total_count": WHOLE.to_string()}),
            json!({"total_count": WHOLE}),
        ] {
            let (_server, tap, asked) = serve(list, said.clone(), WHOLE);
            let run = tap.run().ok();
            assert_eq!(run.of_stream("contacts").count(), CONTACTS, "{said}");
            for contact in run.of_stream("contacts") {
                let inside = &contact.value()[list];
                assert_same(
                    &format!("{list} {said}"),
                    &whole_ids(WHOLE),
                    &ids(&inside["data"]),
                );
                if let Some(has_more) = inside.get("has_more") {
                    assert_eq!(has_more, &json!(false), "{list} {said}");
                }
            }
            assert_eq!(asked.load(Ordering::Relaxed), CONTACTS, "{list} {said}");
        }
    }
}

#[test]
fn a_list_that_is_whole_is_not_asked_for() {
    for said in [
        json!({"has_more": false, "url": "/contacts/{id}/tags", "total_count": FIRST}),
        json!({"has_more": "false", "total_count": FIRST}),
        json!({"has_more": 0}),
        json!({}),
    ] {
        let (_server, tap, asked) = serve("tags", said.clone(), FIRST);
        let run = tap.run().ok();
        for contact in run.of_stream("contacts") {
            assert_eq!(
                contact.value()["tags"]["data"],
                json!(elements("tags", FIRST))
            );
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0, "{said}");
    }
}

#[test]
fn counts_that_are_always_too_high_cost_some_requests_and_no_more() {
    let said = json!({"has_more": false, "total_count": WHOLE});
    let (_server, tap, asked) = serve("tags", said, FIRST);
    let run = tap.set("concurrency", 1).run().ok();
    assert_eq!(run.of_stream("contacts").count(), CONTACTS);
    assert!(asked.load(Ordering::Relaxed) < CONTACTS);
    assert!(run.stderr.contains("isn't believed"), "{}", run.stderr);
    assert!(awaited(&run).is_empty());
}
