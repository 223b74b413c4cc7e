//! Search pages that can't be had because of a record on them: all around it is read, the hole is named
//! and remembered, and asked for again until it answers or seven days have passed.

use serde_json::{Value, json};

use crate::harness::{Ids, Run, Tap, assert_same, existing, side_by_side, union};
use simulators::workspace::{Dates, Fault, FaultKind, Settings, When, Workspace, now};

const DAY: i64 = 86_400;

fn workspace(settings: Settings) -> Workspace {
    Workspace::start(Settings {
        contacts: 400,
        conversations: 200,
        tickets: 200,
        parts_per_conversation: 2,
        ..settings
    })
}

fn tap(workspace: &Workspace, streams: &[&str]) -> Tap {
    Tap::of(workspace)
        .set("page_size", 10)
        .set("max_attempts", 2)
        .set("state_interval_seconds", 0)
        .streams(streams)
}

/// Pages that hold that row fail.
pub fn poison(workspace: &Workspace, stream: &str, id: &str, status: u16) {
    let text = format!(r#""id":"{id}""#);
    let kind = FaultKind::Holding { text, status };
    let path = format!("/{stream}/search");
    workspace.inject(Fault::new(&path, When::Always, kind));
}

/// Ids by age, oldest first.
fn by_age(workspace: &Workspace, stream: &str) -> Vec<String> {
    let mut ids: Vec<String> = workspace.ids(stream).into_iter().collect();
    ids.sort_by_key(|id| workspace.updated_at(stream, id));
    ids
}

/// What the state says can't be had of a search.
pub fn holes(run: &Run, stream: &str) -> Vec<Value> {
    let holes = run.bookmark(stream)["holes"].clone();
    holes.as_array().cloned().unwrap_or_default()
}

/// All rows but these.
fn others(workspace: &Workspace, stream: &str, ids: &[&String]) -> Ids {
    let poisoned: Ids = ids.iter().map(|id| (*id).clone()).collect();
    &workspace.ids(stream) - &poisoned
}

#[test]
fn one_record_costs_itself_alone_wherever_it_stands() {
    let cases = [
        ("contacts", Dates::Exact),
        ("contacts", Dates::WholeDay),
        ("conversations", Dates::Exact),
    ];
    let places = [0, 9, 77, 130, 198, 199];
    let cases = cases
        .into_iter()
        .flat_map(|case| places.map(|place| (case, place)));
    side_by_side(cases, |((stream, dates), place)| {
        let status = if place % 2 == 0 { 500 } else { 404 };
        let workspace = workspace(Settings {
            dates,
            contacts: 200,
            spread_days: 40,
            ..Settings::default()
        });
        let bad = by_age(&workspace, stream)[place].clone();
        let at = workspace.updated_at(stream, &bad);
        poison(&workspace, stream, &bad, status);
        let tap = tap(&workspace, &[stream]);
        let first = tap.run().ok();
        let expected = others(&workspace, stream, &[&bad]);
        assert_same(stream, &expected, &first.ids(stream));
        let left = holes(&first, stream);
        assert_eq!(left.len(), 1, "{left:?}");
        let (from, to) = (
            left[0]["from"].as_i64().unwrap(),
            left[0]["to"].as_i64().unwrap(),
        );
        assert!((from..=to).contains(&at), "{left:?} {at}");
        assert!(
            left[0]["why"]
                .as_str()
                .unwrap()
                .contains(&status.to_string())
        );
        let metric =
            format!(r#""metric":"details_missing","value":1,"tags":{{"stream":"{stream}"}}"#);
        assert!(first.stderr.contains(&metric), "{}", first.stderr);
        assert!(
            first
                .stderr
                .contains(&format!("1 {stream} couldn't be had"))
        );

        // Still there: asked for again, and the rest goes on.
        let added = workspace.add(stream, now());
        let second = tap.run_from(&first.state()).ok();
        assert_same(stream, &[added].into(), &second.ids(stream));
        assert_eq!(holes(&second, stream).len(), 1);

        // Healed: it comes, and is forgotten.
        workspace.clear_faults();
        let third = tap.run_from(&second.state()).ok();
        assert!(third.ids(stream).contains(&bad));
        assert!(holes(&third, stream).is_empty());
        if stream == "conversations" {
            let parts = union([&first, &second, &third], "conversation_parts");
            assert_same(
                "conversation_parts",
                &existing(&workspace, "conversation_parts"),
                &parts,
            );
        }
        let nothing_new = tap.run_from(&third.state()).ok();
        assert_eq!(nothing_new.ids(stream), Ids::new());
        assert_eq!(nothing_new.state(), third.state());
    });
}

/// Where whole days match, asking for the seconds of what is longer finds those of a day within it, and not
/// the row that couldn't be had.
#[test]
fn a_record_that_cannot_be_had_is_not_given_up_for_others_of_the_day_after() {
    side_by_side([6, 30, 60, 90], |hours: i64| {
        let workspace = workspace(Settings {
            dates: Dates::WholeDay,
            contacts: 0,
            ..Settings::default()
        });
        let noon = now() - 20 * DAY - now() % DAY + DAY / 2;
        let bad = workspace.add("contacts", noon + 1);
        for hour in 1..hours {
            workspace.add("contacts", noon + hour * 3_600);
        }
        poison(&workspace, "contacts", &bad, 500);
        let tap = tap(&workspace, &["contacts"]);
        let hole = json!({"from": noon, "to": noon + hours * 3_600, "since": now(), "why": "500"});
        let state = json!({"bookmarks": {"contacts": {"updated_at": now(), "holes": [hole]}}});
        let still_there = tap.run_from(&state).ok();
        assert_eq!(still_there.ids("contacts"), Ids::new());
        assert_eq!(holes(&still_there, "contacts"), [hole]);

        workspace.clear_faults();
        let healed = tap.run_from(&still_there.state()).ok();
        assert!(healed.ids("contacts").contains(&bad));
        assert!(holes(&healed, "contacts").is_empty());
    });
}

/// A slice of whole days begins in the middle of one, and that day is its own from its first row on.
#[test]
fn the_first_row_of_a_day_costs_itself_alone() {
    let settings = || Settings {
        dates: Dates::WholeDay,
        spread_days: 40,
        ..Settings::default()
    };
    let everything = workspace(settings());
    let mut firsts = by_age(&everything, "contacts");
    firsts.dedup_by_key(|id| everything.updated_at("contacts", id) / DAY);
    assert!(firsts.len() > 30, "{}", firsts.len());
    side_by_side(firsts, |first| {
        let workspace = workspace(settings());
        poison(&workspace, "contacts", &first, 500);
        let run = tap(&workspace, &["contacts"]).run().ok();
        let expected = others(&workspace, "contacts", &[&first]);
        assert_same("contacts", &expected, &run.ids("contacts"));
        assert_eq!(holes(&run, "contacts").len(), 1, "{}", run.stderr);
    });
}

#[test]
fn two_records_cost_themselves_alone() {
    let places = [(20, 22), (20, 150), (0, 199), (60, 61)];
    side_by_side(places, |(one, other)| {
        let workspace = workspace(Settings::default());
        let ids = by_age(&workspace, "tickets");
        let (one, other) = (&ids[one], &ids[other]);
        poison(&workspace, "tickets", one, 500);
        poison(&workspace, "tickets", other, 500);
        let tap = tap(&workspace, &["tickets"]);
        let first = tap.run().ok();
        let expected = others(&workspace, "tickets", &[one, other]);
        assert_same("tickets", &expected, &first.ids("tickets"));
        assert!((1..=2).contains(&holes(&first, "tickets").len()));
        workspace.clear_faults();
        let second = tap.run_from(&first.state()).ok();
        let found = union([&first, &second], "tickets");
        assert_same("tickets", &workspace.ids("tickets"), &found);
        assert!(holes(&second, "tickets").is_empty());
    });
}

/// No bound of time lies between them: they are set apart by how their ids end.
#[test]
fn several_records_of_one_second_cost_themselves_alone() {
    let cases = [
        ("contacts", Dates::Exact),
        ("contacts", Dates::WholeDay),
        ("conversations", Dates::Exact),
        ("tickets", Dates::Exact),
    ];
    side_by_side(cases, |(stream, dates)| {
        let workspace = workspace(Settings {
            dates,
            spread_days: 40,
            ..Settings::default()
        });
        let second = now() - 10 * DAY;
        let together: Vec<String> = (0..45).map(|_| workspace.add(stream, second)).collect();
        let bad: Vec<&String> = [0, 7, 44].map(|place| &together[place]).into();
        for id in &bad {
            poison(&workspace, stream, id, 500);
        }
        let tap = tap(&workspace, &[stream]).set("max_attempts", 1);
        let first = tap.run().ok();
        assert_same(
            stream,
            &others(&workspace, stream, &bad),
            &first.ids(stream),
        );
        let left = holes(&first, stream);
        assert!((1..=bad.len()).contains(&left.len()), "{left:?}");
        let again = tap.run_from(&first.state()).ok();
        assert_eq!(again.ids(stream), Ids::new());
        assert_eq!(holes(&again, stream).len(), left.len());
        workspace.clear_faults();
        let healed = tap.run_from(&again.state()).ok();
        assert_same(
            stream,
            &workspace.ids(stream),
            &union([&first, &again, &healed], stream),
        );
        assert!(holes(&healed, stream).is_empty());
    });
}

#[test]
fn a_hole_that_stays_is_forgotten_after_seven_days() {
    let workspace = workspace(Settings::default());
    let bad = by_age(&workspace, "tickets")[100].clone();
    poison(&workspace, "tickets", &bad, 500);
    let tap = tap(&workspace, &["tickets"]);
    let mut state = tap.run().ok().state();
    let since = |days: i64| json!(now() - days * DAY - 60);
    state["bookmarks"]["tickets"]["holes"][0]["since"] = since(6);
    let still = tap.run_from(&state).ok();
    assert_eq!(holes(&still, "tickets").len(), 1);
    state["bookmarks"]["tickets"]["holes"][0]["since"] = since(7);
    let forgotten = tap.run_from(&state).ok();
    assert!(holes(&forgotten, "tickets").is_empty());
    assert!(forgotten.stderr.contains("isn't asked for any more"));
}

#[test]
fn a_search_that_answers_nothing_fails_its_stream() {
    side_by_side([500, 404], |status| {
        let workspace = workspace(Settings::default());
        workspace.inject(Fault::status("/tickets/search", When::Always, status));
        let run = tap(&workspace, &["tickets"]).run().exited(1);
        assert!(
            run.stderr.contains("stream tickets failed"),
            "{}",
            run.stderr
        );
        assert!(run.bookmark("tickets")["holes"].is_null());
        assert!(workspace.total_requests() < 20);
    });
}

#[test]
fn a_server_that_breaks_down_on_the_way_leaves_no_hole() {
    side_by_side(["contacts", "tickets"], |stream| {
        let workspace = workspace(Settings::default());
        let path = format!("/{stream}/search");
        workspace.inject(Fault::status(&path, When::Between(8, u64::MAX), 500));
        let tap = tap(&workspace, &[stream]);
        let first = tap.run().exited(1);
        workspace.clear_faults();
        assert!(holes(&first, stream).is_empty(), "{}", first.stderr);
        let second = tap.run_from(&first.state()).ok();
        let found = union([&first, &second], stream);
        assert_same(stream, &workspace.ids(stream), &found);
    });
}

#[test]
fn records_at_very_many_places_are_no_accident() {
    let workspace = workspace(Settings::default());
    for id in by_age(&workspace, "tickets").iter().step_by(5) {
        poison(&workspace, "tickets", id, 404);
    }
    let run = tap(&workspace, &["tickets"]).run().exited(1);
    assert!(run.stderr.contains("more than 20 places"), "{}", run.stderr);
}

/// Newest first, where the newest page didn't reach the bound.
#[test]
fn one_of_today_s_records_costs_itself_alone() {
    side_by_side([Dates::Exact, Dates::WholeDay], |dates| {
        let workspace = workspace(Settings {
            dates,
            ..Settings::default()
        });
        let tap = tap(&workspace, &["contacts"]);
        let first = tap.run().ok();
        let added: Vec<String> = (0..35)
            .map(|number| workspace.add("contacts", now() - number))
            .collect();
        poison(&workspace, "contacts", &added[20], 500);
        let second = tap.run_from(&first.state()).ok();
        let expected: Ids = added
            .iter()
            .filter(|id| **id != added[20])
            .cloned()
            .collect();
        assert_same("contacts", &expected, &second.ids("contacts"));
        assert_eq!(holes(&second, "contacts").len(), 1);
        workspace.clear_faults();
        let third = tap.run_from(&second.state()).ok();
        assert!(third.ids("contacts").contains(&added[20]));
        assert!(holes(&third, "contacts").is_empty());
    });
}
