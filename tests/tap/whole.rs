//! The main job: everything on the first run, what changed on the next, and little asked for it.

use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;

use crate::harness::{
    INCREMENTAL, Ids, STREAMS, Tap, assert_same, assert_whole, existing, side_by_side,
};
use simulators::workspace::{
    CallTimestamps, Dates, LastPage, PageNext, Settings, TranscriptFormat, Workspace, now,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn small() -> Settings {
    Settings {
        contacts: 700,
        conversations: 60,
        calls: 130,
        articles: 70,
        collections: 40,
        ..Settings::default()
    }
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap()
}

#[test]
fn every_row_of_every_stream_is_emitted_whatever_the_timezone() {
    let cases = [
        (Dates::WholeDay, "Pacific/Apia", 400),
        (Dates::WholeDay, "Pacific/Pago_Pago", 400),
        (Dates::WholeDay, "Pacific/Apia", 3),
        (Dates::Exact, "UTC", 400),
    ];
    side_by_side(cases, |(dates, timezone, spread_days)| {
        let workspace = Workspace::start(Settings {
            dates,
            timezone: zone(timezone),
            spread_days,
            ..small()
        });
        let tap = Tap::of(&workspace);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &STREAMS);
        let second = tap.run_from(&first.state()).ok();
        for stream in INCREMENTAL {
            assert_same(stream, &Ids::new(), &second.ids(stream));
        }
    });
}

#[test]
fn contacts_updated_around_midnight_arrive_on_the_first_and_on_later_runs() {
    let cases = ["Pacific/Apia", "Pacific/Pago_Pago", "UTC"]
        .into_iter()
        .flat_map(|zone| [(zone, Dates::WholeDay), (zone, Dates::Exact)]);
    side_by_side(cases, |(timezone, dates)| {
        let workspace = Workspace::start(Settings {
            dates,
            timezone: zone(timezone),
            ..Settings::default()
        });
        let offset = match timezone {
            "Pacific/Apia" => 13 * HOUR,
            "Pacific/Pago_Pago" => -11 * HOUR,
            _ => 0,
        };
        // The last midnight but one of the workspace, so that nothing is of the future.
        let midnight = (now() + offset) / DAY * DAY - offset - DAY;
        let tap = Tap::of(&workspace).streams(&["contacts"]);
        for time in [midnight - 30, midnight + 10] {
            workspace.add("contacts", time);
        }
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &["contacts"]);

        // The bookmark stands in the middle of one day, and the next records are of both.
        for days in [0, 1] {
            let from = first.state();
            let added: Ids = [-30, 10]
                .map(|seconds| workspace.add("contacts", midnight + days * DAY + seconds))
                .into();
            let next = tap.run_from(&from).ok();
            assert_same(
                "contacts",
                &added,
                &next.ids("contacts").intersection(&added).cloned().collect(),
            );
        }
    });
}

#[test]
fn a_run_with_nothing_new_emits_nothing_and_asks_little() {
    let workspace = Workspace::start(Settings {
        contacts: 2000,
        conversations: 400,
        calls: 1500,
        articles: 300,
        dates: Dates::WholeDay,
        ..small()
    });
    let tap = Tap::of(&workspace);
    let first = tap.run().ok();
    workspace.clear_requests();
    let second = tap.run_from(&first.state()).ok();
    for stream in INCREMENTAL {
        assert_same(stream, &Ids::new(), &second.ids(stream));
    }
    assert_eq!(second.state(), first.state());
    let at_most = |path: &str, most: usize| {
        let count = workspace.count_under(path);
        assert!((1..=most).contains(&count), "{count} requests to {path}");
    };
    at_most("/contacts", 3);
    at_most("/conversations", 3);
    at_most("/calls", 42);
    at_most("/articles", 5);
}

#[test]
fn two_contacts_changed_among_ten_thousand_of_the_same_day_cost_three_requests() {
    for dates in [Dates::WholeDay, Dates::Exact] {
        let workspace = Workspace::start(Settings {
            contacts: 10_000,
            spread_days: 1,
            dates,
            ..Settings::default()
        });
        let tap = Tap::of(&workspace).streams(&["contacts"]);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &["contacts"]);
        let changed: Vec<String> = workspace
            .ids("contacts")
            .into_iter()
            .step_by(7000)
            .collect();
        for id in &changed {
            workspace.touch("contacts", id, now());
        }
        workspace.clear_requests();
        let second = tap.run_from(&first.state()).ok();
        assert_same(
            "contacts",
            &changed.into_iter().collect(),
            &second.ids("contacts"),
        );
        assert!(workspace.requests().len() <= 3);
    }
}

/// Of an import that was under way when a run looked, the rest shows up only now, below more pages of
/// what that run met than overlap.
#[test]
fn what_is_indexed_late_amid_an_import_is_found() {
    side_by_side(["calls", "articles"], |stream| {
        let workspace = Workspace::start(Settings::default());
        for age in 10..210 {
            workspace.add(stream, now() - age);
        }
        let late: Ids = [150, 151, 190]
            .map(|age| workspace.add(stream, now() - age))
            .into();
        workspace.change(|data| {
            for id in &late {
                data.hide(stream, id);
            }
        });
        let tap = Tap::of(&workspace)
            .streams(&[stream])
            .set("calls_overlap_pages", 2)
            .set("articles_overlap_pages", 2);
        let first = tap.run().ok();
        assert_eq!(first.ids(stream).len(), 200);
        for id in &late {
            workspace.reveal(stream, id);
        }
        let second = tap.run_from(&first.state()).ok();
        assert_same(stream, &late, &second.ids(stream));
    });
}

/// As long as its look-back leads to an import, a run reads all of it; then no longer.
#[test]
fn an_import_is_met_again_only_while_the_look_back_leads_there() {
    side_by_side(["calls", "articles"], |stream| {
        let workspace = Workspace::start(Settings::default());
        let imported = now();
        for _ in 0..200 {
            workspace.add(stream, imported);
        }
        let tap = Tap::of(&workspace)
            .streams(&[stream])
            .set("lookback_seconds", 1)
            .set("calls_overlap_pages", 1)
            .set("articles_overlap_pages", 1);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &[stream]);
        while now() < imported + 5 {
            std::thread::sleep(Duration::from_millis(100));
        }
        let second = tap.run_from(&first.state()).ok();
        workspace.clear_requests();
        let third = tap.run_from(&second.state()).ok();
        assert!(workspace.requests().len() <= 3);
        assert_same(stream, &Ids::new(), &second.ids(stream));
        assert_same(stream, &Ids::new(), &third.ids(stream));
        assert_eq!(third.state(), second.state());
    });
}

/// Everything was updated in one second, such as by an import, so the look-back holds all of it.
#[test]
fn a_quiet_time_after_an_import_does_not_ask_for_the_import_again_and_again() {
    side_by_side(["contacts", "conversations"], |stream| {
        let workspace = Workspace::start(Settings::default());
        let imported = now() - 30;
        for _ in 0..700 {
            workspace.add(stream, imported);
        }
        let tap = Tap::of(&workspace)
            .streams(&[stream])
            .set("lookback_seconds", 5);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &[stream]);
        let second = tap.run_from(&first.state()).ok();
        workspace.clear_requests();
        let third = tap.run_from(&second.state()).ok();
        assert!(workspace.requests().len() <= 3);
        assert_same(stream, &Ids::new(), &second.ids(stream));
        assert_same(stream, &Ids::new(), &third.ids(stream));
        let added = workspace.add(stream, now());
        let fourth = tap.run_from(&third.state()).ok();
        assert_same(stream, &[added].into(), &fourth.ids(stream));
    });
}

#[test]
fn calls_and_their_transcripts_come_in_one_pass() {
    let workspace = Workspace::start(small());
    let run = Tap::of(&workspace).streams(&["calls"]).run().ok();
    assert_whole(&workspace, [&run], &["calls", "call_transcriptions"]);
    let others = run
        .schemas
        .keys()
        .filter(|stream| !["calls", "call_transcriptions"].contains(&stream.as_str()));
    assert_eq!(others.count(), 0);
    let mut pages: Vec<String> = workspace
        .requests()
        .iter()
        .filter(|request| request.path == "/calls")
        .map(|request| request.query[0].1.clone())
        .collect();
    let asked = pages.len();
    pages.sort();
    pages.dedup();
    assert_eq!((asked, pages.len()), (6, 6));
}

#[test]
fn a_changed_conversation_brings_all_its_parts_again() {
    let workspace = Workspace::start(small());
    let tap = Tap::of(&workspace).streams(&["conversations"]);
    let first = tap.run().ok();
    let id = workspace.ids("conversations").pop_first().unwrap();
    workspace.change(|data| data.set_parts(&id, 30));
    workspace.touch("conversations", &id, now());
    let second = tap.run_from(&first.state()).ok();
    assert_same(
        "conversations",
        &[id.clone()].into(),
        &second.ids("conversations"),
    );
    let parts = workspace.read(|data| data.part_ids_of(&id));
    assert_eq!(parts.len(), 30);
    assert_same(
        "conversation_parts",
        &parts,
        &second.ids("conversation_parts"),
    );
    for part in second.of_stream("conversation_parts") {
        let part = part.value();
        assert_eq!(part["conversation_id"], Value::from(id.clone()));
        assert_eq!(
            part["conversation_updated_at"],
            Value::from(workspace.updated_at("conversations", &id))
        );
    }
}

#[test]
fn parts_beyond_what_the_api_gives_are_reported() {
    let workspace = Workspace::start(Settings {
        conversations: 3,
        long_conversations: 1,
        ..Settings::default()
    });
    let run = Tap::of(&workspace).streams(&["conversations"]).run().ok();
    assert_whole(&workspace, [&run], &["conversations", "conversation_parts"]);
    assert!(run.stderr.contains("WARN"), "{}", run.stderr);
    assert!(
        run.stderr.contains("120 older ones can't be read"),
        "{}",
        run.stderr
    );
    let metric = r#"METRIC: {"type":"counter","metric":"parts_truncated","value":120,"#;
    assert!(run.stderr.contains(metric), "{}", run.stderr);
}

#[test]
fn timestamps_and_transcripts_come_in_every_form() {
    let forms = [
        (CallTimestamps::Integer, TranscriptFormat::Text),
        (CallTimestamps::Iso, TranscriptFormat::Json),
        (CallTimestamps::Mixed, TranscriptFormat::Mixed),
    ];
    side_by_side(forms, |(call_timestamps, transcripts)| {
        let workspace = Workspace::start(Settings {
            call_timestamps,
            transcripts,
            ..small()
        });
        let tap = Tap::of(&workspace).streams(&["calls"]);
        let first = tap.run().ok();
        assert_whole(&workspace, [&first], &["calls", "call_transcriptions"]);
        for transcript in first.of_stream("call_transcriptions") {
            let value = transcript.value();
            let turns = value["transcript"].as_array().unwrap();
            assert!(turns.len() >= 2, "{value}");
            for turn in turns {
                assert!(turn["content"].is_string() && turn["speaker"].is_string());
                assert!(turn.get("start_time").is_some() && turn.get("end_time").is_some());
            }
        }
        let second = tap.run_from(&first.state()).ok();
        assert_same("calls", &Ids::new(), &second.ids("calls"));
    });
}

#[test]
fn six_slices_of_a_backfill_make_up_the_whole() {
    let workspace = Workspace::start(Settings {
        dates: Dates::WholeDay,
        timezone: zone("Pacific/Apia"),
        calls: 400,
        articles: 300,
        ..small()
    });
    let end = now();
    let bounds: Vec<i64> = (0..=6).map(|slice| end - (6 - slice) * 70 * DAY).collect();
    let streams = ["contacts", "conversations", "calls", "articles"];
    let rfc3339 = |seconds: i64| {
        let instant = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        Value::from(instant.to_rfc3339())
    };
    let runs = std::sync::Mutex::new(Vec::new());
    side_by_side(0..6, |slice| {
        let mut tap = Tap::of(&workspace)
            .streams(&streams)
            .set("calls_overlap_pages", 1)
            .set("articles_overlap_pages", 1);
        if slice > 0 {
            tap = tap.set("start_date", rfc3339(bounds[slice]));
        }
        if slice < 5 {
            tap = tap.set("end_date", rfc3339(bounds[slice + 1]));
        }
        let run = tap.run().ok();
        for stream in streams {
            for id in run.ids(stream) {
                let at = workspace.updated_at(stream, &id);
                assert!(slice == 0 || at >= bounds[slice], "{stream} {id}");
                assert!(slice == 5 || at < bounds[slice + 1], "{stream} {id}");
            }
        }
        runs.lock().unwrap().push(run);
    });
    let runs = runs.into_inner().unwrap();
    assert_whole(&workspace, &runs, &INCREMENTAL);
}

#[test]
fn the_end_of_the_pages_is_found_in_every_shape() {
    let cases = [
        (LastPage::NoNext, PageNext::Null, 0),
        (LastPage::NullNext, PageNext::Url, -1),
        (LastPage::NullCursor, PageNext::Number, 1),
        (LastPage::EmptyPageFollows, PageNext::Object, -1),
    ];
    // Numbers of rows that fill their last page, and such that don't.
    let cases = cases
        .into_iter()
        .flat_map(|case| [(case, 300, 75), (case, 301, 76), (case, 299, 74)]);
    side_by_side(
        cases,
        |((last_page, calls_next, total_pages_off_by), many, few)| {
            let workspace = Workspace::start(Settings {
                contacts: many,
                conversations: few,
                calls: few,
                last_page,
                calls_next,
                total_pages_off_by,
                ..Settings::default()
            });
            let run = Tap::of(&workspace)
                .streams(&["contacts", "conversations", "calls"])
                .run()
                .ok();
            for stream in ["contacts", "conversations", "calls"] {
                assert_same(stream, &existing(&workspace, stream), &run.ids(stream));
            }
        },
    );
}
