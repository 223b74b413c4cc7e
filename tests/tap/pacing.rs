//! The pace of requests: inside the API's windows, below the user's own cap, and held back as one by
//! a 429.

use std::time::{Duration, Instant};

use crate::harness::{Tap, assert_whole};
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace};

const STREAMS: [&str; 2] = ["conversations", "conversation_parts"];

fn limited(rate_limit: u64, other_apps: u64, window: Duration) -> Workspace {
    Workspace::start(Settings {
        conversations: 150,
        rate_limit,
        other_apps,
        rate_window: window,
        latency: Duration::from_millis(5),
        ..Settings::default()
    })
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace).streams(&["conversations"])
}

#[test]
fn requests_fill_the_windows_and_no_more() {
    for (rate_limit, window) in [(60, 1), (110, 2)] {
        let workspace = limited(rate_limit, 0, Duration::from_secs(window));
        let started = Instant::now();
        let run = tap(&workspace).run().ok();
        assert_whole(&workspace, [&run], &STREAMS);
        assert_eq!(workspace.rate_limited(), 0, "429s of its own making");
        assert_eq!(workspace.requests().len(), 151);
        // Two whole windows and the beginning of a third, on a machine that may be busy.
        assert!(started.elapsed() < Duration::from_secs(20 * window));
    }
}

#[test]
fn what_other_apps_use_is_left_to_them() {
    let workspace = limited(60, 50, Duration::from_secs(1));
    workspace.change(|data| {
        let ids = data.ids("conversations");
        for id in ids.into_iter().skip(35) {
            data.delete("conversations", &id);
        }
    });
    let run = tap(&workspace).run().ok();
    assert_whole(&workspace, [&run], &STREAMS);
    assert_eq!(workspace.rate_limited(), 0, "429s of its own making");
}

#[test]
fn other_apps_that_use_up_the_window_are_noticed() {
    let workspace = limited(100, 0, Duration::from_secs(2));
    let tap = tap(&workspace).set("concurrency", 2);
    let mut process = tap.start(None);
    let stdout = crate::kill::read_all(process.stdout.take().unwrap());
    crate::stopping::wait_for(|| workspace.total_requests() >= 30);
    workspace.spend_budget(100);
    assert!(process.wait().unwrap().success());
    // Only what was on its way is refused.
    assert!(
        workspace.rate_limited() <= 2,
        "{}",
        workspace.rate_limited()
    );
    let stdout = String::from_utf8(stdout.join().unwrap()).unwrap();
    let conversations = stdout
        .matches(r#""stream":"conversations","record""#)
        .count();
    assert_eq!(conversations, 150);
}

#[test]
fn the_cap_of_the_user_is_kept() {
    let workspace = limited(0, 0, Duration::from_secs(10));
    workspace.change(|data| {
        let ids = data.ids("conversations");
        for id in ids.into_iter().skip(40) {
            data.delete("conversations", &id);
        }
    });
    // One in 50 milliseconds.
    let run = tap(&workspace)
        .set("max_requests_per_minute", 1200)
        .run()
        .ok();
    assert_whole(&workspace, [&run], &STREAMS);
    let requests = workspace.requests();
    assert_eq!(requests.len(), 41);
    for (earlier, later) in requests.iter().zip(&requests[10..]) {
        let took = later.at.saturating_duration_since(earlier.at);
        assert!(took > Duration::from_millis(400), "ten in {took:?}");
    }
}

#[test]
fn a_429_holds_everyone_back_once() {
    let workspace = limited(0, 0, Duration::from_secs(10));
    let kind = FaultKind::TooMany {
        retry_after: Some("1".into()),
    };
    // Several of those in flight at once, as when the budget is used up.
    workspace.adjust(|settings| settings.latency = Duration::from_millis(50));
    workspace.inject(Fault::new("/conversations/2", When::Between(40, 43), kind));
    let started = Instant::now();
    let run = tap(&workspace).run().ok();
    assert!(started.elapsed() < Duration::from_mins(1));
    assert_whole(&workspace, [&run], &STREAMS);
    let requests = workspace.requests();
    let refused: Vec<Instant> = requests
        .iter()
        .filter(|request| request.status == 429)
        .map(|request| request.at)
        .collect();
    assert_eq!(refused.len(), 4);
    let last = *refused.iter().max().unwrap();
    let first = *refused.iter().min().unwrap();
    assert!(
        last - first < Duration::from_millis(900),
        "more than one pause"
    );
    let during = requests
        .iter()
        .filter(|request| request.at > last + Duration::from_millis(200))
        .filter(|request| request.at < last + Duration::from_millis(900))
        .count();
    assert_eq!(during, 0);
}

#[test]
fn several_runs_share_a_limit_and_are_hardly_refused() {
    let workspace = Workspace::start(Settings {
        conversations: 400,
        rate_limit: 500,
        rate_window: Duration::from_secs(2),
        latency: Duration::from_millis(20),
        ..Settings::default()
    });
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let run = tap(&workspace).run().ok();
                assert_whole(&workspace, [&run], &STREAMS);
            });
        }
    });
    let (asked, refused) = (workspace.total_requests(), workspace.rate_limited());
    // A window of two seconds ends five times as often as Intercom's.
    assert!(refused * 20 <= asked, "{refused} of {asked}");
}

#[test]
fn no_more_is_in_flight_than_may_be() {
    let workspace = limited(0, 0, Duration::from_secs(10));
    workspace.adjust(|settings| settings.latency = Duration::from_millis(40));
    let run = tap(&workspace).set("concurrency", 3).run().ok();
    assert_whole(&workspace, [&run], &STREAMS);
    // Each takes 40 milliseconds from when it comes.
    let requests = workspace.requests();
    for (earlier, later) in requests.iter().zip(&requests[3..]) {
        let took = later.at.saturating_duration_since(earlier.at);
        assert!(took > Duration::from_millis(35), "four in {took:?}");
    }
}
