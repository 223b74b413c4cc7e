//! Killed outright at any moment and resumed from the last state that got out: nothing is missing,
//! and little comes twice.

use std::time::Duration;

use crate::harness::{INCREMENTAL, Ids, Run, STREAMS, Tap, assert_whole, side_by_side, union};
use simulators::workspace::{CallTimestamps, Churn, Settings, Workspace, now};

const PAGE_SIZE: usize = 20;
const TWO_DAYS: i64 = 2 * 86_400;

fn workspace(seed: u64) -> Workspace {
    let workspace = Workspace::start(Settings {
        seed,
        contacts: 400,
        conversations: 100,
        calls: 200,
        articles: 150,
        collections: 60,
        latency: Duration::from_millis(3),
        call_timestamps: CallTimestamps::Integer,
        ..Settings::default()
    });
    // Many contacts of the last two days, whose reading can't be resumed.
    for minutes in 0..100 {
        workspace.add("contacts", now() - minutes * 25 * 60);
    }
    workspace
}

fn tap(workspace: &Workspace) -> Tap {
    Tap::of(workspace)
        .set("page_size", PAGE_SIZE)
        .set("state_interval_seconds", 0)
        .set("concurrency", 4)
        .set("calls_overlap_pages", 2)
        .set("articles_overlap_pages", 1)
}

/// Runs until the workspace has been asked so many more times, then kills the process.
pub fn run_killed_after(
    workspace: &Workspace,
    tap: &Tap,
    state: &serde_json::Value,
    requests: u64,
) -> Run {
    let until = workspace.total_requests() + requests;
    let mut process = tap.start(Some(state));
    // It must not stop at a full pipe.
    let stdout = read_all(process.stdout.take().unwrap());
    let stderr = read_all(process.stderr.take().unwrap());
    while workspace.total_requests() < until && process.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    let status = process.wait().unwrap();
    Run::of(std::process::Output {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    })
}

pub fn read_all(
    mut source: impl std::io::Read + Send + 'static,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

#[test]
fn killed_at_any_moment_and_resumed_nothing_is_missing_and_little_comes_twice() {
    let whole_run = {
        let workspace = workspace(1);
        let _ = tap(&workspace).run().ok();
        workspace.total_requests()
    };
    let moments = (0..10).map(|tenth| 2 + whole_run * tenth / 10);
    side_by_side(moments, |moment| {
        let workspace = workspace(1);
        let tap = tap(&workspace);
        let first = run_killed_after(&workspace, &tap, &serde_json::json!({}), moment);
        assert_eq!(first.exit_code, None, "it was killed");
        let second = tap.run_from(&first.state()).ok();
        assert_whole(&workspace, [&first, &second], &STREAMS);

        let repeated = |stream: &str| -> Ids { &first.ids(stream) & &second.ids(stream) };
        let recent = now() - TWO_DAYS - 60;
        let old_contacts = repeated("contacts")
            .iter()
            .filter(|id| workspace.updated_at("contacts", id) < recent)
            .count();
        // A page is known to be in order by the next one of its slice.
        assert!(old_contacts <= 2 * PAGE_SIZE, "{old_contacts}");
        let conversations = repeated("conversations").len();
        assert!(conversations <= 2 * PAGE_SIZE, "{conversations}");
        // The overlap, and the page that was being emitted.
        let calls = repeated("calls").len();
        assert!(calls <= 4 * 25, "{calls}");
        let third = tap.run_from(&second.state()).ok();
        for stream in INCREMENTAL {
            assert_eq!(third.ids(stream), Ids::new(), "{stream}");
        }
    });
}

#[test]
fn killed_again_and_again_it_gets_there() {
    side_by_side([2, 3], |seed| {
        let workspace = workspace(seed);
        // Rows keep changing meanwhile.
        workspace.adjust(|settings| {
            settings.churn = Churn {
                touches: 1,
                inserts: 1,
                deletes: 0,
            };
        });
        let tap = tap(&workspace);
        let before: Vec<(&str, Ids)> = INCREMENTAL
            .iter()
            .map(|stream| (*stream, workspace.ids(stream)))
            .collect();
        let mut runs = Vec::new();
        let mut state = serde_json::json!({});
        for _ in 0..10 {
            let run = run_killed_after(&workspace, &tap, &state, 60);
            if !run.states.is_empty() {
                state = run.state();
            }
            runs.push(run);
        }
        workspace.adjust(|settings| settings.churn = Churn::default());
        for _ in 0..2 {
            let run = tap.run_from(&state).ok();
            state = run.state();
            runs.push(run);
        }
        for (stream, before) in before {
            crate::harness::assert_covers(stream, &before, &union(&runs, stream));
        }
        assert_whole(&workspace, &runs, &INCREMENTAL);
        crate::harness::assert_latest(&workspace, &runs);
    });
}
