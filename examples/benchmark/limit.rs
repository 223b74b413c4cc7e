//! The tap at the API's limit, on the settings as they come: whatever is read, against the least time
//! that the limit and the answers' latency allow.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use chrono::DateTime;
use intercom_singer::internals::tap::streams::{self, Paging};
use serde_json::{Value, json};

use crate::Bench;
use crate::bar::{Bar, rounded_down};
use crate::figure::Share;
use crate::floor::Floor;
use crate::measure::{Cost, run, run_piped, run_side_by_side, run_to};
use crate::tap::{MEMORY, quiet, quiet_limited};
use simulators::workspace::{Dates, Settings, Workspace, now};

/// Requests in ten seconds, as the API allows them.
pub const LIMIT: u64 = 1_667;
/// The tap's default for requests in flight.
const MOST_IN_FLIGHT: f64 = 64.0;
/// Rows of a page of a search, and of a scroll.
const SEARCH_PAGE: usize = 150;
const SCROLL_PAGE: usize = 100;
/// An audit should take no longer.
const AUDIT_SECONDS: Bar = Bar::AtMost(60.0);

/// An audit's exit code where the lake isn't what the workspace is.
const DIFFERENT: i32 = 3;

/// What a row is held against.
struct Expected {
    requests: usize,
    latency: Duration,
    most_in_flight: f64,
    bar: f64,
}

/// Measures all rows.
pub fn measure(bench: &mut Bench) {
    contacts(bench);
    calls(bench);
    articles(bench);
    companies(bench);
    everything(bench);
    processes(bench);
    audit(bench);
}

/// A workspace with the API's limit.
fn limited(latency: Duration, settings: Settings) -> Workspace {
    quiet_limited(
        LIMIT,
        Settings {
            latency,
            ..settings
        },
    )
}

/// Windows are aligned with the clock: a row begins where one does, so that whole ones are measured.
fn wait_for_a_window() {
    let window = || now() / 10;
    let before = window();
    while window() == before {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Writes a configuration of nothing but where to go and what is given.
fn configure(bench: &Bench, name: &str, workspace: &Workspace, others: Value) -> PathBuf {
    let mut config = others;
    config["access_token"] = json!(workspace.token());
    config["base_url"] = json!(workspace.base_url());
    let path = bench.path(name);
    fs::write(&path, config.to_string()).expect("the configuration is written");
    path
}

fn tap(bench: &Bench, workspace: &Workspace, names: &[&str]) -> Command {
    let mut tap = bench.program("tap-intercom");
    let config = configure(bench, "config.json", workspace, json!({}));
    tap.arg("--config").arg(config);
    for name in names {
        tap.args(["--stream", name]);
        // Of what is read along with it, only what is read when nobody chooses.
        let stream = streams::all().find(|stream| stream.name == *name);
        let children = stream.into_iter().flat_map(|stream| stream.children);
        for child in children.filter(|child| !child.selected_by_default) {
            tap.args(["--exclude", child.name]);
        }
    }
    tap
}

fn pages(rows: usize, per_page: usize) -> usize {
    rows.div_ceil(per_page)
}

/// Rows of a page of a numbered list.
fn per_page(name: &str) -> usize {
    let stream = streams::all().find(|stream| stream.name == name);
    match stream.map(|stream| stream.paging) {
        Some(Paging::NewestFirst { per_page, .. } | Paging::Unsorted { per_page }) => {
            per_page as usize
        }
        _ => panic!("{name} has no numbered pages"),
    }
}

/// Adds a row, and a bar to the picture.
fn row(bench: &mut Bench, what: &str, workspace: &Workspace, expected: &Expected, cost: Cost) {
    let floor = Floor {
        requests: expected.requests as f64,
        limit: LIMIT as f64,
        latency_seconds: expected.latency.as_secs_f64(),
        most_in_flight: expected.most_in_flight,
    };
    let share = rounded_down(floor.seconds() / cost.wall_seconds);
    let by_windows = rounded_down(floor.seconds_by_windows() / cost.wall_seconds);
    bench.row(
        what,
        format!(
            "{} requests in {:.1} s, {} refused, {:.0} MiB at most {}",
            workspace.total_requests(),
            cost.wall_seconds,
            workspace.rate_limited(),
            cost.peak_mebibytes,
            MEMORY.of(cost.peak_mebibytes)
        ),
        format!(
            "{} needed: {:.1} s, {:.1} s where a window's budget goes at once",
            expected.requests,
            floor.seconds(),
            floor.seconds_by_windows()
        ),
        format!(
            "{share:.2} {}, {by_windows:.2} by windows",
            Bar::AtLeast(expected.bar).of(share)
        ),
    );
    bench.share(Share {
        label: what.trim_start_matches("limit: ").to_owned(),
        used: share,
        bar: expected.bar,
    });
}

fn contacts(bench: &mut Bench) {
    let count = 300_000 / bench.shrink;
    for (of, dates, bar) in [
        ("", Dates::Exact, 0.9),
        (" by whole days", Dates::WholeDay, 0.7),
    ] {
        for latency in [20, 100, 300] {
            let what = format!("limit: contacts{of}, {count}, {latency} ms");
            if !bench.wants(&what) {
                continue;
            }
            let expected = Expected {
                requests: pages(count, SEARCH_PAGE),
                latency: Duration::from_millis(latency),
                most_in_flight: MOST_IN_FLIGHT,
                bar,
            };
            let workspace = limited(
                expected.latency,
                Settings {
                    contacts: count,
                    spread_days: 400,
                    dates,
                    ..Settings::default()
                },
            );
            let mut tap = tap(bench, &workspace, &["contacts"]);
            wait_for_a_window();
            let cost = run(&mut tap);
            row(bench, &what, &workspace, &expected, cost);
        }
    }
}

/// One stream and what is read along with it, at 100 ms.
fn one_stream(
    bench: &mut Bench,
    what: &str,
    names: &[&str],
    settings: Settings,
    most_in_flight: f64,
    needed: impl Fn(&Workspace) -> usize,
) {
    if !bench.wants(what) {
        return;
    }
    let latency = Duration::from_millis(100);
    let workspace = limited(latency, settings);
    let expected = Expected {
        requests: needed(&workspace),
        latency,
        most_in_flight,
        bar: 0.9,
    };
    let mut tap = tap(bench, &workspace, names);
    wait_for_a_window();
    let cost = run(&mut tap);
    row(bench, what, &workspace, &expected, cost);
}

fn calls(bench: &mut Bench) {
    let count = 20_000 / bench.shrink;
    let settings = Settings {
        calls: count,
        ..Settings::default()
    };
    one_stream(
        bench,
        &format!("limit: calls with transcripts, {count}, 100 ms"),
        &["calls"],
        settings,
        MOST_IN_FLIGHT,
        |workspace| pages(count, per_page("calls")) + workspace.ids("call_transcriptions").len(),
    );
}

fn articles(bench: &mut Bench) {
    let count = 5_000 / bench.shrink;
    let settings = Settings {
        articles: count,
        ..Settings::default()
    };
    one_stream(
        bench,
        &format!("limit: articles, {count}, 100 ms"),
        &["articles"],
        settings,
        MOST_IN_FLIGHT,
        |_| pages(count, per_page("articles")),
    );
}

/// A scroll gives one page after the other, and an empty one at the end.
fn companies(bench: &mut Bench) {
    let count = 10_000 / bench.shrink;
    let settings = Settings {
        companies: count,
        ..Settings::default()
    };
    one_stream(
        bench,
        &format!("limit: companies by the scroll, {count}, 100 ms"),
        &["companies"],
        settings,
        1.0,
        |_| pages(count, SCROLL_PAGE) + 1,
    );
}

fn everything(bench: &mut Bench) {
    let what = "limit: everything at once, 100 ms";
    let piped = "limit: everything at once into a directory, 100 ms";
    let latency = Duration::from_millis(100);
    let settings = Settings {
        contacts: 100_000 / bench.shrink,
        conversations: 10_000 / bench.shrink,
        calls: 5_000 / bench.shrink,
        articles: 2_000 / bench.shrink,
        collections: 100,
        ..Settings::default()
    };
    let needed = |workspace: &Workspace| {
        let small_lists = ["admins", "teams", "tags"].len();
        small_lists
            + pages(settings.collections, per_page("collections"))
            + pages(settings.contacts, SEARCH_PAGE)
            + pages(settings.conversations, SEARCH_PAGE)
            + settings.conversations
            + pages(settings.calls, per_page("calls"))
            + workspace.ids("call_transcriptions").len()
            + pages(settings.articles, per_page("articles"))
    };
    for (what, bar) in [(what, 0.9), (piped, 0.85)] {
        if !bench.wants(what) {
            continue;
        }
        let workspace = limited(latency, settings.clone());
        let expected = Expected {
            requests: needed(&workspace),
            latency,
            most_in_flight: MOST_IN_FLIGHT,
            bar,
        };
        let mut tap = tap(bench, &workspace, &[]);
        wait_for_a_window();
        let cost = if what == piped {
            let config = bench.path("target.json");
            let destination = json!({"destination": bench.path("lake")});
            fs::write(&config, destination.to_string()).expect("a configuration");
            let mut target = bench.program("target-gcs");
            let (tap, target) = run_piped(&mut tap, target.arg("--config").arg(config));
            fs::remove_dir_all(bench.path("lake")).expect("the lake was made");
            Cost {
                wall_seconds: target.wall_seconds,
                ..tap
            }
        } else {
            run(&mut tap)
        };
        row(bench, what, &workspace, &expected, cost);
    }
}

/// Six processes, each with a slice of the conversations, under one limit.
fn processes(bench: &mut Bench) {
    const PROCESSES: i64 = 6;
    /// Of a hundred requests, so many may be refused.
    const MOST_REFUSED: Bar = Bar::AtMost(2.0);
    let what = "limit: six processes on slices of conversations, 100 ms";
    if !bench.wants(what) {
        return;
    }
    let latency = Duration::from_millis(100);
    let count = 12_000 / bench.shrink;
    let days: i64 = 360;
    let base_time = now() - 86_400;
    let workspace = limited(
        latency,
        Settings {
            conversations: count,
            base_time: Some(base_time),
            spread_days: u32::try_from(days).expect("a few"),
            ..Settings::default()
        },
    );
    let slice = days * 86_400 / PROCESSES;
    let mut commands = Vec::new();
    for number in 0..PROCESSES {
        let begin = base_time - slice * (PROCESSES - number);
        let mut config = json!({});
        if number > 0 {
            config["start_date"] = instant(begin);
        }
        if number < PROCESSES - 1 {
            config["end_date"] = instant(begin + slice);
        }
        let config = configure(bench, &format!("config-{number}.json"), &workspace, config);
        let mut tap = bench.program("tap-intercom");
        tap.arg("--config")
            .arg(config)
            .args(["--stream", "conversations"]);
        commands.push(tap);
    }
    wait_for_a_window();
    let costs = run_side_by_side(&mut commands);
    let most = |of: fn(&Cost) -> f64| costs.iter().map(of).fold(0.0, f64::max);
    let cost = Cost {
        wall_seconds: most(|cost| cost.wall_seconds),
        peak_mebibytes: most(|cost| cost.peak_mebibytes),
        ..costs[0]
    };
    let expected = Expected {
        requests: pages(count, SEARCH_PAGE) + count,
        latency,
        most_in_flight: MOST_IN_FLIGHT,
        bar: 0.95,
    };
    row(bench, what, &workspace, &expected, cost);
    let refused = workspace.rate_limited() as f64 / workspace.total_requests() as f64;
    let refused = (refused * 1000.0).ceil() / 10.0;
    bench.row(
        &format!("{what}: refused"),
        format!("{} of all requests", workspace.rate_limited()),
        String::new(),
        format!("{refused:.1} % at most {}", MOST_REFUSED.of(refused)),
    );
}

fn instant(seconds: i64) -> Value {
    let instant = DateTime::from_timestamp(seconds, 0).expect("it is of our time");
    json!(instant.to_rfc3339())
}

/// A lake that holds all, audited. Its keys are what an audit of an empty one finds missing.
fn audit(bench: &mut Bench) {
    let count = 1_000_000 / bench.shrink;
    let what = format!("limit: audit of {count} contacts, 100 ms");
    if !bench.wants(&what) {
        return;
    }
    let latency = Duration::from_millis(100);
    let base_time = now() - 86_400;
    let workspace = quiet(Settings {
        contacts: count,
        base_time: Some(base_time),
        ..Settings::default()
    });
    let state = json!({"bookmarks": {"contacts": {"updated_at": base_time}}});
    fs::write(bench.path("state.json"), state.to_string()).expect("a state");
    let (state, keys) = (bench.path("state.json"), bench.path("keys"));
    let audit = |keys: &str| {
        let mut tap = tap(bench, &workspace, &["contacts"]);
        tap.arg("--state").arg(&state).args(["--audit", keys]);
        tap
    };
    let missing = File::create(&keys).expect("a file");
    let mut audit_of_nothing = audit("/dev/null");
    // Which it says.
    audit_of_nothing.stdout(missing).stderr(Stdio::null());
    run_to(&mut audit_of_nothing, DIFFERENT);
    workspace.adjust(|settings| {
        settings.latency = latency;
        settings.rate_limit = LIMIT;
    });
    let requests = workspace.total_requests();
    let mut audit = audit(keys.to_str().expect("a path in UTF-8"));
    wait_for_a_window();
    let cost = run(&mut audit);
    let seconds = (cost.wall_seconds * 10.0).ceil() / 10.0;
    bench.row(
        &what,
        format!(
            "{:.1} s, {} requests, {} refused",
            cost.wall_seconds,
            workspace.total_requests() - requests,
            workspace.rate_limited()
        ),
        format!("{} pages", pages(count, SEARCH_PAGE)),
        format!(
            "{seconds:.1} s at most {}, {:.0} MiB at most {}",
            AUDIT_SECONDS.of(seconds),
            cost.peak_mebibytes,
            MEMORY.of(cost.peak_mebibytes)
        ),
    );
}
