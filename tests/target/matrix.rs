//! Every kind of request with every way to fail, as one table: afterwards all is there, byte for
//! byte, or the run has failed, said why, and left nothing half done.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::{Target, data_by_stream, record, schema, state};
use simulators::gcs::{Fault, Gcs, Kind};

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    List,
    Start,
    FirstChunk,
    SecondChunk,
    LastChunk,
    /// The only piece of a small object.
    OnlyChunk,
    /// The question after a broken chunk.
    Query,
    /// The question after a last piece whose answer was lost.
    LastQuery,
    StateStart,
    StateChunk,
}

/// What must come of it; a text is in the message.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Whole,
    Fails(&'static str),
}

use Outcome::{Fails, Whole};
use Point::{
    FirstChunk, LastChunk, LastQuery, List, OnlyChunk, Query, SecondChunk, Start, StateChunk,
    StateStart,
};

const EVERYWHERE: &[Point] = &[
    List, Start, FirstChunk, LastChunk, OnlyChunk, Query, LastQuery, StateStart, StateChunk,
];
const AFTER_LISTING: &[Point] = &[
    Start,
    FirstChunk,
    SecondChunk,
    LastChunk,
    OnlyChunk,
    Query,
    LastQuery,
    StateStart,
    StateChunk,
];
const PIECES: &[Point] = &[FirstChunk, SecondChunk, LastChunk, OnlyChunk, StateChunk];
const STALL: Fault = Fault::Stall(Duration::from_secs(30));
const NOT_OURS: &str = "was changed by another run";

/// Fault, where, outcome.
#[rustfmt::skip]
const TABLE: &[(Fault, &[Point], Outcome)] = &[
    (Fault::Status(408), EVERYWHERE, Whole),
    (Fault::Status(429), EVERYWHERE, Whole),
    (Fault::Status(500), EVERYWHERE, Whole),
    (Fault::Status(503), EVERYWHERE, Whole),
    // Before the service took the bytes, and after: for the last piece, a lost reply.
    (Fault::CutBefore, EVERYWHERE, Whole),
    (Fault::LoseReply, EVERYWHERE, Whole),
    // In the middle of the bytes.
    (Fault::CutUpload(10), PIECES, Whole),
    (Fault::CutUpload(1_000_000), &[FirstChunk, SecondChunk], Whole),
    (STALL, EVERYWHERE, Whole),
    (Fault::KeepOnly(0), PIECES, Whole),
    (Fault::KeepOnly(256 * 1024), &[FirstChunk, SecondChunk], Whole),
    (Fault::KeepOnly(7 * 256 * 1024), &[FirstChunk, SecondChunk], Whole),
    // All bytes taken, but the object not made.
    (Fault::KeepOnly(u64::MAX), PIECES, Whole),
    // Begun anew as long as all bytes are at hand.
    (Fault::ForgetSession(404), &[FirstChunk, OnlyChunk, Query, StateChunk], Whole),
    (Fault::ForgetSession(410), &[FirstChunk, OnlyChunk, Query, StateChunk], Whole),
    // What was sent before is sent again.
    (Fault::ForgetSession(404), &[SecondChunk, LastChunk], Whole),
    (Fault::ForgetSession(410), &[SecondChunk, LastChunk], Whole),
    // The object is there; only its session has been forgotten.
    (Fault::ForgetSession(404), &[LastQuery], Whole),
    (Fault::FlipByte, &[OnlyChunk, StateChunk], Whole),
    (Fault::FlipByte, &[FirstChunk, SecondChunk, LastChunk], Whole),
    // A 200 of somebody else's, and one that doesn't say what is stored.
    (Fault::Html, AFTER_LISTING, Whole),
    (Fault::Nothing, AFTER_LISTING, Whole),
    (Fault::Html, &[List], Fails("the answer is no listing")),
    (Fault::Nothing, &[List], Fails("the answer is no listing")),
    (Fault::WithoutEvidence, &[List], Fails("the answer is no listing")),
    (Fault::WithoutEvidence, &[LastChunk, OnlyChunk, StateChunk], Whole),
    (Fault::FlipByteUnchecked, &[LastChunk, OnlyChunk], Fails("what the service stored is not what was sent")),
    (Fault::TakenMeanwhile, &[Start, OnlyChunk, LastChunk], Whole),
    (Fault::TakenMeanwhile, &[StateStart, StateChunk], Fails(NOT_OURS)),
    // What trying again would not change.
    (Fault::Status(401), EVERYWHERE, Fails("the credentials were refused twice")),
    (Fault::Status(403), EVERYWHERE, Fails("the account needs storage.objects.create")),
    (Fault::Status(404), &[List, Start, StateStart], Fails("check that the bucket lake exists")),
];

const ROWS: u32 = 18;

/// Two chunks of 8 MiB and a last piece.
fn large_input() -> &'static str {
    static INPUT: OnceLock<String> = OnceLock::new();
    INPUT.get_or_init(|| {
        let row = |id| {
            record(
                "s",
                json!({ "id": id, "text": "abcdefghij".repeat(100_000) }),
            )
        };
        schema("s") + &(0..ROWS).map(row).collect::<String>() + &state("s", json!({ "at": 1 }))
    })
}

fn small_input() -> String {
    schema("s") + &record("s", json!({ "id": 1 })) + &state("s", json!({ "at": 1 }))
}

/// What the input's rows are as a file.
fn rows_of(input: &str) -> String {
    let row = |line: &str| {
        let record = line.strip_prefix(r#"{"type":"RECORD","stream":"s","record":"#)?;
        Some(format!("{}\n", record.strip_suffix('}')?))
    };
    input.lines().filter_map(row).collect()
}

fn check(fault: Fault, point: Point, outcome: Outcome) {
    let case = format!("{fault:?} at {point:?}");
    let service = Gcs::start("lake");
    let data = |nth, kind| service.fail_object(nth, kind, "s/", 1, fault);
    match point {
        List => service.fail_nth(1, Kind::List, fault),
        Start => data(1, Kind::Start),
        FirstChunk => data(1, Kind::Chunk),
        SecondChunk => data(2, Kind::Chunk),
        LastChunk | OnlyChunk => data(1, Kind::LastChunk),
        Query => {
            service.fail_nth(1, Kind::Chunk, Fault::CutBefore);
            data(1, Kind::Query);
        }
        LastQuery => {
            service.fail_nth(1, Kind::LastChunk, Fault::LoseReply);
            data(1, Kind::Query);
        }
        StateStart => service.fail_object(1, Kind::Start, "_state/", 1, fault),
        StateChunk => service.fail_object(1, Kind::LastChunk, "_state/", 1, fault),
    }
    let is_large = matches!(
        point,
        FirstChunk | SecondChunk | LastChunk | Query | LastQuery
    );
    let input = if is_large {
        large_input().to_owned()
    } else {
        small_input()
    };
    let target = Target::gcs(&service).with("request_timeout_seconds", 1);
    let run = target.run(&input);

    assert_eq!(service.faults_left(), 0, "{case}: it happened");
    // Nobody knows a session whose beginning was not answered: it holds nothing, and ends by itself.
    let is_unknown = matches!(fault, Fault::LoseReply) && matches!(point, Start | StateStart);
    assert_eq!(service.open_sessions(), usize::from(is_unknown), "{case}");
    let mut objects = service.objects();
    // What another writer has put there stays as it is.
    let others = objects
        .extract_if(.., |_, content| content == b"another's")
        .count();
    assert_eq!(
        others,
        usize::from(matches!(fault, Fault::TakenMeanwhile)),
        "{case}"
    );
    let states = objects
        .keys()
        .filter(|name| name.starts_with("_intercom_state/"))
        .count();
    let stored = data_by_stream(&objects).remove("s");
    match outcome {
        Whole => {
            assert_eq!(run.code, Some(0), "{case}: {}", run.stderr);
            assert_eq!(run.stdout, "{\"bookmarks\":{\"s\":{\"at\":1}}}\n", "{case}");
            assert_eq!((objects.len(), states), (2, 1), "{case}");
            assert!(stored == Some(rows_of(&input)), "{case}: the bytes differ");
        }
        Fails(message) => {
            assert_eq!(run.code, Some(1), "{case}: {}", run.stderr);
            assert!(run.stderr.contains(message), "{case}: {}", run.stderr);
            assert_eq!((run.stdout.as_str(), states), ("", 0), "{case}");
            let is_state = matches!(point, StateStart | StateChunk);
            // After a lost reply the object may be there, and then it is whole.
            if is_state || point == LastQuery {
                assert!(stored == Some(rows_of(&input)), "{case}: the bytes differ");
            } else {
                assert!(objects.is_empty(), "{case}: {:?}", objects.keys());
            }
        }
    }
}

#[test]
fn every_fault_at_every_request() {
    let cases: Vec<(Fault, Point, Outcome)> = TABLE
        .iter()
        .flat_map(|(fault, points, outcome)| points.iter().map(|point| (*fault, *point, *outcome)))
        .collect();
    let names: BTreeSet<String> = cases
        .iter()
        .map(|(fault, point, _)| format!("{fault:?} {point:?}"))
        .collect();
    assert_eq!(names.len(), cases.len(), "a case is in the table twice");
    // Most of a case is waiting.
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((fault, point, outcome)) =
                    cases.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    check(*fault, *point, *outcome);
                }
            });
        }
    });
}

#[test]
fn the_checksum_sent_is_that_of_all_bytes() {
    // The service refuses an object without it, so this holds in every case above as well.
    let service = Gcs::start("lake");
    Target::gcs(&service).run(large_input()).succeeded();
    let log = service.log();
    let made: Vec<_> = log
        .iter()
        .filter(|request| request.stored.is_some())
        .collect();
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|request| request.kind == Kind::LastChunk));
    assert!(made.iter().all(|request| request.claimed_crc32c.is_some()));
}
