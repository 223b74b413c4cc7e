//! What the tap itself needs of an answer is read in every form in which it comes, and one odd record
//! costs itself alone.

use serde_json::{Value, json};

use crate::harness::{Ids, Run, Tap, assert_same, assert_whole};
use simulators::http::{Reply, Request, Server};
use simulators::log::without_times;
use simulators::workspace::{Settings, Workspace, now};

const DAY: i64 = 86_400;

/// A server that answers every search and list with what `answer` makes of the request.
fn serve(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> (Server, Tap) {
    let server = Server::start(move |request| Reply::json(200, answer(request)));
    let workspace = Workspace::start(Settings::default());
    let tap = Tap::of(&workspace)
        .set("base_url", server.base_url())
        .set("max_attempts", 2);
    (server, tap)
}

fn contacts(records: &str) -> (Server, Tap) {
    let body = format!(r#"{{"data":[{records}],"total_count":null,"pages":{{"next":null}}}}"#);
    let (server, tap) = serve(move |_| body.clone());
    (server, tap.streams(&["contacts"]))
}

#[test]
fn one_odd_record_costs_itself_alone() {
    let time = now() - DAY;
    for odd in [
        "null",
        "7",
        "[]",
        r#""text""#,
        "{}",
        r#"{"id":null}"#,
        r#"{"id":""}"#,
        r#"{"id":{"a":1}}"#,
        r#"{"id":true}"#,
        r#"{"id":1.5}"#,
    ] {
        let (_server, tap) = contacts(&format!(
            r#"{{"id":"a","updated_at":{time}}},{odd},{{"id":"b","updated_at":{time}}}"#
        ));
        let run = tap.run().ok();
        assert_same(
            "contacts",
            &["a".to_owned(), "b".to_owned()].into(),
            &run.ids("contacts"),
        );
        assert!(run.stderr.contains("are left out"), "{}", run.stderr);
        assert!(run.stderr.contains("records_skipped"), "{}", run.stderr);
        let nothing = tap.run_from(&run.state()).ok();
        assert!(nothing.records.is_empty());
    }
}

#[test]
fn halves_of_surrogate_pairs_pass() {
    let time = now() - DAY;
    let records = [
        format!(r#"{{"id":"\ud800","updated_at":{time}}}"#),
        format!(r#"{{"id":"\ud801","updated_at":{time}}}"#),
        format!(r#"{{"\udfff":{{"\ud800x":1}},"id":"c","updated_at":{time}}}"#),
    ];
    let (_server, tap) = contacts(&records.join(","));
    // A reader that knows text only would refuse what passes here, so bytes are compared.
    let output = tap.command(None).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = without_times(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    for record in &records {
        assert!(
            stdout.contains(&format!(r#""record":{record}"#)),
            "{record}: {stdout}"
        );
    }
}

#[test]
fn instants_and_keys_come_in_every_form() {
    let time = now() - DAY;
    let iso = chrono::DateTime::from_timestamp(time, 0)
        .unwrap()
        .to_rfc3339();
    let forms = [
        format!("{time}"),
        format!(r#""{time}""#),
        format!("{time}.0"),
        format!(r#""{time}.0""#),
        format!("{time}250"),
        format!(r#""{iso}""#),
    ];
    let records: Vec<String> = forms
        .iter()
        .enumerate()
        .map(|(number, form)| format!(r#"{{"id":{number},"updated_at":{form}}}"#))
        .collect();
    let (_server, tap) = contacts(&records.join(","));
    let run = tap.run().ok();
    assert_eq!(run.ids("contacts").len(), forms.len());
    assert_eq!(run.bookmark("contacts")["updated_at"], time);
    let second = tap.run_from(&run.state()).ok();
    assert!(second.records.is_empty(), "{:?}", second.records);
}

#[test]
fn numbers_around_the_records_come_in_every_form() {
    let forms: [fn(u64) -> Value; 3] = [
        |number| json!(number),
        |number| json!(number.to_string()),
        |number| serde_json::from_str(&format!("{number}.0")).unwrap(),
    ];
    for form in forms {
        let (_server, tap) = serve(move |request| {
            let page: u64 = request.parameter("page").unwrap().parse().unwrap();
            let numbers = (page - 1) * 25..(page * 25).min(60);
            let time = now() - DAY;
            let rows: Vec<Value> = numbers
                .map(|n| json!({"id": n, "updated_at": time}))
                .collect();
            json!({
                "data": rows,
                "total_count": form(60),
                "pages": {"next": form(page + 1), "page": form(page), "per_page": form(25), "total_pages": form(3)},
            })
            .to_string()
        });
        for stream in ["calls", "collections"] {
            let run = Tap::ok_of(&tap, stream);
            let expected: Ids = (0..60).map(|number: u64| number.to_string()).collect();
            assert_same(stream, &expected, &run.ids(stream));
        }
    }
}

#[test]
fn cursors_come_in_every_form() {
    let forms: [fn(usize) -> Value; 6] = [
        |cursor| json!(cursor),
        |cursor| json!(cursor.to_string()),
        |cursor| json!({"page": 2, "starting_after": cursor}),
        |cursor| json!({"page": 2, "starting_after": cursor.to_string()}),
        |cursor| json!(format!("https://x.test/contacts?starting_after={cursor}")),
        |cursor| json!(format!("/contacts?per_page=5&starting_after={cursor}")),
    ];
    for (number, form) in forms.into_iter().enumerate() {
        let time = now() - DAY;
        let (_server, tap) = serve(move |request| {
            let asked: Value = serde_json::from_slice(&request.body).unwrap();
            let pagination = &asked["pagination"];
            let cursor = pagination["starting_after"].as_str();
            let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            let size = pagination["per_page"].as_u64().unwrap();
            let to = (from + usize::try_from(size).unwrap()).min(12);
            let rows = (from..to).map(|n| json!({"id": n.to_string(), "updated_at": time}));
            let next = if to < 12 { form(to) } else { json!(null) };
            json!({"data": rows.collect::<Vec<_>>(), "pages": {"next": next}}).to_string()
        });
        let run = tap.set("page_size", 5).streams(&["contacts"]).run().ok();
        let expected: Ids = (0..12).map(|number: u64| number.to_string()).collect();
        assert_same(&format!("form {number}"), &expected, &run.ids("contacts"));
    }
}

#[test]
fn null_for_a_list_is_an_empty_page_only_where_the_totals_agree() {
    for (total_count, exit_code) in [
        (json!(0), 0),
        (json!("0"), 0),
        (json!(3), 1),
        (json!(null), 1),
    ] {
        let body = json!({"data": null, "total_count": total_count, "pages": null}).to_string();
        let (_server, tap) = serve(move |_| body.clone());
        let run = tap.streams(&["contacts"]).run().exited(exit_code);
        assert!(run.records.is_empty());
    }
}

#[test]
fn a_list_that_comes_twice_in_one_answer_is_no_answer() {
    let row = r#"{"id":"1","updated_at":1700000000}"#;
    for (first, second) in [(row, ""), ("", row), (row, row)] {
        let body = format!(r#"{{"data":[{first}],"data":[{second}],"pages":null}}"#);
        let (_server, tap) = serve(move |_| body.clone());
        let run = tap.streams(&["contacts"]).run().exited(1);
        assert!(run.stderr.contains("`data` comes twice"), "{}", run.stderr);
        assert!(run.records.is_empty());
    }
}

#[test]
fn records_without_an_instant_come_once_and_again_when_they_change() {
    let cases = ["null", r#""""#, r#""soon""#, "{}"];
    for odd in cases {
        let dated = now() - DAY;
        let body = |name: &str| {
            format!(
                r#"{{"data":[{{"id":"a","updated_at":{odd},"name":"{name}"}},{{"id":"b","updated_at":{dated}}}]}}"#
            )
        };
        let name = std::sync::Arc::new(std::sync::Mutex::new(body("one")));
        let (_server, tap) = {
            let name = std::sync::Arc::clone(&name);
            serve(move |_| name.lock().unwrap().clone())
        };
        let tap = tap.streams(&["contacts"]);
        let first = tap.run().ok();
        assert_eq!(first.ids("contacts").len(), 2, "{odd}");
        let second = tap.run_from(&first.state()).ok();
        assert!(second.records.is_empty(), "{odd}: {:?}", second.records);
        *name.lock().unwrap() = body("two");
        let third = tap.run_from(&second.state()).ok();
        assert_same("contacts", &["a".to_owned()].into(), &third.ids("contacts"));
        let fourth = tap.run_from(&third.state()).ok();
        assert!(fourth.records.is_empty(), "{odd}");
    }
}

#[test]
fn an_import_of_many_records_is_repeated_once_at_most() {
    // More than can be remembered, within one look-back, and then nothing.
    let workspace = Workspace::start(Settings {
        contacts: 24_000,
        conversations: 0,
        spread_days: 0,
        base_time: Some(now() - 300),
        ..Settings::default()
    });
    let tap = Tap::of(&workspace).streams(&["contacts"]);
    let first = tap.run().ok();
    assert_whole(&workspace, [&first], &["contacts"]);
    // Time goes by; the rows stand as far back as they do then.
    workspace.change(|data| {
        for id in data.ids("contacts") {
            data.touch("contacts", &id, now() - 7200);
        }
    });
    let mut state = first.state();
    state["bookmarks"]["contacts"] = json!({"updated_at": now() - 7200});
    let second = tap.run_from(&state).ok();
    assert_eq!(second.ids("contacts").len(), 24_000);
    let third = tap.run_from(&second.state()).ok();
    assert!(third.records.is_empty(), "{}", third.records.len());
    assert_eq!(third.state(), second.state());
    let added = workspace.add("contacts", now() - 1100);
    let fourth = tap.run_from(&third.state()).ok();
    assert_same("contacts", &[added].into(), &fourth.ids("contacts"));
}

impl Tap {
    /// One run of one stream, which succeeds.
    fn ok_of(tap: &Tap, stream: &str) -> Run {
        let mut command = tap.command(None);
        command.args(["--stream", stream]);
        Run::of(command.output().unwrap()).ok()
    }
}
