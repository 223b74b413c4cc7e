//! What is written when: states behind their data and not too many of them, ends in words.

use std::time::{Duration, Instant};

use crate::harness::{Ids, STREAMS, Tap, assert_whole};
use simulators::workspace::{Settings, Workspace};

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 3000,
        conversations: 40,
        calls: 60,
        ..Settings::default()
    })
}

#[test]
fn a_state_is_written_once_a_second_at_most_and_at_the_end_of_every_stream() {
    let workspace = workspace();
    let tap = Tap::of(&workspace).set("page_size", 20);
    let started = Instant::now();
    let run = tap.run().ok();
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    // Streams that are asked for on their own; children end with them.
    let ends = STREAMS.len() - 2;
    let states = run.states.len();
    assert!(
        (ends..=ends + seconds + 1).contains(&states),
        "{states} in {seconds} s"
    );
    assert_whole(&workspace, [&run], &STREAMS);
    let every_page = tap.set("state_interval_seconds", 0).run().ok();
    assert!(every_page.states.len() > 150, "{}", every_page.states.len());
}

#[test]
fn a_state_comes_while_a_slow_stream_is_read() {
    let workspace = workspace();
    workspace.adjust(|settings| settings.latency = Duration::from_millis(150));
    let tap = Tap::of(&workspace)
        .set("page_size", 100)
        .set("concurrency", 1)
        .streams(&["contacts"]);
    let run = tap.run().ok();
    // About thirty pages, each after the other.
    assert!(run.states.len() > 2, "{}", run.states.len());
    let first = run.states[0].clone();
    assert!(
        first["bookmarks"]["contacts"]["updated_at"].is_i64(),
        "{first}"
    );
    let resumed = tap.run_from(&first).ok();
    let before = run.stdout.find(r#"{"type":"STATE""#).unwrap();
    let before = crate::harness::Run::of_stdout(run.stdout[..before].to_owned());
    let all: Ids = &before.ids("contacts") | &resumed.ids("contacts");
    crate::harness::assert_same("contacts", &workspace.ids("contacts"), &all);
}
