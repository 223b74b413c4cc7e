//! What ARCHITECTURE.md promises of the code itself. Each exception has its reason beside it; each
//! rule is shown to find what it is for in `proofs`.

#![allow(clippy::unwrap_used, reason = "a test that can't read the code fails")]

mod house;
mod modules;
mod proofs;
mod rules;
mod source;

use std::fmt::Debug;

use intercom_singer::internals::tap::streams;

use house::{
    ALL, CIRCLES, CLOCKS, CODE, FLOORS, HOMES, LONG_FILES, LONG_FUNCTIONS, MOST_FUNCTION_LINES,
    MOST_LINES, NAMED_BY_THE_API, NAMES_OF_BOTH, SLEEPERS, STOPWATCHES, STREAMS, STREAMS_NAMED,
    UPWARD,
};
use modules::{Modules, circles, upward};

#[track_caller]
fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// Nothing breaks a rule but for its exceptions, and each of these is one.
#[track_caller]
fn assert_kept<T: Copy + Debug>(
    rule: &str,
    exceptions: &[T],
    broken: impl Fn(&[T]) -> Vec<String>,
) {
    assert_none(rule, &broken(exceptions));
    for number in 0..exceptions.len() {
        let mut others = exceptions.to_vec();
        let exception = others.remove(number);
        assert!(
            !broken(&others).is_empty(),
            "{exception:?} is no exception any more"
        );
    }
}

#[test]
fn modules_dont_use_each_other_in_circles() {
    let (programs, simulators) = (source::read(CODE), source::read(&["simulators/src"]));
    let mut uses = Modules::of(&programs).uses();
    uses.extend(Modules::of_crate(&simulators, "simulators/").uses());
    let circles = circles(&uses);
    assert_kept(
        "these modules use each other in circles",
        CIRCLES,
        |known| {
            let mut found = Vec::new();
            for circle in &circles {
                let is_known = |(known, _): &(&[&str], &str)| {
                    circle.iter().all(|name| known.contains(&name.as_str()))
                };
                if !known.iter().any(is_known) {
                    let is_inside =
                        |user: &str, used: &str| circle.contains(user) && circle.contains(used);
                    let inside = uses
                        .iter()
                        .filter(|((user, used), _)| is_inside(user, used));
                    found.extend(
                        inside.map(|((user, used), at)| format!("{at}: {user} uses {used}")),
                    );
                }
            }
            found
        },
    );
}

#[test]
fn rooms_use_what_is_below_them() {
    let tree = source::read(CODE);
    let uses = Modules::of(&tree).uses();
    assert_kept("these lead upward; FLOORS has the order", UPWARD, |known| {
        let mut found = upward(&uses, FLOORS);
        found.retain(|found| !known.iter().any(|known| found.contains(known)));
        found
    });
}

#[test]
fn tap_and_target_know_nothing_of_each_other() {
    let tree = source::read(CODE);
    let is_in = |name: &str, room: &str| name.split("::").next() == Some(room);
    let mut found = Vec::new();
    for ((user, used), at) in Modules::of(&tree).uses() {
        if (is_in(&user, "tap") && is_in(&used, "target"))
            || (is_in(&user, "target") && is_in(&used, "tap"))
        {
            found.push(format!("{at}: {user} uses {used}"));
        }
    }
    assert_none("the two programs are joined by a pipe only", &found);
}

#[test]
fn streams_are_named_in_the_table_only() {
    let names: Vec<&str> = streams::all()
        .flat_map(|stream| {
            let children = stream.children.iter().map(|child| child.name);
            std::iter::once(stream.name).chain(children)
        })
        .collect();
    let tree = source::read(CODE);
    assert_kept(
        "streams are data: say what the API does instead",
        STREAMS_NAMED,
        |known| rules::streams_named(&tree, &names, STREAMS, known),
    );
}

#[test]
fn a_public_type_s_name_is_its_alone() {
    let tree = source::read(CODE);
    assert_kept("one word for each concept", NAMES_OF_BOTH, |known| {
        rules::names_of_several(&tree, NAMED_BY_THE_API, known)
    });
}

#[test]
fn crates_are_known_where_they_belong() {
    let found = rules::crates_away_from_home(&source::read(CODE), HOMES);
    assert_none("HOMES says who may know these crates", &found);
}

#[test]
fn the_clock_is_read_at_the_edge() {
    let tree = source::read(CODE);
    let wall = [("SystemTime", "now"), ("Utc", "now"), ("Local", "now")];
    assert_kept("take the time as an argument", CLOCKS, |known| {
        rules::called(&tree, &wall, known)
    });
    assert_kept("STOPWATCHES says who measures time", STOPWATCHES, |known| {
        rules::called(&tree, &[("Instant", "now")], known)
    });
    assert_kept(
        "wait by http::patience, which hears a stop",
        SLEEPERS,
        |known| rules::called(&tree, &[("thread", "sleep")], known),
    );
}

#[test]
fn files_and_functions_are_short() {
    let tree = source::read(ALL);
    let found = rules::long_files(&tree, MOST_LINES, LONG_FILES);
    assert_none("these files ask for a reason in LONG_FILES", &found);
    for (file, _) in LONG_FILES {
        // A few lines fewer are no reason to take it off the list.
        let lines = tree[*file].lines;
        assert!(
            lines > MOST_LINES * 9 / 10,
            "{file} has only {lines} lines now"
        );
    }
    assert_kept(
        "these functions ask for a reason in LONG_FUNCTIONS",
        LONG_FUNCTIONS,
        |known| rules::long_functions(&tree, MOST_FUNCTION_LINES, known),
    );
}

#[test]
fn results_say_what_misses_its_bar() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
    let results = std::fs::read_to_string(path).unwrap();
    assert!(results.contains("(bar: "));
    let found = rules::misses_unmarked(&results);
    assert_none(
        "benches/RESULTS.md: mark these with **missed**, or unmark them",
        &found,
    );
}

#[test]
fn documents_name_what_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "README.md",
        "RELEASING.md",
    ] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let found = rules::places_missing(&text, |place| root.join(place).exists());
        assert_none(document, &found);
    }
    // Its example of a stream is one, and every room has its line in the map.
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let found = rules::lines_missing(&map, |path| {
        std::fs::read_to_string(root.join(path)).unwrap()
    });
    assert_none("ARCHITECTURE.md shows what isn't so", &found);
    let mut missing = std::collections::BTreeSet::new();
    for file in source::read(CODE).keys() {
        let (folder, _) = file.rsplit_once('/').unwrap();
        // Where a folder is many rooms, each file is one.
        let is_of_files = ["src/tap", "src/target"].contains(&folder);
        let place = if is_of_files {
            file.clone()
        } else {
            format!("{folder}/")
        };
        let is_a_list = place == "src/" || place.ends_with("/mod.rs");
        if !is_a_list && !map.contains(&format!("`{place}`")) {
            missing.insert(place);
        }
    }
    let missing: Vec<String> = missing.into_iter().collect();
    assert_none("ARCHITECTURE.md lacks these rooms", &missing);
}
