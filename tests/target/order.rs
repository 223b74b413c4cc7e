//! The order of a commit, from a record of all requests and lines: data first, then the state
//! objects, then the line on stdout. And a process killed in the middle of it, at every request.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::feeding::send;
use crate::harness::{Target, assert_covered, assert_states_covered, rounds};
use simulators::gcs::{Gcs, Kind, Moment};

/// Replays the log: each state object covers only what was there when it was made.
#[track_caller]
fn assert_states_follow_data(service: &Gcs) {
    let mut objects = BTreeMap::new();
    for request in service.log() {
        if let Some(content) = request.stored {
            objects.insert(request.object.clone(), content.to_vec());
            if request.object.starts_with("_intercom_state/") {
                assert_covered(str::from_utf8(&content).unwrap(), &objects);
            }
        }
    }
}

#[test]
fn data_then_state_objects_then_the_line() {
    for (streams, count, setting, value) in [
        (1, 8, "flush_interval_seconds", 0),
        (1, 30, "max_file_bytes", 25),
        (3, 8, "flush_interval_seconds", 0),
        (3, 30, "max_file_bytes", 25),
        (40, 3, "flush_interval_seconds", 0),
        (40, 12, "max_file_bytes", 20),
    ] {
        let service = Gcs::start("lake");
        // Each commit takes longer than reading what comes before the next.
        service.set_latency(Duration::from_millis(2));
        let target = Target::gcs(&service).with(setting, value);
        let mut child = target.spawn();
        let mut stdin = child.stdin.take().unwrap();
        let input = rounds(streams, 0..count);
        let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let mut lines = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The objects as they are now: a line that came too early would find too little.
            let objects = service.objects();
            assert_covered(&line, &objects);
            for stream in 0..streams {
                let name = format!("_intercom_state/s{stream}_state.json");
                assert!(objects.contains_key(&name), "{name} comes before {line}");
            }
            assert_states_covered(&objects);
            lines.push(line);
        }
        feeder.join().unwrap().unwrap();
        assert!(child.wait().unwrap().success());
        let case = format!("{streams} streams, {setting}");
        assert!(lines.len() > 2, "{case}: {} commits", lines.len());
        assert_states_follow_data(&service);
        // Between two lines every data object is begun and ended before any state object is begun.
        let mut is_state_begun = false;
        let mut turns = 0;
        for request in service.log() {
            let is_state = request.object.starts_with("_intercom_state/");
            match request.kind {
                Kind::Start if is_state => is_state_begun = true,
                Kind::LastChunk if !is_state && is_state_begun => {
                    turns += 1;
                    is_state_begun = false;
                }
                _ => {}
            }
        }
        assert_eq!(turns + 1, lines.len(), "{case}: a line a commit");
        assert_eq!(service.open_sessions(), 0);
    }
}

/// Runs a small load whose process is killed outright at a request; `None` when it has fewer.
fn killed_at(nth: usize, moment: Moment) -> Option<(Gcs, Target)> {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service).with("flush_interval_seconds", 0);
    let (process_id, receiver) = sync_channel::<u32>(1);
    let (ended, end) = sync_channel::<()>(1);
    service.at_request(nth, moment, move || {
        let id = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        send("-KILL", id);
        // The signal is delivered when the process runs next: nothing is answered before.
        end.recv_timeout(Duration::from_secs(10)).unwrap();
    });
    let mut child = target.spawn();
    process_id.send(child.id()).unwrap();
    // The pipe may break under the writing.
    drop(
        child
            .stdin
            .take()
            .unwrap()
            .write_all(rounds(2, 0..3).as_bytes()),
    );
    let output = child.wait_with_output().unwrap();
    ended.send(()).unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let objects = service.objects();
    for line in stdout.lines() {
        assert_covered(line, &objects);
    }
    assert_states_covered(&objects);
    if output.status.code() == Some(0) {
        return None;
    }
    Some((service, target))
}

#[test]
fn a_process_killed_at_any_request_has_promised_nothing_that_is_missing() {
    for moment in [Moment::Before, Moment::After] {
        let mut kills = 0;
        while let Some((service, target)) = killed_at(kills + 1, moment) {
            kills += 1;
            // The next run begins where the state says, and makes it whole.
            let state = target.read_state(&[]).succeeded()[0].to_owned();
            let state: serde_json::Value = serde_json::from_str(&state).unwrap();
            let from = |stream: &str| {
                let bookmark = state["bookmarks"][stream]["at"].as_u64();
                bookmark.map_or(0, |at| at + 1)
            };
            target
                .run(rounds(2, from("s0").min(from("s1"))..4))
                .succeeded();
            let last = r#"{"bookmarks":{"s0":{"at":3},"s1":{"at":3}}}"#;
            assert_covered(last, &service.objects());
            assert_states_follow_data(&service);
        }
        // A listing, and in each of three commits two requests for each of four objects.
        assert!(kills > 3 * 8, "{moment:?}: {kills} kills");
    }
}

#[test]
fn a_process_killed_while_it_writes_a_directory() {
    for attempt in 0..20 {
        let target = Target::local().with("flush_interval_seconds", 0);
        let mut child = target.spawn();
        let mut stdin = child.stdin.take().unwrap();
        // Ends with the pipe alone: however slow the disk, the process is killed at its work.
        let feeder = std::thread::spawn(move || {
            (0..u64::MAX)
                .map(|round| stdin.write_all(rounds(2, round..round + 1).as_bytes()))
                .find(Result::is_err)
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines: Vec<String> = stdout
            .by_ref()
            .take(1 + attempt % 3)
            .collect::<Result<_, _>>()
            .unwrap();
        // Somewhere else in a commit each time.
        std::thread::sleep(Duration::from_micros(attempt as u64 * 1700));
        child.kill().unwrap();
        child.wait().unwrap();
        feeder.join().unwrap();
        // The last one may be cut.
        lines.extend(
            stdout
                .map_while(Result::ok)
                .filter(|line| line.ends_with("}}}")),
        );
        let files = target.files();
        assert_states_covered(&files);
        assert!(lines.len() > attempt % 3);
        for line in lines {
            assert_covered(&line, &files);
        }
        assert!(files.values().all(|content| content.ends_with(b"\n")));
    }
}
