//! The tap over the simulated workspace.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::Bench;
use crate::bar::Bar;
use crate::measure::{Cost, median, run, run_piped};
use crate::sides::ids_in_directory;
use simulators::workspace::{Settings, Workspace, now};

/// The most memory of the tap, in MiB.
pub const MEMORY: Bar = Bar::AtMost(64.0);

/// Measures all rows of the tap and of the pipeline.
pub fn measure(bench: &mut Bench) {
    contacts(bench);
    conversations_without_limit(bench);
    conversations_at_the_limit(bench);
    incremental(bench);
    pipeline(bench);
    day(bench);
}

/// A workspace without a limit that keeps no record of its requests.
pub fn quiet(settings: Settings) -> Workspace {
    quiet_limited(0, settings)
}

/// The same with so many requests a window.
pub fn quiet_limited(rate_limit: u64, settings: Settings) -> Workspace {
    Workspace::start(Settings {
        log_requests: false,
        rate_limit,
        ..settings
    })
}

fn sync(bench: &Bench, workspace: &Workspace, stream: &str, concurrency: usize) -> Cost {
    configure(bench, workspace, concurrency);
    run(bench
        .program("tap-intercom")
        .arg("--config")
        .arg(bench.path("config.json"))
        .args(["--stream", stream]))
}

/// Writes the tap's configuration, `config.json`.
pub fn configure(bench: &Bench, workspace: &Workspace, concurrency: usize) {
    let config = json!({
        "access_token": workspace.token(),
        "base_url": workspace.base_url(),
        "concurrency": concurrency,
    });
    fs::write(bench.path("config.json"), config.to_string()).expect("the configuration is written");
}

fn contacts(bench: &mut Bench) {
    if !bench.wants("tap: contacts") {
        return;
    }
    let mut rate_before: Option<f64> = None;
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let count = count / bench.shrink;
        let workspace = quiet(Settings {
            contacts: count,
            ..Settings::default()
        });
        let runs = (0..bench.runs).map(|_| sync(bench, &workspace, "contacts", 16));
        let cost = median(runs.collect(), |cost| cost.wall_seconds);
        let rate = count as f64 / cost.wall_seconds;
        let linearity = rate_before
            .replace(rate)
            .map_or_else(String::new, |before| {
                format!("{:.2} x the speed at a tenth of that", rate / before)
            });
        bench.row(
            &format!("tap: contacts, no latency, {count}"),
            format!(
                "{rate:.0} records/s, {:.1} CPU s a million",
                cost.cpu_seconds / count as f64 * 1e6
            ),
            linearity,
            format!(
                "{:.0} MiB at most {}",
                cost.peak_mebibytes,
                MEMORY.of(cost.peak_mebibytes)
            ),
        );
    }
}

fn conversations_without_limit(bench: &mut Bench) {
    if !bench.wants("tap: conversations") {
        return;
    }
    let rows = [0_u32, 20, 100]
        .into_iter()
        .flat_map(|latency| [1, 16, 64].map(|concurrency| (latency, concurrency)));
    for (latency, concurrency) in rows {
        let seconds = 6.0 / bench.shrink.min(3) as f64;
        // As many as that time allows, so that each row takes about as long.
        let expected = if latency == 0 {
            20_000.0
        } else {
            concurrency as f64 * 1000.0 / f64::from(latency) * seconds
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive count"
        )]
        let count = expected as usize;
        let workspace = quiet(Settings {
            conversations: count,
            latency: Duration::from_millis(latency.into()),
            ..Settings::default()
        });
        let cost = sync(bench, &workspace, "conversations", concurrency);
        let rate = workspace.total_requests() as f64 / cost.wall_seconds;
        let ideal = concurrency as f64 * 1000.0 / f64::from(latency);
        let (compared, ratio) = if latency == 0 {
            (String::new(), String::new())
        } else {
            (
                format!("{ideal:.0} = concurrency / latency"),
                format!("{:.2} {}", rate / ideal, Bar::AtLeast(0.9).of(rate / ideal)),
            )
        };
        bench.row(
            &format!("tap: conversations + parts, {latency} ms, {concurrency} at once, no limit"),
            format!("{rate:.0} requests/s"),
            compared,
            ratio,
        );
    }
}

fn conversations_at_the_limit(bench: &mut Bench) {
    let what = "tap: conversations + parts, 100 ms, limit 1,667 in 10 s";
    if !bench.wants(what) {
        return;
    }
    let limit = 1667;
    let count = if bench.shrink > 1 { 2_000 } else { 6_600 };
    let settings = Settings {
        conversations: count,
        latency: Duration::from_millis(100),
        ..Settings::default()
    };
    let workspace = quiet_limited(limit, settings);
    // The windows are aligned with the clock: begin with one, so that whole ones are measured.
    while now() % 10 != 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let cost = sync(bench, &workspace, "conversations", 64);
    // The last window is used for as long as requests are left.
    let windows = workspace.total_requests() as f64 / limit as f64;
    let needed = windows.floor() * 10.0 + windows.fract() * limit as f64 / 640.0;
    let share = needed / cost.wall_seconds;
    bench.row(
        what,
        format!(
            "{} requests in {:.1} s, {} refused",
            workspace.total_requests(),
            cost.wall_seconds,
            workspace.rate_limited()
        ),
        format!("{needed:.1} s at the limit"),
        format!("{share:.2} {}", Bar::AtLeast(0.95).of(share)),
    );
}

fn incremental(bench: &mut Bench) {
    let what = "tap: 100 changes among";
    if !bench.wants(what) {
        return;
    }
    for count in [10_000, 1_000_000] {
        let count = count / bench.shrink;
        let workspace = quiet(Settings {
            contacts: count,
            ..Settings::default()
        });
        configure(bench, &workspace, 16);
        let messages = bench
            .program("tap-intercom")
            .arg("--config")
            .arg(bench.path("config.json"))
            .args(["--stream", "contacts"])
            .stdout(Stdio::piped())
            .output()
            .expect("the tap runs")
            .stdout;
        let state = messages
            .trim_ascii_end()
            .rsplit(|byte| *byte == b'\n')
            .next();
        fs::write(bench.path("state.json"), state.unwrap_or_default()).expect("a state");
        workspace.change(|data| {
            for id in data.ids("contacts").into_iter().take(100) {
                data.touch("contacts", &id, now());
            }
        });
        let requests = workspace.total_requests();
        let cost = run(bench
            .program("tap-intercom")
            .arg("--config")
            .arg(bench.path("config.json"))
            .arg("--state")
            .arg(bench.path("state.json"))
            .args(["--stream", "contacts"]));
        bench.row(
            &format!("{what} {count} contacts"),
            format!("{:.0} ms", cost.wall_seconds * 1e3),
            format!("{} requests", workspace.total_requests() - requests),
            String::new(),
        );
    }
}

/// Both programs, joined by a pipe: from the workspace into the directory `lake`.
fn load(bench: &Bench, workspace: &Workspace, stream: &str) -> (Cost, Cost) {
    configure(bench, workspace, 16);
    let target_config = json!({"destination": bench.path("lake")});
    fs::write(bench.path("target.json"), target_config.to_string()).expect("a configuration");
    let mut tap = bench.program("tap-intercom");
    tap.arg("--config")
        .arg(bench.path("config.json"))
        .args(["--stream", stream]);
    let mut target = bench.program("target-gcs");
    target.arg("--config").arg(bench.path("target.json"));
    run_piped(&mut tap, &mut target)
}

fn pipeline(bench: &mut Bench) {
    let what = "pipeline: contacts into a directory";
    if !bench.wants(what) {
        return;
    }
    let count = 300_000 / bench.shrink;
    let workspace = quiet(Settings {
        contacts: count,
        ..Settings::default()
    });
    let (tap, target) = load(bench, &workspace, "contacts");
    fs::remove_dir_all(bench.path("lake")).expect("the lake was made");
    bench.row(
        what,
        format!("{:.0} records/s", count as f64 / target.wall_seconds),
        format!(
            "{:.1} + {:.1} CPU s a million",
            tap.cpu_seconds / count as f64 * 1e6,
            target.cpu_seconds / count as f64 * 1e6
        ),
        peaks(&tap, &target),
    );
}

fn peaks(tap: &Cost, target: &Cost) -> String {
    format!(
        "{:.0} MiB at most {} and {:.0} MiB {}",
        tap.peak_mebibytes,
        MEMORY.of(tap.peak_mebibytes),
        target.peak_mebibytes,
        crate::target::MEMORY.of(target.peak_mebibytes),
    )
}

fn day(bench: &mut Bench) {
    let what = "pipeline: a day of 100,000 changed conversations into a directory";
    if !bench.wants(what) {
        return;
    }
    let workspace = quiet(Settings {
        conversations: 100_000 / bench.shrink,
        spread_days: 1,
        ..Settings::default()
    });
    let (tap, target) = load(bench, &workspace, "conversations");
    let loaded = ["conversations", "conversation_parts"].map(|stream| {
        let ids = ids_in_directory(&bench.path("lake").join(stream));
        let existing = workspace.ids(stream);
        match existing.difference(&ids).count() {
            0 => format!("all {} {stream}", existing.len()),
            lost => format!("{lost} of {} {stream} lost", existing.len()),
        }
    });
    fs::remove_dir_all(bench.path("lake")).expect("the lake was made");
    bench.row(
        what,
        format!("{:.1} s, {}", target.wall_seconds, loaded.join(", ")),
        format!("{:.1} + {:.1} CPU s", tap.cpu_seconds, target.cpu_seconds),
        peaks(&tap, &target),
    );
}
