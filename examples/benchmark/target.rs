//! The target over files of messages, into a directory and into the storage server.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Bench;
use crate::bar::Bar;
use crate::bare::{copy, upload};
use crate::measure::{Cost, median, own_cpu_seconds, run};
use crate::messages::messages;
use simulators::gcs::Gcs;

/// The most memory of the target, in MiB.
pub const MEMORY: Bar = Bar::AtMost(150.0);
/// Bytes of plain files that become keys in a second of one core, in MB.
const KEYS_RATE: Bar = Bar::AtLeast(400.0);
/// The most memory for the keys of a million records, in MiB.
const KEYS_MEMORY: Bar = Bar::AtMost(64.0);

/// Measures all rows of the target.
pub fn measure(bench: &mut Bench) {
    directory(bench);
    compression(bench);
    bucket(bench);
    memory(bench);
    keys(bench);
}

fn load(bench: &Bench, config: &Value) -> Cost {
    fs::write(bench.path("target.json"), config.to_string()).expect("a configuration");
    let messages = File::open(bench.path("messages")).expect("messages were written");
    let cost = run(bench
        .program("target-gcs")
        .arg("--config")
        .arg(bench.path("target.json"))
        .stdin(Stdio::from(messages)));
    let _ = fs::remove_dir_all(bench.path("lake"));
    cost
}

fn directory(bench: &mut Bench) {
    let what = "target: directory";
    if !bench.wants(what) {
        return;
    }
    for (size, count, streams) in [
        (300, 2_000_000, 1),
        (1_700, 500_000, 1),
        (1_700, 500_000, 40),
        (20_000, 40_000, 1),
    ] {
        let count = count / bench.shrink;
        let bytes = messages(bench, count, size, streams) as f64;
        let config = |validate: bool| json!({"destination": bench.path("lake"), "validate_records": validate});
        let (mut copies, mut unchecked, mut checked) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.runs {
            copies.push(copy(bench));
            unchecked.push(load(bench, &config(false)));
            checked.push(load(bench, &config(true)));
        }
        let (copy, copy_cpu) = median(copies, |(seconds, _)| *seconds);
        for (validation, costs, bar) in [("off", unchecked, 500_000.0), ("on", checked, 100_000.0)]
        {
            let cost = median(costs, |cost| cost.wall_seconds);
            let rate = count as f64 / cost.cpu_seconds;
            let bar = if size == 1_700 {
                format!(" {}", Bar::AtLeast(bar).of(rate))
            } else {
                String::new()
            };
            bench.row(
                &format!(
                    "{what}, records of {size} bytes, {streams} streams, validation {validation}"
                ),
                format!(
                    "{:.0} records/s, {:.0} MB/s, {:.0} MiB at most",
                    count as f64 / cost.wall_seconds,
                    bytes / cost.wall_seconds / 1e6,
                    cost.peak_mebibytes
                ),
                format!(
                    "{:.0} MB/s for a bare copy, {:.0} records a CPU second",
                    bytes / copy / 1e6,
                    count as f64 / copy_cpu
                ),
                format!(
                    "{rate:.0} records a CPU second{bar}, {:.0} % of it in the kernel",
                    cost.kernel_seconds / cost.cpu_seconds * 100.0
                ),
            );
        }
    }
}

fn compression(bench: &mut Bench) {
    let what = "target: compression";
    if !bench.wants(what) {
        return;
    }
    let count = 200_000 / bench.shrink;
    let bytes = messages(bench, count, 1_700, 1);
    for compression in ["none", "gzip", "zstd"] {
        let config = json!({
            "destination": bench.path("lake"), "compression": compression,
            "validate_records": false,
        });
        let costs = (0..bench.runs).map(|_| load(bench, &config)).collect();
        let cost = median(costs, |cost| cost.wall_seconds);
        bench.row(
            &format!("{what} {compression}, records of 1700 bytes"),
            format!(
                "{:.0} records/s, {:.0} MB/s",
                count as f64 / cost.wall_seconds,
                bytes as f64 / cost.wall_seconds / 1e6
            ),
            format!(
                "{:.0} records a CPU second",
                count as f64 / cost.cpu_seconds
            ),
            format!("{:.0} MiB at most", cost.peak_mebibytes),
        );
    }
}

fn bucket(bench: &mut Bench) {
    let what = "target: bucket";
    if !bench.wants(what) {
        return;
    }
    let (one, many) = (Bar::AtLeast(0.8), Bar::AtLeast(0.7));
    for (latency, streams, bar) in [(0, 1, one), (0, 40, many), (50, 1, one), (50, 40, many)] {
        let count = 500_000;
        let count = count / bench.shrink;
        messages(bench, count, 1_700, streams);
        let gcs = Gcs::start("bench");
        gcs.discard_content();
        gcs.set_latency(Duration::from_millis(latency));
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for run in 0..bench.runs {
            // What is stored is forgotten, state objects too: each run has a place of its own.
            let config = json!({
                "destination": format!("gs://bench/{run}"), "endpoint": gcs.base_url(),
                "validate_records": false,
            });
            let before = gcs.bytes_received();
            let server_cpu = own_cpu_seconds();
            let cost = load(bench, &config);
            let server_cpu = own_cpu_seconds() - server_cpu;
            let bytes = gcs.bytes_received() - before;
            ours.push((bytes as f64, cost, server_cpu));
            bare.push(bytes as f64 / upload(&gcs, bytes));
        }
        let (bytes, cost, server_cpu) = median(ours, |(bytes, cost, _)| bytes / cost.wall_seconds);
        let ours = bytes / cost.wall_seconds;
        let bare = median(bare, |speed| *speed);
        bench.row(
            &format!("{what}, {latency} ms a request, {streams} streams, validation off"),
            format!(
                "{:.0} MB/s uploaded, {:.0} MB a CPU second, {:.0} MiB at most",
                ours / 1e6,
                bytes / cost.cpu_seconds / 1e6,
                cost.peak_mebibytes
            ),
            format!("{:.0} MB/s for a bare uploader", bare / 1e6),
            format!(
                "{:.2} {}, {:.1} + {:.1} cores busy with target and server",
                ours / bare,
                bar.of(ours / bare),
                cost.cpu_seconds / cost.wall_seconds,
                server_cpu / cost.wall_seconds
            ),
        );
    }
}

fn memory(bench: &mut Bench) {
    let what = "target: memory, 10 streams by turns";
    if !bench.wants(what) {
        return;
    }
    let count = 1_200_000 / bench.shrink;
    let bytes = messages(bench, count, 1_700, 10);
    let gcs = Gcs::start("bench");
    gcs.discard_content();
    for (kind, config) in [
        ("directory", json!({"destination": bench.path("lake")})),
        (
            "bucket",
            json!({"destination": "gs://bench", "endpoint": gcs.base_url()}),
        ),
    ] {
        let cost = load(bench, &config);
        bench.row(
            &format!("{what}, {kind}"),
            format!("{:.1} GB through", bytes as f64 / 1e9),
            format!("{:.0} records/s", count as f64 / cost.wall_seconds),
            format!(
                "{:.0} MiB at most {}",
                cost.peak_mebibytes,
                MEMORY.of(cost.peak_mebibytes)
            ),
        );
    }
}

fn keys(bench: &mut Bench) {
    let count = 1_000_000 / bench.shrink;
    let what = format!("target: keys of a lake of {count} records of 1700 bytes");
    if !bench.wants(&what) {
        return;
    }
    let bytes = messages(bench, count, 1_700, 1) as f64;
    let config = json!({"destination": bench.path("lake"), "validate_records": false});
    let config_path = bench.path("target.json");
    fs::write(&config_path, config.to_string()).expect("a configuration");
    let messages = File::open(bench.path("messages")).expect("messages were written");
    let target = || {
        let mut target = bench.program("target-gcs");
        target.arg("--config").arg(&config_path);
        target
    };
    run(target().stdin(Stdio::from(messages)));
    let runs = (0..bench.runs).map(|_| run(target().arg("--read-keys")));
    let cost = median(runs.collect(), |cost| cost.wall_seconds);
    fs::remove_dir_all(bench.path("lake")).expect("the lake was made");
    let rate = bytes / cost.cpu_seconds / 1e6;
    bench.row(
        &what,
        format!("{:.0} MB/s", bytes / cost.wall_seconds / 1e6),
        format!("{:.1} s", cost.wall_seconds),
        format!(
            "{rate:.0} MB a CPU second {}, {:.0} MiB at most {}",
            KEYS_RATE.of(rate),
            cost.peak_mebibytes,
            KEYS_MEMORY.of(cost.peak_mebibytes)
        ),
    );
}
