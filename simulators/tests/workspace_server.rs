//! The simulated workspace behaves as the API is described.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulators::workspace::{
    Churn, CursorKind, Dates, Fault, FaultKind, LastPage, PageNext, Settings, TooMany,
    TranscriptFormat, When, Workspace, now,
};

/// 2026-03-10T12:00:00Z.
const NOON: i64 = 1_773_144_000;
const HOUR: i64 = 3600;

struct Client<'a> {
    workspace: &'a Workspace,
    agent: ureq::Agent,
}

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    fn error_code(&self) -> String {
        let body = self.json();
        assert_eq!(body["type"], "error.list");
        text(&body["errors"][0]["code"])
    }

    fn header(&self, name: &str) -> Option<i64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }
}

impl Client<'_> {
    fn of(workspace: &Workspace) -> Client<'_> {
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Client { workspace, agent }
    }

    fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        let request = self
            .agent
            .get(format!("{}{path}", self.workspace.base_url()));
        let token = format!("Bearer {}", self.workspace.token());
        let mut response = request.header("Authorization", token).call()?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string()?,
        })
    }

    fn get(&self, path: &str) -> Answer {
        self.try_get(path).expect("it answers")
    }

    fn search_as(&self, version: &str, stream: &str, body: &Value) -> Answer {
        let url = format!("{}/{stream}/search", self.workspace.base_url());
        let mut response = self
            .agent
            .post(url)
            .header(
                "Authorization",
                format!("Bearer {}", self.workspace.token()),
            )
            .header("Intercom-Version", version)
            .send(body.to_string())
            .expect("it answers");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string().expect("a body"),
        }
    }

    fn search(&self, stream: &str, body: &Value) -> Answer {
        self.search_as("2.17", stream, body)
    }

    /// Every page of a search, oldest or newest first: the records, in the order they came.
    fn search_all(&self, stream: &str, query: &Value, order: &str, per_page: u32) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..1000 {
            let page = self
                .search(
                    stream,
                    &json!({
                        "query": query,
                        "sort": {"field": "updated_at", "order": order},
                        "pagination": {"per_page": per_page, "starting_after": cursor},
                    }),
                )
                .json();
            let key = if stream == "contacts" { "data" } else { stream };
            records.extend(page[key].as_array().expect("records").clone());
            cursor = page["pages"]["next"]["starting_after"].clone();
            if cursor.is_null() {
                return records;
            }
        }
        panic!("the search has no end");
    }

    /// Every page of a page-numbered list.
    fn list_all(&self, path: &str) -> Vec<Value> {
        let mut records = Vec::new();
        for page in 1.. {
            let body = self.get(&format!("{path}?page={page}&per_page=25")).json();
            let data = body["data"].as_array().expect("records");
            if data.is_empty() {
                break;
            }
            records.extend(data.clone());
        }
        records
    }
}

fn filter(operator: &str, value: i64) -> Value {
    json!({"field": "updated_at", "operator": operator, "value": value})
}

fn text(value: &Value) -> String {
    value.as_str().expect("it is a string").to_owned()
}

fn ids(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| text(&record["id"])).collect()
}

fn updated(records: &[Value]) -> Vec<i64> {
    let times = records.iter().map(|record| &record["updated_at"]);
    times.map(|time| time.as_i64().expect("seconds")).collect()
}

#[test]
fn a_search_gives_every_contact_once_in_order() {
    let workspace = Workspace::start(Settings {
        contacts: 1000,
        same_second_rows: 400,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    for order in ["ascending", "descending"] {
        let records = client.search_all("contacts", &filter(">", 0), order, 150);
        assert_eq!(records.len(), 1000);
        assert_eq!(ids(&records), workspace.ids("contacts"));
        let times = updated(&records);
        assert!(times.is_sorted_by(|a, b| if order == "ascending" { a <= b } else { a >= b }));
        let mut counts = std::collections::HashMap::new();
        for time in times {
            *counts.entry(time).or_insert(0) += 1;
        }
        assert!(counts.values().any(|&count| count >= 400));
    }
    let page = client.search("contacts", &json!({"query": filter(">", 0)}));
    assert_eq!(page.json()["total_count"], 1000);
    assert_eq!(page.json()["pages"]["total_pages"], 20);
}

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
fn contact_search_matches_whole_days_of_the_workspace_up_to_2_16() {
    let workspace = Workspace::start(Settings {
        timezone: "Pacific/Apia".parse().expect("a timezone"),
        ..Settings::default()
    });
    // In Apia (UTC+13) the day changes at 11:00 UTC.
    let times = [-49, -25, -2, 0, 6, 22, 24].map(|hours| NOON + hours * HOUR);
    for time in times {
        workspace.add("contacts", time);
    }
    let client = Client::of(&workspace);
    let found = |version: &str, operator: &str, value: i64| {
        let body = json!({"query": filter(operator, value), "sort": {"order": "ascending"}});
        let answer = client.search_as(version, "contacts", &body).json();
        updated(answer["data"].as_array().expect("records"))
    };
    assert_eq!(found("2.16", "=", NOON), times[3..6]);
    assert_eq!(found("2.16", ">", NOON), times[6..]);
    assert_eq!(found("2.16", "<", NOON + 20 * HOUR), times[..3]);
    assert_eq!(found("2.17", ">", NOON), times[4..]);
    assert_eq!(found("2.17", "<", NOON), times[..3]);
    assert_eq!(found("2.17", "=", NOON), times[3..4]);
    for operator in [">=", "<=", "!=", "IN"] {
        let answer = client.search("contacts", &json!({"query": filter(operator, NOON)}));
        assert_eq!((answer.status, operator), (400, operator));
        assert_eq!(answer.error_code(), "parameter_invalid");
    }
    workspace.adjust(|settings| settings.dates = Dates::WholeDay);
    assert_eq!(found("2.17", ">", NOON), times[6..]);
    workspace.adjust(|settings| settings.dates = Dates::Exact);
    assert_eq!(found("2.16", ">", NOON), times[4..]);
}

#[test]
fn a_day_that_begins_with_a_skipped_hour_is_whole() {
    // Clocks in Santiago went from 24:00 on 2025-09-06 (UTC-4) to 01:00 on 2025-09-07 (UTC-3).
    let midnight = 1_757_217_600;
    let workspace = Workspace::start(Settings {
        timezone: "America/Santiago".parse().expect("a timezone"),
        dates: Dates::WholeDay,
        ..Settings::default()
    });
    for time in [
        midnight - 1,
        midnight,
        midnight + 23 * HOUR - 1,
        midnight + 23 * HOUR,
    ] {
        workspace.add("contacts", time);
    }
    let query = filter("=", midnight + 5 * HOUR);
    let records = Client::of(&workspace).search_all("contacts", &query, "ascending", 10);
    assert_eq!(updated(&records), [midnight, midnight + 23 * HOUR - 1]);
}

#[test]
fn conversation_search_compares_seconds() {
    let workspace = Workspace::start(Settings::default());
    for seconds in 0..4 {
        workspace.add("conversations", NOON + seconds);
    }
    let client = Client::of(&workspace);
    let found = |query: Value| {
        let records = client.search_all("conversations", &query, "ascending", 2);
        let times = updated(&records);
        times.iter().map(|time| time - NOON).collect::<Vec<_>>()
    };
    assert_eq!(found(filter(">", NOON + 1)), [2, 3]);
    assert_eq!(found(filter("!=", NOON + 1)), [0, 2, 3]);
    let both = [filter(">", NOON), filter("<", NOON + 3)];
    assert_eq!(found(json!({"operator": "AND", "value": both})), [1, 2]);
    let either = [filter("<", NOON + 1), filter("=", NOON + 3)];
    let either = json!({"operator": "OR", "value": either});
    assert_eq!(found(either.clone()), [0, 3]);
    let nested = json!({"operator": "AND", "value": [either, filter(">", NOON)]});
    assert_eq!(found(nested), [3]);
    workspace.adjust(|settings| settings.inclusive_bounds = true);
    assert_eq!(found(filter(">", NOON + 1)), [1, 2, 3]);
    assert_eq!(found(filter("<", NOON + 1)), [0, 1]);
}

#[test]
fn other_fields_can_be_searched_too() {
    let workspace = Workspace::start(Settings {
        contacts: 200,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let leads = json!({"operator": "AND", "value": [
        filter(">", 0),
        {"field": "role", "operator": "=", "value": "lead"},
    ]});
    let records = client.search_all("contacts", &leads, "ascending", 7);
    assert!(!records.is_empty() && records.len() < 200);
    assert!(records.iter().all(|record| record["role"] == "lead"));
}

#[test]
fn conversations_come_by_id_where_asked_and_seconds_may_be_written_as_fractions() {
    let workspace = Workspace::start(Settings {
        conversations: 150,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    // As singer-io's tap asks, in the first run.
    let any_id = json!({"operator": "OR", "value": [
        {"field": "id", "operator": ">", "value": ""},
        {"field": "id", "operator": "=", "value": ""},
    ]});
    let since = json!({"field": "updated_at", "operator": ">", "value": 1.0});
    let body = json!({
        "query": {"operator": "AND", "value": [any_id, since]},
        "sort": {"field": "id", "order": "ascending"},
        "pagination": {"per_page": 150},
    });
    let page = client.search("conversations", &body).json();
    let records = page["conversations"].as_array().expect("records");
    assert_eq!(ids(records), workspace.ids("conversations"));
    assert!(ids_in_order(records).is_sorted());
    let body = json!({"query": filter(">", 0), "sort": {"field": "id"}});
    assert_eq!(client.search("contacts", &body).status, 400);
}

#[test]
fn searches_beyond_the_limits_are_refused() {
    let workspace = Workspace::start(Settings::default());
    let client = Client::of(&workspace);
    let all = filter(">", 0);
    let deep = json!({"operator": "AND", "value": [{"operator": "OR", "value": [
        {"operator": "AND", "value": [all]}]}]});
    let wide = json!({"operator": "AND", "value": vec![all.clone(); 16]});
    let bodies = [
        json!({"query": all, "pagination": {"per_page": 151}}),
        json!({"query": all, "pagination": {"per_page": 0}}),
        json!({"query": all, "pagination": {"starting_after": "WzFd"}}),
        json!({"query": filter("~~", 0)}),
        json!({"query": {"field": "updated_at", "operator": ">", "value": "today"}}),
        json!({"query": deep}),
        json!({"query": wide}),
    ];
    for body in bodies {
        let answer = client.search("contacts", &body);
        assert_eq!((answer.status, &body), (400, &body));
        assert_eq!(answer.error_code(), "parameter_invalid");
    }
    let answer = client.search(
        "contacts",
        &json!({"query": all, "sort": {"order": "desc"}}),
    );
    assert_eq!(answer.error_code(), "invalid_sort_order");
    let fewer = json!({"operator": "AND", "value": vec![all; 15]});
    assert_eq!(
        client.search("contacts", &json!({"query": fewer})).status,
        200
    );
}

#[test]
fn the_last_page_takes_its_shape() {
    let workspace = Workspace::start(Settings {
        contacts: 10,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let body = json!({"query": filter(">", 0), "pagination": {"per_page": 10}});
    let pages = |last_page| {
        workspace.adjust(|settings| settings.last_page = last_page);
        client.search("contacts", &body).json()["pages"].clone()
    };
    assert_eq!(pages(LastPage::NoNext).get("next"), None);
    assert_eq!(pages(LastPage::NullNext).get("next"), Some(&Value::Null));
    assert_eq!(
        pages(LastPage::NullCursor)["next"],
        json!({"page": 2, "starting_after": null})
    );
    let cursor = &pages(LastPage::EmptyPageFollows)["next"]["starting_after"];
    let body = json!({"query": filter(">", 0), "pagination": {"starting_after": cursor}});
    let page = client.search("contacts", &body).json();
    assert_eq!(
        (&page["data"], &page["total_count"]),
        (&json!([]), &json!(10))
    );
    assert_eq!(page["pages"].get("next"), None);

    workspace.adjust(|settings| settings.repeat_cursor_at_page = Some(2));
    let cursor = |starting_after: Value| {
        let pagination = json!({"per_page": 2, "starting_after": starting_after});
        let body = json!({"query": filter(">", 0), "pagination": pagination});
        client.search("contacts", &body).json()["pages"]["next"]["starting_after"].clone()
    };
    let first = cursor(Value::Null);
    assert_eq!(cursor(first.clone()), first);
}

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

fn ids_in_order(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| text(&record["id"])).collect()
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

#[test]
fn the_token_and_the_plan_are_checked() {
    let workspace = Workspace::start(Settings {
        restricted_paths: vec!["/articles".to_owned()],
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let me = client.get("/me").json();
    assert_eq!(me["app"]["timezone"], "UTC");
    assert_eq!(client.get("/articles").error_code(), "api_plan_restricted");
    assert_eq!(client.get("/articles").status, 403);
    for (path, list, count) in [
        ("/admins", "admins", 6),
        ("/teams", "teams", 3),
        ("/tags", "data", 12),
    ] {
        let listed = client.get(path).json()[list].clone();
        let listed = ids(listed.as_array().expect("records"));
        assert_eq!(listed.len(), count);
        assert_eq!(listed, workspace.ids(path.trim_start_matches('/')));
    }
    assert_eq!(client.get("/nowhere").error_code(), "not_found");

    let used = workspace.authorized_requests();
    workspace.adjust(|settings| settings.token_revoked_after = Some(used + 1));
    assert_eq!(client.get("/me").status, 200);
    let answer = client.get("/me");
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (401, "unauthorized")
    );
    assert_eq!(answer.header("X-RateLimit-Limit"), None);
}

#[test]
fn requests_are_on_record() {
    let workspace = Workspace::start(Settings {
        latency: Duration::from_millis(300),
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Client::of(&workspace).get("/calls?page=1"));
        }
    });
    client.search("contacts", &json!({"query": filter(">", 5)}));
    assert_eq!(workspace.peak_concurrency(), 4);
    assert_eq!(workspace.count("/calls"), 4);
    let record = &workspace.requests_to("/contacts")[0];
    assert_eq!((record.method.as_str(), record.status), ("POST", 200));
    assert_eq!(record.json()["query"]["value"], 5);
    assert_eq!(
        record.authorization.as_deref(),
        Some("Bearer workspace-token")
    );
    assert_eq!(record.header("intercom-version"), Some("2.17"));
    workspace.clear_requests();
    workspace.adjust(|settings| settings.log_requests = false);
    client.get("/me");
    assert_eq!(
        (workspace.requests().len(), workspace.total_requests()),
        (0, 6)
    );
}

#[test]
fn the_rate_limit_counts_in_windows_of_the_wall_clock() {
    let workspace = Workspace::start(Settings {
        rate_limit: 10,
        other_apps: 4,
        rate_window: Duration::from_secs(2),
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    // Begin with a window.
    while now() % 2 == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    while now() % 2 == 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let window_end = now() + 2;
    for request in 1..=6 {
        let answer = client.get("/me");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("X-RateLimit-Limit"), Some(10));
        assert_eq!(answer.header("X-RateLimit-Remaining"), Some(6 - request));
        assert_eq!(answer.header("X-RateLimit-Reset"), Some(window_end));
    }
    let answer = client.get("/me");
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (429, "rate_limit_exceeded")
    );
    assert_eq!(answer.header("X-RateLimit-Reset"), Some(window_end));
    workspace.adjust(|settings| settings.too_many = TooMany::RetryAfter);
    let answer = client.get("/me");
    assert!(matches!(answer.header("Retry-After"), Some(1 | 2)));
    assert_eq!(answer.header("X-RateLimit-Reset"), None);
    workspace.adjust(|settings| settings.too_many = TooMany::Bare);
    assert_eq!(client.get("/me").header("Retry-After"), None);
    assert_eq!(workspace.rate_limited(), 3);
    while now() < window_end {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(client.get("/me").header("X-RateLimit-Remaining"), Some(5));
    workspace.spend_budget(4);
    assert_eq!(client.get("/me").header("X-RateLimit-Remaining"), Some(0));
}

#[test]
fn faults_strike_when_asked() {
    let workspace = Workspace::start(Settings {
        contacts: 100,
        ..Settings::default()
    });
    let client = Client::of(&workspace);
    let statuses = |when| {
        workspace.clear_faults();
        workspace.inject(Fault::status("/me", when, 503));
        (0..6).map(|_| client.get("/me").status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(When::Nth(2)), [200, 503, 200, 200, 200, 200]);
    assert_eq!(
        statuses(When::Between(2, 3)),
        [200, 503, 503, 200, 200, 200]
    );
    assert_eq!(statuses(When::Every(3)), [200, 200, 503, 200, 200, 503]);

    let once = |kind| {
        workspace.clear_faults();
        workspace.inject(Fault::new("/me", When::Nth(1), kind).method("GET"));
        let answer = client.try_get("/me");
        assert_eq!(client.get("/me").status, 200);
        answer
    };
    let answered = |kind| once(kind).expect("it answers");
    assert!(answered(FaultKind::Html(502)).body.starts_with("<html>"));
    assert_eq!(answered(FaultKind::NotJson).body, "{not json");
    assert_eq!(answered(FaultKind::Empty200).body, "");
    let cut = answered(FaultKind::CutBody);
    assert_eq!(cut.status, 200);
    assert!(serde_json::from_str::<Value>(&cut.body).is_err());
    let redirect = answered(FaultKind::Redirect("http://elsewhere.invalid/".to_owned()));
    assert_eq!(redirect.headers["location"], "http://elsewhere.invalid/");
    assert!(once(FaultKind::ResetBefore).is_err());
    assert!(once(FaultKind::ResetMidBody).is_err());
    assert!(once(FaultKind::Stall(Duration::from_millis(100))).is_err());
    assert!(once(FaultKind::StallMidBody(Duration::from_millis(100))).is_err());
    let failed = workspace
        .requests()
        .iter()
        .filter(|request| request.status == 0)
        .count();
    assert_eq!(failed, 2);

    let fault = FaultKind::FailAbovePerPage {
        limit: 75,
        status: 504,
    };
    workspace.inject(Fault::new("/contacts/search", When::Always, fault));
    let page = |per_page: u32| {
        let pagination = json!({"per_page": per_page});
        let body = json!({"query": filter(">", 0), "pagination": pagination});
        client.search("contacts", &body).status
    };
    assert_eq!((page(150), page(76), page(75)), (504, 504, 200));
}
