//! What the target is compared with: the least that any program has to do.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::time::Instant;

use crate::Bench;
use crate::measure::own_cpu_seconds;
use simulators::gcs::Gcs;

const CHUNK_BYTES: u64 = 8 << 20;
/// The target's default.
const FILE_BYTES: u64 = 256 << 20;

/// Reads the messages and writes their bytes to a file, synced: what any target has to do. Gives
/// the seconds it takes, on the clock and of processors.
pub fn copy(bench: &Bench) -> (f64, f64) {
    let cpu_seconds = own_cpu_seconds();
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
    let cpu_seconds = own_cpu_seconds() - cpu_seconds;
    fs::remove_file(bench.path("copy")).expect("it was written");
    (seconds, cpu_seconds)
}

/// Uploads that many bytes from memory, in files and chunks as large as the target's. Gives the
/// seconds it takes.
pub fn upload(gcs: &Gcs, bytes: u64) -> f64 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let chunk = vec![b'x'; usize::try_from(CHUNK_BYTES).expect("a chunk fits")];
    let started = Instant::now();
    let mut left = bytes;
    while left > 0 {
        let file_bytes = left.min(FILE_BYTES);
        upload_file(&agent, gcs, file_bytes, &chunk);
        left -= file_bytes;
    }
    started.elapsed().as_secs_f64()
}

fn upload_file(agent: &ureq::Agent, gcs: &Gcs, bytes: u64, chunk: &[u8]) {
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
    let mut sent = 0;
    while sent < bytes {
        let end = bytes.min(sent + CHUNK_BYTES);
        let total = if end == bytes {
            bytes.to_string()
        } else {
            "*".to_owned()
        };
        agent
            .put(&location)
            .header("Content-Range", format!("bytes {sent}-{}/{total}", end - 1))
            .send(&chunk[..usize::try_from(end - sent).expect("a chunk fits")])
            .expect("the chunk is taken");
        sent = end;
    }
}
