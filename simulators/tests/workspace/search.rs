//! Searches: what they find, in which order, over how many pages.

use serde_json::{Value, json};
use simulators::workspace::{Dates, LastPage, Settings, Workspace};

use crate::client::{Client, HOUR, NOON, filter, ids, ids_in_order, updated};

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
