//! What a run takes of memory while large answers are in flight.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::harness::Tap;
use simulators::http::{Reply, Server};
use simulators::workspace::{Settings, Workspace, now};

const MIB: u64 = 1 << 20;
/// The budget of all large bodies in flight, and what a run takes without any.
const MOST_BYTES: u64 = (256 + 64) * MIB;
const CONVERSATIONS: u64 = 16;
/// Of one conversation with its parts, unpacked.
const BODY_BYTES: u64 = 40_000_000;

/// The most memory that a process had in use, in bytes; `None` once it has ended.
fn peak_of(process_id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let digits: String = peak.chars().filter(char::is_ascii_digit).collect();
    Some(1024 * digits.parse::<u64>().ok()?)
}

fn packed_conversation(number: u64) -> Vec<u8> {
    let head = format!(
        r#"{{"type":"conversation","id":"{number}","updated_at":{},"conversation_parts":{{
            "total_count":1,"conversation_parts":[{{"type":"conversation_part","id":"{number}","body":""#,
        now() - 5000
    );
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(head.as_bytes()).unwrap();
    io::copy(&mut io::repeat(b'a').take(BODY_BYTES), &mut packer).unwrap();
    packer.write_all(br#""}]}}"#).unwrap();
    packer.finish().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn large_answers_share_a_budget_however_small_they_are_on_the_wire() {
    let rows: Vec<_> = (0..CONVERSATIONS)
        .map(|number| json!({"id": number.to_string(), "updated_at": now() - 5000}))
        .collect();
    let list = json!({"conversations": rows, "total_count": CONVERSATIONS, "pages": {}});
    let server = Server::start(move |request| {
        if request.method == "POST" {
            return Reply::json(200, list.to_string());
        }
        let number = request.path.rsplit('/').next().unwrap().parse().unwrap();
        Reply::json(200, packed_conversation(number)).header("Content-Encoding", "gzip")
    });
    let tap = Tap::of(&Workspace::start(Settings::default()))
        .set("base_url", server.base_url())
        .streams(&["conversations"]);
    let mut child = tap
        .command(None)
        .stderr(File::create("/dev/null").unwrap())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || io::copy(&mut stdout, &mut io::sink()).unwrap());
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak = peak.max(peak_of(child.id()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
    let emitted = reader.join().unwrap();
    assert!(emitted > CONVERSATIONS * BODY_BYTES, "{emitted} bytes");
    println!("{} MiB at the most", peak / MIB);
    assert!(peak > BODY_BYTES && peak < MOST_BYTES, "{} MiB", peak / MIB);
}
