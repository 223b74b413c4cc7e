//! `--dry-run`: what a run would read, told by a request or two a stream, and held here against what a
//! run then reads.

use std::collections::{BTreeMap, BTreeSet};

use intercom_singer::internals::tap::streams;
use serde_json::{Value, json};

use crate::harness::{Run, STREAMS, Tap, side_by_side};
use simulators::workspace::{Dates, Fault, Settings, When, Workspace, now};

/// What was foretold, by stream, and what was said on stderr.
struct Foretold {
    streams: BTreeMap<String, Value>,
    exit_code: Option<i32>,
    stderr: String,
}

impl Foretold {
    fn of(tap: &Tap, state: Option<&Value>) -> Foretold {
        let state = state.map(Value::to_string);
        let mut command = tap.command(state.as_deref());
        let output = command.arg("--dry-run").output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines = lines.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["stream"].as_str().unwrap().to_owned(), line)
        });
        Foretold {
            streams: lines.collect(),
            exit_code: output.status.code(),
            stderr: simulators::log::without_times(&output.stderr),
        }
    }

    #[track_caller]
    fn ok(self) -> Foretold {
        assert_eq!(self.exit_code, Some(0), "{}", self.stderr);
        self
    }

    /// Whether so many of something are within what was foretold.
    #[track_caller]
    fn assert_holds(&self, stream: &str, what: &str, number: usize) {
        let line = &self.streams[stream];
        let least = line[format!("{what}_at_least")].as_u64().unwrap();
        let most = line[format!("{what}_at_most")].as_u64();
        let number = number as u64;
        let is_within = least <= number && most.is_none_or(|most| number <= most);
        assert!(is_within, "{number} {what} of {stream}: {line}");
    }

    #[track_caller]
    fn assert_exact(&self, stream: &str, what: &str, number: usize) {
        self.assert_holds(stream, what, number);
        let line = &self.streams[stream];
        for name in [what.to_owned(), format!("{what}_at_most")] {
            assert_eq!(line[&name], json!(number), "{stream}: {line}");
        }
    }
}

/// How many requests were made for each stream that is read when nobody chooses.
fn requests_by_stream(workspace: &Workspace) -> BTreeMap<&'static str, usize> {
    let stream_of = |path: &str| match path {
        "/contacts/search" => "contacts",
        "/conversations/search" => "conversations",
        "/help_center/collections" => "collections",
        path if path.starts_with("/contacts/") => "contacts",
        path if path.starts_with("/conversations/") => "conversation_parts",
        path if path.ends_with("/transcript") => "call_transcriptions",
        path => STREAMS
            .into_iter()
            .find(|stream| path.strip_prefix('/') == Some(stream))
            .unwrap(),
    };
    let mut counts: BTreeMap<_, _> = STREAMS.iter().map(|stream| (*stream, 0)).collect();
    for request in workspace.requests() {
        *counts.entry(stream_of(&request.path)).or_default() += 1;
    }
    counts
}

fn records(run: &Run, stream: &str) -> usize {
    run.of_stream(stream).count()
}

/// Two requests a stream at most, none of them a detail.
fn assert_cheap(workspace: &Workspace) {
    for (stream, count) in requests_by_stream(workspace) {
        let most = match stream {
            "conversation_parts" | "call_transcriptions" => 0,
            _ => 2,
        };
        assert!(count <= most, "{count} requests for {stream}");
    }
}

fn workspace(dates: Dates, spread_days: u32) -> Workspace {
    Workspace::start(Settings {
        contacts: 2_000,
        conversations: 200,
        calls: 130,
        articles: 60,
        collections: 60,
        long_lists_every: 5,
        displaced_calls_every: 9,
        rate_limit: 200_000,
        spread_days,
        dates,
        ..Settings::default()
    })
}

#[test]
fn a_first_load_takes_what_was_foretold() {
    let cases = [Dates::Exact, Dates::WholeDay].map(|dates| [(dates, 400), (dates, 12)]);
    side_by_side(cases.concat(), |(dates, spread_days)| {
        let workspace = workspace(dates, spread_days);
        let tap = Tap::of(&workspace);
        let foretold = Foretold::of(&tap, None).ok();
        assert_cheap(&workspace);
        // No message, no state.
        let mut streams = STREAMS;
        streams.sort_unstable();
        assert!(foretold.streams.keys().eq(streams.iter()));

        workspace.clear_requests();
        let run = tap.run().ok();
        let requests = requests_by_stream(&workspace);
        for stream in STREAMS {
            foretold.assert_holds(stream, "records", records(&run, stream));
            foretold.assert_holds(stream, "requests", requests[stream]);
        }
        for stream in ["contacts", "conversations", "calls", "articles", "tags"] {
            foretold.assert_exact(stream, "records", records(&run, stream));
        }
        foretold.assert_exact("conversation_parts", "requests", 200);
        // Those of the newest page stand for all.
        let transcripts = foretold.streams["call_transcriptions"]["requests"].as_u64();
        let asked = requests["call_transcriptions"] as u64;
        assert!(
            transcripts.unwrap().abs_diff(asked) <= asked / 2,
            "{asked} asked"
        );
        let guessed = foretold.streams["contacts"]["requests"].as_u64().unwrap();
        let asked = requests["contacts"] as u64;
        assert!(
            guessed.abs_diff(asked) <= asked / 2,
            "{guessed}, {asked} asked"
        );
        // 200,000 in ten seconds.
        assert_eq!(
            foretold.streams["conversation_parts"]["minutes"],
            json!(0.0)
        );
        assert!(foretold.stderr.contains("allow 1200000 requests a minute"));
    });
}

#[test]
fn a_later_run_takes_what_was_foretold() {
    let cases = [Dates::Exact, Dates::WholeDay];
    let cases = cases.map(|dates| [(dates, 0), (dates, 3), (dates, 700)]);
    side_by_side(cases.concat(), |(dates, changed)| {
        let workspace = workspace(dates, 400);
        let tap = Tap::of(&workspace).set("calls_overlap_pages", 2);
        let state = tap.run().ok().state();
        for stream in ["contacts", "conversations", "calls", "articles"] {
            let ids = workspace.ids(stream);
            for id in ids.iter().take(changed) {
                workspace.touch(stream, id, now());
            }
        }
        workspace.clear_requests();
        let foretold = Foretold::of(&tap, Some(&state)).ok();
        assert_cheap(&workspace);

        workspace.clear_requests();
        let run = tap.run_from(&state).ok();
        let requests = requests_by_stream(&workspace);
        for stream in STREAMS {
            // Some of the look-back were emitted before, and are read all the same.
            let most = foretold.streams[stream]["records_at_most"].as_u64();
            let emitted = records(&run, stream) as u64;
            assert!(
                most.is_none_or(|most| emitted <= most),
                "{emitted} {stream}"
            );
            foretold.assert_holds(stream, "requests", requests[stream]);
        }
        if changed < 100 {
            foretold.assert_exact("contacts", "records", changed);
            foretold.assert_exact("conversations", "records", changed);
            foretold.assert_exact("conversation_parts", "requests", changed);
        }
    });
}

#[test]
fn a_slice_is_counted_between_its_bounds() {
    let workspace = workspace(Dates::ByVersion, 100);
    let day = 86_400;
    let date = |days: i64| {
        let at = now() - days * day;
        at - at.rem_euclid(day)
    };
    let text = |at: i64| {
        json!(
            chrono::DateTime::from_timestamp(at, 0)
                .unwrap()
                .to_rfc3339()
        )
    };
    let tap = Tap::of(&workspace)
        .streams(&["contacts", "conversations"])
        .set("start_date", text(date(60)))
        .set("end_date", text(date(20)));
    let foretold = Foretold::of(&tap, None).ok();
    let run = tap.run().ok();
    for stream in ["contacts", "conversations"] {
        let line = &foretold.streams[stream];
        let (least, most) = (
            line["records_at_least"].as_u64().unwrap(),
            line["records_at_most"].as_u64().unwrap(),
        );
        let emitted = records(&run, stream) as u64;
        // What is asked for beyond the bounds, of which nobody knows whether they are included.
        assert!(least <= emitted + 2 && emitted <= most, "{emitted} {line}");
    }
}

#[test]
fn what_cannot_be_counted_is_said_to_be_so() {
    let workspace = Workspace::start(Settings {
        companies: 30,
        activity_logs: 50,
        rate_limit: 0,
        ..Settings::default()
    });
    let tap =
        Tap::of(&workspace).streams(&["companies", "export_receipts", "report_call", "brands"]);
    let foretold = Foretold::of(&tap, None).ok();
    for stream in ["companies", "export_receipts", "report_call"] {
        let line = &foretold.streams[stream];
        assert_eq!(line["records"], Value::Null, "{line}");
        assert_eq!(line["minutes"], Value::Null, "{line}");
        assert!(line["unknown"].is_string(), "{line}");
    }
    assert_eq!(foretold.streams["brands"]["requests"], json!(1));
    // Opening a scroll would close that of somebody else, and a job take the server's time.
    assert_eq!(workspace.count_under("/companies/scroll"), 0);
    assert_eq!(workspace.count("/export/content/data"), 0);
    assert_eq!(workspace.count("/export/reporting_data/enqueue"), 0);
    let line = foretold
        .stderr
        .lines()
        .find(|line| line.contains("companies "));
    assert!(line.unwrap().contains("not told"), "{}", foretold.stderr);
    assert!(foretold.stderr.contains("doesn't say how many requests"));
}

#[test]
fn what_cannot_be_read_is_named_and_the_others_are_counted() {
    let workspace = Workspace::start(Settings::default());
    workspace.inject(Fault::status("/news/newsfeeds", When::Always, 403));
    let tap = Tap::of(&workspace).streams(&["news_items", "newsfeeds", "brands"]);
    let foretold = Foretold::of(&tap, None);
    assert_eq!(foretold.exit_code, Some(1), "{}", foretold.stderr);
    assert!(foretold.streams["newsfeeds"]["failure"].is_string());
    foretold.assert_exact("news_items", "records", 130);
    foretold.assert_exact("brands", "records", 130);
    let named = foretold.stderr.contains("newsfeeds: can't be read:")
        && foretold
            .stderr
            .contains("these streams can't be read: newsfeeds");
    assert!(named, "{}", foretold.stderr);
}

#[test]
fn every_stream_of_the_table_can_be_foretold() {
    let workspace = Workspace::start(Settings {
        contacts: 60,
        conversations: 20,
        calls: 60,
        articles: 30,
        collections: 10,
        tickets: 20,
        companies: 30,
        macros: 20,
        activity_logs: 40,
        long_lists_every: 10,
        ..Settings::default()
    });
    let names: Vec<&str> = streams::names().collect();
    let mut tap = Tap::of(&workspace).streams(&names);
    for (key, value) in workspace.config().as_object().unwrap() {
        tap = tap.set(key, value.clone());
    }
    let foretold = Foretold::of(&tap, None).ok();
    assert!(
        foretold
            .streams
            .keys()
            .eq(names.iter().collect::<BTreeSet<_>>())
    );
    // Some have a list for each value of a setting.
    let lists = streams::all().count() + 2;
    let asked = workspace.requests().len();
    assert!(asked <= 2 * lists, "{asked} requests for {lists} lists");
    let run = tap.run().ok();
    for name in names {
        foretold.assert_holds(name, "records", records(&run, name));
    }
}
