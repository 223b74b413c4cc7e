//! Message files of other people's projects, and small ones of what has gone wrong: what other
//! targets load is loaded, what can't be loaded is refused by stream and line.
//!
//! The files are not part of this repository. `INTERCOM_SHARED_DIR` names the directory whose
//! `data/singer-corpus/EXPECTED.tsv` says of each file in it what is wanted, and whose `cases/`
//! holds the small ones.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::harness::{Run, Target};

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn shared(below: &str) -> Option<PathBuf> {
    let found =
        std::env::var_os("INTERCOM_SHARED_DIR").map(|shared| PathBuf::from(shared).join(below));
    if found.is_none() {
        println!("SKIPPED: INTERCOM_SHARED_DIR is not set, so {below} was not loaded");
    }
    found
}

/// The files that are wanted to be loaded, or refused, with their content.
fn corpus(wanted: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = shared("data/singer-corpus") else {
        return Vec::new();
    };
    let expected = fs::read_to_string(folder.join("EXPECTED.tsv")).unwrap();
    let files: Vec<_> = expected
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let name = columns.next()?;
            (columns.nth(1) == Some(wanted))
                .then(|| (name.to_owned(), fs::read(folder.join(name)).unwrap()))
        })
        .collect();
    assert!(files.len() >= 20, "the list is read");
    files
}

/// The records of an input, as they are written.
fn sent(input: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(input).unwrap();
    let mut records = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let message: std::collections::HashMap<String, &RawValue> =
            serde_json::from_str(line).unwrap();
        if message["type"].get() == "\"RECORD\"" {
            records.push(message["record"].get().to_owned());
        }
    }
    records.sort();
    records
}

fn stored(target: &Target) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, content) in target.files() {
        if name.starts_with("_intercom_state/") {
            continue;
        }
        let mut text = String::new();
        if name.rsplit('.').next() == Some("gz") {
            MultiGzDecoder::new(content.as_slice())
                .read_to_string(&mut text)
                .unwrap();
        } else {
            text = String::from_utf8(content).unwrap();
        }
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

#[test]
fn what_others_load_is_loaded_byte_for_byte() {
    for (name, input) in corpus("loads") {
        for validation in [true, false] {
            let target = Target::local().with("validate_records", validation);
            let run = target.run(&input);
            assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
            assert!(stored(&target) == sent(&input), "{name}");
        }
    }
}

#[test]
fn what_others_load_is_loaded_compressed_and_with_metadata() {
    for (name, input) in corpus("loads") {
        let target = Target::local()
            .with("compression", "gzip")
            .with("add_record_metadata", true);
        let run = target.run(&input);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        let mut expected: Vec<Value> = sent(&input)
            .iter()
            .map(|record| serde_json::from_str(record).unwrap())
            .collect();
        let mut found: Vec<Value> = stored(&target)
            .iter()
            .map(|record| serde_json::from_str(record).unwrap())
            .collect();
        for record in &mut found {
            let members = record.as_object_mut().unwrap();
            assert!(members.contains_key("_sdc_sequence"), "{name}");
            members.retain(|key, _| !key.starts_with("_sdc_"));
        }
        for record in &mut expected {
            record
                .as_object_mut()
                .unwrap()
                .retain(|key, _| !key.starts_with("_sdc_"));
        }
        let by_text = |values: &mut Vec<Value>| values.sort_by_key(Value::to_string);
        by_text(&mut expected);
        by_text(&mut found);
        assert!(found == expected, "{name}");
    }
}

#[test]
fn what_is_no_input_is_refused_by_stream_and_line() {
    for (name, input) in corpus("refused") {
        let run = Target::local().run(&input);
        let fault = run.failed(1).to_owned();
        let rest = fault
            .strip_prefix("line ")
            .unwrap_or_else(|| panic!("{name}: {fault}"));
        let (line, reason) = rest.split_once(": ").unwrap();
        assert!(
            line.parse::<u64>().is_ok_and(|line| line > 0),
            "{name}: {fault}"
        );
        assert!(
            [
                "stream ",
                "invalid message: ",
                "the input ends within a line"
            ]
            .iter()
            .any(|told| reason.starts_with(told)),
            "{name}: {fault}"
        );
        // Nothing of it appears that no STATE covers, and with validation off only what is wrong
        // with the input itself is left.
        let run = Target::local().with("validate_records", false).run(&input);
        if run.code != Some(0) {
            assert!(!run.failed(1).contains("schema can't be used"), "{name}");
            assert!(
                !run.failed(1).contains("does not match the schema"),
                "{name}"
            );
        }
    }
}

fn case(name: &str) -> Option<String> {
    let folder = shared("cases")?;
    Some(fs::read_to_string(folder.join(format!("{name}.singer"))).unwrap())
}

#[test]
fn cases_that_load() {
    for name in [
        "01_live_meltanolabs_tap_postgres",
        "01_time",
        "02_naive_datetime",
        "03_draft4_exclusive",
        "03_live_pipelinewise_tap_postgres",
        "06_no_properties_mongodb",
        "07_content_encoding",
        "09_record_lone_surrogate",
        "15_unknown_type_object_stream",
    ] {
        let Some(input) = case(name) else { return };
        let target = Target::local();
        let run = target.run(&input);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        assert!(stored(&target) == sent(input.as_bytes()), "{name}");
    }
}

/// Runs a case that is refused, and gives the first line of what is told.
fn refused(name: &str) -> Option<String> {
    let run = Target::local().run(case(name)?);
    Some(run.failed(1).lines().next().unwrap().to_owned())
}

#[test]
fn cases_that_are_told_for_what_they_are() {
    let Some(fault) = refused("08_state_lone_surrogate") else {
        return;
    };
    insta::assert_snapshot!(fault, @"line 3: the value of the STATE can't be read: a text in it has half of a surrogate pair");
    insta::assert_snapshot!(refused("11_nan").unwrap(), @"line 2: invalid message: NaN at column 52, which JSON doesn't know: the tap should write null");
    for (name, pointer) in [
        (
            "04_openapi_ref",
            "/properties/_links/additionalProperties/$ref",
        ),
        ("05_description_null", "/properties/id/description"),
    ] {
        let input = case(name).unwrap();
        let run = Target::local().run(&input);
        assert!(
            run.failed(1).contains(&format!(": {pointer}: ")),
            "{name}: {}",
            run.stderr
        );
        assert!(run.failed(1).contains("validate_records"), "{name}");
        let target = Target::local().with("validate_records", false);
        let run: Run = target.run(&input);
        run.succeeded();
        assert!(
            run.stderr.contains(&format!(": {pointer}: ")),
            "{name}: {}",
            run.stderr
        );
        assert!(stored(&target) == sent(input.as_bytes()), "{name}");
    }
}
