//! Streams whose names are longer than a disk or a bucket takes, or lead somewhere.

use serde_json::json;
use simulators::gcs::Gcs;

use crate::harness::{Target, cases, record, schema, state};

/// A bit more than fits, in letters that take one byte in a name and in ones that take nine.
fn long_names() -> Vec<String> {
    let ascii = "x".repeat(228);
    let wide = "\u{65e5}".repeat(27);
    let endless = "\u{65e5}".repeat(2000);
    vec![
        ascii.clone() + "a",
        ascii + "b",
        wide.clone() + "a",
        wide + "b",
        endless.clone() + "a",
        endless + "b",
    ]
}

#[test]
fn long_names_are_shortened_and_kept_apart() {
    let service = Gcs::start("lake");
    let bucket = Target::gcs(&service).with("destination", "gs://lake/a/prefix");
    for (target, longest_part, longest) in [(Target::local(), 255, 2048), (bucket, 1024, 1024)] {
        let target = target.with("compression", "gzip");
        for round in 1..=2 {
            let mut input = String::new();
            let mut bookmarks = json!({});
            for name in long_names() {
                input += &schema(&name);
                input += &record(&name, json!({ "id": round }));
                bookmarks[&name] = json!({ "at": round });
            }
            let value = json!({ "bookmarks": bookmarks });
            let line = json!({ "type": "STATE", "value": value });
            target.run(input + &line.to_string() + "\n").succeeded();
            // The state leads back to streams that names no longer tell.
            let read: serde_json::Value =
                serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap();
            assert_eq!(read, value);
        }
        let files = match longest_part {
            255 => target.files(),
            _ => service.objects(),
        };
        let names: Vec<&String> = files.keys().collect();
        assert_eq!(names.len(), 3 * long_names().len(), "{names:?}");
        for name in names {
            assert!(name.len() <= longest, "{name}");
            assert!(
                name.split('/').all(|part| part.len() <= longest_part),
                "{name}"
            );
        }
    }
}

#[test]
fn a_shortened_state_object_is_torn_like_any_other() {
    let target = Target::local();
    let name = "x".repeat(300);
    let input = schema(&name) + &record(&name, json!({ "id": 1 })) + &state(&name, 1);
    target.run(&input).succeeded();
    let path = target.lake().join("_intercom_state");
    let path = std::fs::read_dir(path)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for torn in ["", "{\"bookmarks\":{\"y\":1}}"] {
        std::fs::write(&path, torn).unwrap();
        let before = target.files();
        for run in [target.read_state(&[]), target.run(&input)] {
            assert!(run.failed(1).contains("is no Singer state"), "{torn}");
        }
        assert_eq!(target.files(), before);
    }
}

#[test]
fn no_name_leads_into_the_folder_of_incomplete_files_or_out_of_the_destination() {
    let target = Target::local().with("state_path_template", "{stream}");
    let target = target.with("path_template", "{stream}/{timestamp}.json");
    let names = [
        ".",
        "..",
        ".incomplete",
        ".incomplete/run-abcdef",
        "/",
        "/etc",
        "a/../..",
    ];
    let mut input = String::new();
    let mut bookmarks = json!({});
    for name in names {
        input += &(schema(name) + &record(name, json!({ "id": 1 })));
        // The state of a stream that has a folder can't be a file of that name.
        bookmarks[format!("{name}:state")] = json!(1);
    }
    bookmarks[""] = json!(1);
    let value = json!({ "bookmarks": bookmarks });
    input += &format!("{}\n", json!({ "type": "STATE", "value": value }));
    target.run(input).succeeded();
    let outside: Vec<_> = std::fs::read_dir(target.folder.path()).unwrap().collect();
    assert_eq!(outside.len(), 2, "config.json and lake: {outside:?}");
    assert!(target.leftovers().is_empty());
    let files = target.files();
    assert_eq!(files.len(), 2 * names.len() + 1, "{:?}", files.keys());
    assert!(
        files.keys().all(|name| !name.starts_with('.')),
        "{:?}",
        files.keys()
    );
    let read: serde_json::Value =
        serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap();
    assert_eq!(read, value);
}

#[test]
fn templates_that_lead_there_are_refused() {
    for (key, template) in [
        ("path_template", ".incomplete/{stream}/{timestamp}"),
        ("path_template", ".{stream}/{timestamp}"),
        ("state_path_template", ".incomplete/{stream}"),
        ("state_path_template", ".Incomplete/run-abcdef/{stream}"),
    ] {
        let run = Target::local().with(key, template).run("");
        assert!(
            run.failed(2).contains("must not lead into `.incomplete`"),
            "{template}"
        );
    }
}

#[test]
fn a_long_name_of_another_tap_is_loaded() {
    let Some(input) = cases("14_long_cjk_name.singer") else {
        return;
    };
    let target = Target::local();
    target.run(input).succeeded();
    assert_eq!(target.files().len(), 1);
}
