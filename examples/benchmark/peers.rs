//! The two programs beside other people's, which come from PyPI: the same data for both sides, by
//! turns, and records counted by their ids on both.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Bench;
use crate::bar::Bar;
use crate::limit::LIMIT;
use crate::messages::messages;
use crate::sides::{
    Attempt, Environment, PeerServer, Side, agent, by_turns, ids_in_directory, ids_in_gcs,
    ids_in_s3, ids_of_messages,
};
use crate::tap::{configure, quiet_limited};
use simulators::workspace::{Settings, Workspace};

/// What the programs need as a configuration only to start.
const TAP_CONFIG: &str = r#"{"access_token": "none", "user_agent": "benchmark",
    "start_date": "2010-01-01T00:00:00Z"}"#;

/// Measures all rows of the peers.
pub fn measure(bench: &mut Bench) {
    start_up(bench);
    taps(bench);
    directory(bench);
    buckets(bench);
}

/// Installs a peer for a row; where that fails, the row says so.
fn installed(bench: &mut Bench, row: &str, name: &str) -> Option<Environment> {
    match Environment::install(name) {
        Ok(environment) => Some(environment),
        Err(failure) => {
            bench.row(row, String::new(), failure, String::new());
            None
        }
    }
}

/// Adds a row; `bar` is what the ratio of the speeds should be at least.
fn row(
    bench: &mut Bench,
    what: &str,
    existing: usize,
    [ours, theirs]: [&Side; 2],
    title: &str,
    bar: Option<Bar>,
) {
    let ratio = ours
        .times_as_fast_as(theirs)
        .map_or_else(String::new, |times| match bar {
            Some(bar) => format!("{times:.0} x {}", bar.of(times)),
            None => format!("{times:.0} x"),
        });
    bench.row(
        what,
        ours.describe(existing),
        format!("{title}: {}", theirs.describe(existing)),
        ratio,
    );
}

fn start_up(bench: &mut Bench) {
    for (ours, peer, arguments) in [
        ("tap-intercom", "tap-intercom", &["--help"][..]),
        ("tap-intercom", "tap-intercom", &["--discover", "--config"]),
        ("target-gcs", "target-jsonl", &["--help"]),
        ("target-gcs", "target-gcs", &["--help"]),
        ("target-gcs", "target-gcs", &["--version"]),
        ("target-gcs", "target-s3-jsonl", &["--help"]),
    ] {
        let what = format!("peers: start-up: {peer} {}", arguments[0]);
        if !bench.wants(&what) {
            continue;
        }
        let Some(environment) = installed(bench, &what, peer) else {
            continue;
        };
        let config = bench.path("start-up.json");
        fs::write(&config, TAP_CONFIG).expect("a configuration");
        let start = |mut command: Command| {
            command.args(arguments);
            if arguments.contains(&"--config") {
                command.arg(&config);
            }
            Attempt::run(bench, &mut command)
        };
        let sides = by_turns(
            bench.runs * 3,
            &mut [&mut || start(bench.program(ours)), &mut || {
                start(environment.command(peer))
            }],
        );
        let describe = |side: &Side| match &side.failure {
            Some(failure) => format!("failed: {failure}"),
            None => format!("{:.1} ms", side.seconds * 1e3),
        };
        let ratio = match (&sides[0].failure, &sides[1].failure) {
            (None, None) => format!("{:.0} x", sides[1].seconds / sides[0].seconds),
            _ => String::new(),
        };
        bench.row(
            &what,
            describe(&sides[0]),
            format!("{}: {}", environment.title, describe(&sides[1])),
            ratio,
        );
    }
}

fn taps(bench: &mut Bench) {
    let contacts = || Settings {
        contacts: 60_000 / bench.shrink,
        rate_limit: 0,
        ..Settings::default()
    };
    let at_the_limit = Settings {
        latency: Duration::from_millis(100),
        rate_limit: LIMIT,
        ..contacts()
    };
    let contacts = contacts();
    // The peer allows itself 1,000 requests a minute and would sleep after so many.
    let conversations = Settings {
        conversations: if bench.shrink > 1 { 200 } else { 950 },
        rate_limit: 0,
        ..Settings::default()
    };
    tap(
        bench,
        "peers: tap: contacts, no latency",
        contacts,
        &["contacts"],
        20.0,
    );
    tap(
        bench,
        "peers: tap: contacts, 100 ms, limit 1,667 in 10 s",
        at_the_limit,
        &["contacts"],
        15.0,
    );
    tap(
        bench,
        "peers: tap: conversations + parts, no latency",
        conversations,
        &["conversations", "conversation_parts"],
        20.0,
    );
}

/// Reads streams, of which the first brings the others; whole processes, start-up included. `least` is what
/// the ratio of the speeds should be.
fn tap(bench: &mut Bench, what: &str, settings: Settings, streams: &[&str], least: f64) {
    if !bench.wants(what) {
        return;
    }
    let Some(peer) = installed(bench, what, "tap-intercom") else {
        return;
    };
    let workspace = quiet_limited(settings.rate_limit, settings);
    let existing: BTreeSet<String> = streams.iter().flat_map(|it| workspace.ids(it)).collect();
    configure(bench, &workspace, 64);
    configure_peer(bench, &workspace, &peer, streams);

    let output = bench.path("output");
    let read = |mut command: Command| {
        command.stdout(File::create(&output).expect("a file"));
        Attempt::run(bench, &mut command).brought(Ok(ids_of_messages(&output)), &existing)
    };
    let ours = || {
        let mut command = bench.program("tap-intercom");
        let config = bench.path("config.json");
        command.arg("--config").arg(config);
        command.args(["--stream", streams[0]]);
        command
    };
    let theirs = || {
        let mut command = peer.command("tap-intercom");
        command
            .env("INTERCOM_BASE_URL", workspace.base_url())
            .arg("--config")
            .arg(bench.path("peer.json"))
            .arg("--catalog")
            .arg(bench.path("peer-catalog.json"));
        command
    };
    let sides = by_turns(
        bench.runs,
        &mut [&mut || read(ours()), &mut || read(theirs())],
    );
    row(
        bench,
        what,
        existing.len(),
        [&sides[0], &sides[1]],
        &peer.title,
        Some(Bar::AtLeast(least)),
    );
}

/// Writes the peer's configuration, and its own catalog with all of those streams selected.
fn configure_peer(bench: &Bench, workspace: &Workspace, peer: &Environment, streams: &[&str]) {
    let config = json!({
        "access_token": workspace.token(),
        "user_agent": "benchmark",
        "start_date": "2010-01-01T00:00:00Z",
        "request_timeout": 60,
    });
    fs::write(bench.path("peer.json"), config.to_string()).expect("a configuration");
    let discovered = peer
        .command("tap-intercom")
        .arg("--config")
        .arg(bench.path("peer.json"))
        .arg("--discover")
        .stdout(std::process::Stdio::piped())
        .output();
    // Without a catalog, the attempts to come fail and say so.
    let discovered = discovered.map_or_else(|_| Vec::new(), |output| output.stdout);
    let mut catalog: Value = serde_json::from_slice(&discovered).unwrap_or_default();
    for stream in catalog["streams"].as_array_mut().into_iter().flatten() {
        let selected = streams
            .iter()
            .any(|wanted| stream["tap_stream_id"] == *wanted);
        for metadata in stream["metadata"].as_array_mut().into_iter().flatten() {
            metadata["metadata"]["selected"] = selected.into();
        }
    }
    fs::write(bench.path("peer-catalog.json"), catalog.to_string()).expect("a catalog");
}

/// Loads the messages into whatever the command is for; counting is still to be done.
fn load(bench: &Bench, mut command: Command, config: &Value) -> Attempt {
    let path = bench.path("peer-target.json");
    fs::write(&path, config.to_string()).expect("a configuration");
    let messages = File::open(bench.path("messages")).expect("messages were written");
    Attempt::run(bench, command.arg("--config").arg(path).stdin(messages))
}

fn directory(bench: &mut Bench) {
    let rows = ["off", "on"].map(|ours| {
        format!(
            "peers: target: directory, 1.7 KB records, target-jsonl, \
             our validation {ours}, its always on"
        )
    });
    if !rows.iter().any(|what| bench.wants(what)) {
        return;
    }
    let Some(peer) = installed(bench, &rows[0], "target-jsonl") else {
        return;
    };
    messages(bench, 60_000 / bench.shrink, 1_700, 1);
    let existing = ids_of_messages(&bench.path("messages"));
    let lake = bench.path("lake");
    let ours = |validate: bool| {
        let config = json!({"destination": lake, "validate_records": validate});
        load(bench, bench.program("target-gcs"), &config)
            .brought(Ok(ids_in_directory(&lake)), &existing)
    };
    let theirs = || {
        let config = json!({"destination_path": lake});
        load(bench, peer.command("target-jsonl"), &config)
            .brought(Ok(ids_in_directory(&lake)), &existing)
    };
    let sides = by_turns(
        bench.runs,
        &mut [&mut || ours(false), &mut || ours(true), &mut || theirs()],
    );
    for (what, ours) in rows.iter().zip(&sides) {
        if bench.wants(what) {
            row(
                bench,
                what,
                existing.len(),
                [ours, &sides[2]],
                &peer.title,
                None,
            );
        }
    }
}

fn buckets(bench: &mut Bench) {
    let google = "peers: target: bucket, 1.7 KB records, target-gcs";
    let amazon = "peers: target: bucket, 1.7 KB records, target-s3-jsonl";
    for (what, peer) in [(google, "target-gcs"), (amazon, "target-s3-jsonl")] {
        if bench.wants(what) {
            bucket(bench, what, peer);
        }
    }
}

fn bucket(bench: &mut Bench, what: &str, peer: &str) {
    let Some(theirs) = installed(bench, what, peer) else {
        return;
    };
    let Some(emulator) = installed(bench, what, "gcp-storage-emulator") else {
        return;
    };
    let s3 = if peer == "target-s3-jsonl" {
        let Some(moto) = installed(bench, what, "moto") else {
            return;
        };
        Some(moto)
    } else {
        None
    };
    messages(bench, 40_000 / bench.shrink, 1_700, 1);
    let existing = ids_of_messages(&bench.path("messages"));
    // A server for each run, so that none finds it filled by another.
    let load_into_gcs = |mut command: Command, config: &Value| {
        let server = match PeerServer::start(&emulator, "gcs_server.py") {
            Ok(server) => server,
            Err(failure) => return Attempt::failed(failure),
        };
        command.env("STORAGE_EMULATOR_HOST", &server.url);
        load(bench, command, config).brought(ids_in_gcs(&server, "peers"), &existing)
    };
    let run_ours = || {
        let config = json!({"destination": "gs://peers"});
        load_into_gcs(bench.program("target-gcs"), &config)
    };
    let run_theirs = || match &s3 {
        Some(moto) => load_into_s3(bench, &theirs, moto, &existing),
        None => load_into_gcs(theirs.command(peer), &json!({"bucket_name": "peers"})),
    };
    let sides = by_turns(bench.runs, &mut [&mut || run_ours(), &mut || run_theirs()]);
    let servers = match &s3 {
        Some(moto) => format!("ours into {}, it into {}", emulator.title, moto.title),
        None => format!("both into {}", emulator.title),
    };
    row(
        bench,
        &format!("{what}, {servers}"),
        existing.len(),
        [&sides[0], &sides[1]],
        &theirs.title,
        None,
    );
}

fn load_into_s3(
    bench: &Bench,
    peer: &Environment,
    moto: &Environment,
    existing: &BTreeSet<String>,
) -> Attempt {
    let server = match PeerServer::start(moto, "s3_server.py") {
        Ok(server) => server,
        Err(failure) => return Attempt::failed(failure),
    };
    if let Err(failure) = agent().put(format!("{}/peers", server.url)).send_empty() {
        return Attempt::failed(format!("no bucket: {failure}"));
    }
    let config = json!({
        "s3_bucket": "peers",
        "aws_endpoint_url": server.url,
        "aws_access_key_id": "benchmark",
        "aws_secret_access_key": "benchmark",
        "work_dir": bench.path("s3"),
        "path_template": "{stream}-{date_time:%Y%m%dT%H%M%S}.jsonl",
    });
    let mut command = peer.command("target-s3-jsonl");
    command.env("AWS_DEFAULT_REGION", "us-east-1");
    load(bench, command, &config).brought(ids_in_s3(&server, "peers"), existing)
}
