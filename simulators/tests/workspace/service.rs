//! What stands before every answer: token, plan, rate limit, faults, the record of requests.

use std::time::Duration;

use serde_json::{Value, json};
use simulators::workspace::{Fault, FaultKind, Settings, TooMany, When, Workspace, now};

use crate::client::{Client, filter, ids};

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
