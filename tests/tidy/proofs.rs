//! Each rule, red by a tree that breaks it and green by one that doesn't.

use crate::modules::{Modules, circles, upward};
use crate::rules::{
    called, crates_away_from_home, lines_missing, long_files, long_functions, misses_unmarked,
    names_of_several, places_missing, streams_named,
};
use crate::source::{Tree, tree_of};

fn circles_in(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let tree = tree_of(files);
    let found = circles(&Modules::of(&tree).uses());
    found
        .into_iter()
        .map(|circle| circle.into_iter().collect())
        .collect()
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circle = [["a::x".to_owned(), "a::y".to_owned()]];
    for (first, second) in [
        ("use crate::a::y::Y;", "use super::x::X;"),
        ("use super::y::{self, Y};", "fn f() { crate::a::x::g() }"),
        // Through what the room passes on.
        ("use super::Y;", "use crate::a::{X as Z};"),
        // By a name of the room alone.
        (
            "use crate::a; fn f(y: a::Y) {}",
            "pub(crate) use super::x::*;",
        ),
    ] {
        let found = circles_in(&[
            ("src/lib.rs", "pub mod a;"),
            (
                "src/a/mod.rs",
                "mod x; mod y; pub use x::X; pub(crate) use self::y::Y;",
            ),
            ("src/a/x.rs", first),
            ("src/a/y.rs", second),
        ]);
        assert_eq!(found, circle, "{first} {second}");
    }
}

#[test]
fn a_long_circle_is_found_and_so_is_one_through_a_room_itself() {
    let found = circles_in(&[
        ("src/a.rs", "use crate::b::B;"),
        ("src/b.rs", "use crate::c::C;"),
        ("src/c.rs", "use crate::d::D;"),
        ("src/d/mod.rs", "mod e; use e::E; pub struct D;"),
        ("src/d/e.rs", "use super::D; use crate::a::A;"),
    ]);
    assert_eq!(found, [["a", "b", "c", "d", "d::e"]]);
}

#[test]
fn a_name_of_two_types_is_found_but_for_one_that_others_gave() {
    let tree = tree_of(&[
        ("src/a.rs", "pub struct Page; struct Row; pub enum Both {}"),
        (
            "src/b.rs",
            "pub(crate) type Page = u8; pub struct Row; pub struct Both;",
        ),
        ("src/records/c.rs", "pub struct Page; pub struct Row;"),
    ]);
    let found = names_of_several(&tree, &["src/records/"], &[("Both", 2)]);
    assert_eq!(found, ["Page: src/a.rs, src/b.rs"]);
    let found = names_of_several(&tree, &[], &[("Both", 1), ("Page", 3)]);
    assert_eq!(
        found,
        [
            "Both: src/a.rs, src/b.rs",
            "Row: src/b.rs, src/records/c.rs"
        ]
    );
}

#[test]
fn what_is_no_circle_is_left_alone() {
    let found = circles_in(&[
        ("src/a/mod.rs", "mod x; mod y; pub use x::X; pub use y::Y;"),
        ("src/a/x.rs", "use super::Y; // use crate::b::B;"),
        (
            "src/a/y.rs",
            "#[cfg(test)] mod tests { use super::super::x::X; }",
        ),
        (
            "src/b.rs",
            "use crate::a::X; fn f() -> &'static str { \"crate::b::B\" }",
        ),
        // Another crate of the same name as a module.
        (
            "src/c.rs",
            "use serde::b::B; use std::{fmt, io as a}; impl fmt::B for a::X {}",
        ),
        ("src/a/tests.rs", "use crate::b::B;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_use_of_what_is_above_is_found() {
    const FLOORS: &[&[&str]] = &[
        &["ground::*"],
        &["first::*"],
        &["top", "top::deep::*"],
        &["top::high"],
    ];
    let found = |files: &[(&str, &str)]| {
        let tree = tree_of(files);
        upward(&Modules::of(&tree).uses(), FLOORS)
    };
    let first = ("src/first.rs", "use crate::ground::thing::Thing;");
    let ground = ("src/ground/thing.rs", "struct Thing;");
    assert!(found(&[first, ground]).is_empty());
    let rising = ("src/ground/thing.rs", "fn f() { crate::first::g() }");
    assert_eq!(
        found(&[("src/first.rs", ""), rising]),
        ["src/ground/thing.rs:1: ground::thing uses first, which is above it"]
    );
    // Of a room's own floors, and of one that nobody has given a floor.
    assert_eq!(
        found(&[
            ("src/top/deep/x.rs", "use crate::top::high::High;"),
            ("src/top/mod.rs", ""),
            ("src/top/high.rs", "")
        ]),
        ["src/top/deep/x.rs:1: top::deep::x uses top::high, which is above it"]
    );
    assert_eq!(
        found(&[("src/top/mod.rs", "use new::New;"), ("src/top/new.rs", "")]),
        ["src/top/mod.rs:1: top::new is on no floor"]
    );
}

#[test]
fn a_stream_that_is_named_is_found() {
    let named = |text: &str| {
        let tree = tree_of(&[("src/read.rs", text), ("src/table/all.rs", text)]);
        let names = ["calls", "activity_logs"];
        streams_named(
            &tree,
            &names,
            &["src/table/"],
            &[("src/read.rs", "Reads calls")],
        )
    };
    for text in [
        r#"fn f(stream: &str) -> bool { stream == "calls" }"#,
        r##"const PATH: &str = r#"/calls/{id}"#;"##,
        r#"fn f(stream: &[u8]) -> bool { stream == b"activity_logs" }"#,
        "enum Paging { Calls }",
        "struct ReadActivityLogs;",
    ] {
        let found = named(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("src/read.rs:1: "), "{found:?}");
    }
    for text in [
        "// of \"calls\"\nfn calls() { let calls = 1; }",
        r#"const HELP: &str = "Reads calls and more"; const OTHER: &str = "recalls";"#,
        r#"#[cfg(test)] mod tests { const NAME: &str = "calls"; }"#,
    ] {
        assert_eq!(named(text), [""; 0], "{text}");
    }
}

#[test]
fn a_crate_away_from_home_is_found() {
    let homes: &[(&str, &[&str])] = &[("jsonschema", &["src/schema/"])];
    let found = |file, text| crates_away_from_home(&tree_of(&[(file, text)]), homes);
    assert_eq!(
        found("src/target/load.rs", "\nuse jsonschema::Validator;"),
        ["src/target/load.rs:2: knows jsonschema, as only [\"src/schema/\"] may"]
    );
    assert_eq!(
        found("src/lib.rs", "fn f(draft: jsonschema::Draft) {}").len(),
        1
    );
    assert!(found("src/schema/validator.rs", "use jsonschema::Validator;").is_empty());
    assert!(found("src/lib.rs", "fn f(jsonschema: u8) {}").is_empty());
}

#[test]
fn a_second_clock_is_found() {
    let clocks = [("SystemTime", "now"), ("Utc", "now")];
    let found = |file, text| {
        called(
            &tree_of(&[(file, text)]),
            &clocks,
            &[("src/time.rs", "the one clock")],
        )
    };
    let text = "fn f() -> u8 {\n std::time::SystemTime::now() }";
    assert_eq!(
        found("src/name.rs", text),
        ["src/name.rs:2: SystemTime::now"]
    );
    assert_eq!(
        found("src/name.rs", "fn f() { chrono::Utc::now(); }").len(),
        1
    );
    assert!(found("src/time.rs", text).is_empty());
    assert!(found("src/name.rs", "fn now(at: SystemTime) { Self::now(at) }").is_empty());
}

#[test]
fn what_is_long_is_found() {
    let body = "\n    f();".repeat(10);
    let text = format!("#[test]\nfn long(a: [u8; 3]) -> u8 {{{body}\n}}\nfn short() {{ f() }}\n");
    let tree: Tree = tree_of(&[("src/a.rs", &text)]);
    assert_eq!(
        long_functions(&tree, 11, &[]),
        ["src/a.rs:2: long has 12 lines"]
    );
    assert!(long_functions(&tree, 12, &[]).is_empty());
    assert!(long_functions(&tree, 11, &[("src/a.rs", "long", "a table")]).is_empty());
    assert_eq!(long_files(&tree, 13, &[]), ["src/a.rs: 14 lines"]);
    assert!(long_files(&tree, 14, &[]).is_empty());
    assert!(long_files(&tree, 13, &[("src/a.rs", "a table")]).is_empty());
}

#[test]
fn a_figure_that_misses_its_bar_without_a_mark_is_found() {
    let good = "| a | 3 % | 0.91 (bar: 0.9), 4 of 5 cores | 12 MiB at most (bar: 64) and 151 MiB (bar: 150) **missed** |";
    assert_eq!(misses_unmarked(good), [""; 0]);
    for (bad, found) in [
        (
            "| 0.89 (bar: 0.9), 4 of 5 cores |",
            "line 1: 0.89 (bar: 0.9)",
        ),
        (
            "| 65 MiB at most (bar: 64) |",
            "line 1: 65 MiB at most (bar: 64)",
        ),
        (
            "| 2.1 % at most (bar: 2) |",
            "line 1: 2.1 % at most (bar: 2)",
        ),
        ("\n| 9 (bar: 9) **missed** |", "line 2: 9 (bar: 9)"),
    ] {
        assert_eq!(misses_unmarked(bad), [found]);
    }
}

#[test]
fn a_place_that_a_document_names_and_that_is_gone_is_found() {
    let document =
        "`src/here.rs` and `src/gone.rs`, `gone.rs`, `tests/gone/`, `cargo test src/gone.rs`";
    let found = places_missing(document, |place| place == "src/here.rs");
    assert_eq!(found, ["src/gone.rs", "tests/gone/"]);
}

#[test]
fn an_example_in_a_document_that_is_no_longer_so_is_found() {
    let document =
        "+ not in a diff\n```diff\n--- a/src/a.rs\n+struct A {\n+    …\n+    b: u8,\n```\n";
    let text = |text: &str| {
        let text = text.to_owned();
        lines_missing(document, move |path| match path {
            "src/a.rs" => text.clone(),
            other => panic!("{other} isn't named"),
        })
    };
    assert_eq!(text("struct A {\n    a: u8,\n    b: u8,\n}"), [""; 0]);
    let found = text("struct A {\n    b: u16,\n}");
    assert_eq!(found, [r#"src/a.rs has no line "    b: u8,""#]);
}
