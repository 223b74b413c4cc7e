//! The target over files of messages, into a directory and into the storage server.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::process::Stdio;
use std::time::Instant;

use intercom_singer::tap::records::{Contact, schema_of};
use serde_json::{Value, json};

use crate::Bench;
use crate::measure::{Cost, median, run};
use crate::support::gcs::Gcs;

const CHUNK_BYTES: usize = 8 << 20;

/// Measures all rows of the target.
pub fn measure(bench: &mut Bench) {
    directory(bench);
    compression(bench);
    bucket(bench);
    memory(bench);
}

/// A file of messages: `count` records of about `size` bytes, in `streams` streams by turns, with a
/// STATE after every 1,000.
pub fn messages(bench: &Bench, count: usize, size: usize, streams: usize) -> u64 {
    let path = bench.path("messages");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a file"));
    let schema = schema_of::<Contact>();
    for stream in 0..streams {
        let message = json!({"type": "SCHEMA", "stream": format!("contacts_{stream}"),
            "schema": schema, "key_properties": ["id"]});
        writeln!(file, "{message}").expect("the disk has room");
    }
    for number in 0..count {
        let record = record(number, size);
        writeln!(
            file,
            r#"{{"type":"RECORD","stream":"contacts_{}","record":{record},"time_extracted":"2026-01-31T06:00:00.000Z"}}"#,
            number % streams
        )
        .expect("the disk has room");
        if number % 1000 == 999 {
            writeln!(
                file,
                r#"{{"type":"STATE","value":{{"bookmarks":{{"contacts_0":{{"updated_at":{number}}}}}}}}}"#
            )
            .expect("the disk has room");
        }
    }
    file.flush().expect("the disk has room");
    fs::metadata(&path).expect("it was written").len()
}

fn record(number: usize, size: usize) -> Value {
    let mut record = json!({
        "type": "contact", "id": format!("{number:024x}"), "role": "user", "name": "Ana Example",
        "email": format!("ana.{number}@example.test"), "created_at": 1_700_000_000,
        "updated_at": 1_700_000_000 + number, "has_hard_bounced": false, "owner_id": null,
        "location": {"type": "location", "country": "Ireland", "city": "Dublin"},
    });
    // The rest are attributes and tags, half text and half structure, as in real contacts.
    let mut attributes = serde_json::Map::new();
    let mut tags = Vec::new();
    while record.to_string().len() + 100 * tags.len() + 60 * attributes.len() + 120 < size {
        let index = tags.len();
        tags.push(json!({"id": index.to_string(), "type": "tag", "url": format!("/tags/{index}"), "name": "a tag"}));
        attributes.insert(
            format!("attribute_{index}"),
            json!("some words, and \"more\" of them"),
        );
    }
    record["tags"] = json!({"type": "list", "data": tags, "has_more": false});
    record["custom_attributes"] = Value::Object(attributes);
    record
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

/// Reads the messages and writes their bytes to a file, synced: what any target has to do.
fn copy(bench: &Bench) -> f64 {
    let started = Instant::now();
    let mut messages = File::open(bench.path("messages")).expect("messages were written");
    let mut copy = File::create(bench.path("copy")).expect("a file");
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = messages.read(&mut buffer).expect("a file can be read");
        if read == 0 {
            break;
        }
        copy.write_all(&buffer[..read]).expect("the disk has room");
    }
    copy.sync_all().expect("the disk is well");
    let seconds = started.elapsed().as_secs_f64();
    fs::remove_file(bench.path("copy")).expect("it was written");
    seconds
}

fn directory(bench: &mut Bench) {
    if !bench.wants("target: directory") {
        return;
    }
    for (size, count) in [(300, 2_000_000), (1_700, 500_000), (20_000, 40_000)] {
        let count = count / bench.shrink;
        let bytes = messages(bench, count, size, 1);
        let copies = (0..bench.runs).map(|_| copy(bench)).collect();
        let copy = median(copies, |seconds| *seconds);
        for (validation, validate) in [("off", false), ("on", true)] {
            let config = json!({
                "destination": bench.path("lake"), "validate_records": validate,
            });
            let runs = (0..bench.runs).map(|_| load(bench, &config));
            let cost = median(runs.collect(), |cost| cost.wall_seconds);
            let bar = match (size, validate) {
                (1_700, false) => " (bar: 500,000)",
                (1_700, true) => " (bar: 100,000)",
                _ => "",
            };
            bench.row(
                &format!(
                    "target: directory, records of {} bytes, validation {validation}",
                    bytes / count as u64
                ),
                format!(
                    "{:.0} records/s, {:.0} MB/s",
                    count as f64 / cost.wall_seconds,
                    bytes as f64 / cost.wall_seconds / 1e6
                ),
                format!("{:.0} MB/s for a bare copy", bytes as f64 / copy / 1e6),
                format!(
                    "{:.0} records a CPU second{bar}",
                    count as f64 / cost.cpu_seconds
                ),
            );
        }
    }
}

fn compression(bench: &mut Bench) {
    if !bench.wants("target: compression") {
        return;
    }
    let count = 200_000 / bench.shrink;
    let bytes = messages(bench, count, 1_700, 1);
    for compression in ["none", "gzip", "zstd"] {
        let config = json!({
            "destination": bench.path("lake"), "compression": compression,
            "validate_records": false,
        });
        let cost = load(bench, &config);
        bench.row(
            &format!("target: compression {compression}, 1.7 KB records"),
            format!("{:.0} records/s", count as f64 / cost.wall_seconds),
            format!("{:.0} MB/s", bytes as f64 / cost.wall_seconds / 1e6),
            format!("{:.0} MiB at most", cost.peak_mebibytes),
        );
    }
}

fn bucket(bench: &mut Bench) {
    if !bench.wants("target: bucket") {
        return;
    }
    let count = 500_000 / bench.shrink;
    let bytes = messages(bench, count, 1_700, 1);
    let gcs = Gcs::start("bench");
    gcs.discard_content();
    let bare = median(
        (0..bench.runs).map(|_| upload(&gcs, bytes)).collect(),
        |seconds| *seconds,
    );
    let config = json!({
        "destination": "gs://bench", "endpoint": gcs.base_url(), "validate_records": false,
    });
    let before = gcs.bytes_received();
    let runs: Vec<Cost> = (0..bench.runs).map(|_| load(bench, &config)).collect();
    let uploaded = (gcs.bytes_received() - before) as f64 / runs.len() as f64;
    let cost = median(runs, |cost| cost.wall_seconds);
    let ours = uploaded / cost.wall_seconds;
    let others = bytes as f64 / bare;
    bench.row(
        "target: bucket, 1.7 KB records, validation off",
        format!("{:.0} MB/s uploaded", ours / 1e6),
        format!("{:.0} MB/s for a bare uploader", others / 1e6),
        format!("{:.2} (bar: 0.9)", ours / others),
    );
}

/// One resumable session in chunks, from memory, and nothing else.
fn upload(gcs: &Gcs, bytes: u64) -> f64 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let started = Instant::now();
    let name = format!("bare-{}", gcs.bytes_received());
    let url = format!(
        "{}/upload/storage/v1/b/bench/o?uploadType=resumable&name={name}",
        gcs.base_url()
    );
    let begun = agent.post(&url).send("{}").expect("a session");
    let location = begun.headers()["location"].to_str().expect("a URL");
    // The server names Google's host, as Google does behind other endpoints: only the path counts.
    let uri: ureq::http::Uri = location.parse().expect("a URL");
    let path = uri.path_and_query().expect("a path");
    let location = format!("{}{path}", gcs.base_url());
    let chunk = vec![b'x'; CHUNK_BYTES];
    let mut sent = 0;
    while sent < bytes {
        let length = (bytes - sent).min(CHUNK_BYTES as u64);
        let end = sent + length;
        let total = if end == bytes {
            bytes.to_string()
        } else {
            "*".to_owned()
        };
        agent
            .put(&location)
            .header("Content-Range", format!("bytes {sent}-{}/{total}", end - 1))
            .send(&chunk[..usize::try_from(length).expect("a chunk fits")])
            .expect("the chunk is taken");
        sent = end;
    }
    started.elapsed().as_secs_f64()
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
            format!("{:.0} MiB at most (bar: 150)", cost.peak_mebibytes),
        );
    }
}
