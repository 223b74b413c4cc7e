//! What both command lines share: help, `--about`, settings, logs and exit codes.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up fails")]

use std::fs;
use std::io::Read;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use simulators::log::without_times;
use simulators::workspace::{Fault, Settings, When, Workspace};

const PROGRAMS: [&str; 2] = ["tap-intercom", "target-gcs"];

/// The program without settings of the shell's.
fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin(program));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("TAP_INTERCOM_") || name.starts_with("TARGET_GCS_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("LOGLEVEL")
        .env_remove("SINGER_SDK_LOG_CONFIG");
    command
}

fn run(program: &str, arguments: &[&str]) -> Output {
    command(program, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    without_times(&output.stderr)
}

#[test]
fn help_has_examples_and_exit_codes() {
    for program in PROGRAMS {
        let output = run(program, &["--help"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("\nExamples:\n"), "{program}");
        assert!(stdout(&output).contains("\nExit codes: 0 "), "{program}");
    }
}

#[test]
fn about_as_json_has_the_keys_that_meltano_knows() {
    for program in PROGRAMS {
        let about: Value =
            serde_json::from_slice(&run(program, &["--about", "--format=json"]).stdout).unwrap();
        let keys: Vec<&String> = about.as_object().unwrap().keys().collect();
        let known = ["name", "description", "version", "capabilities", "settings"];
        assert_eq!(keys, known, "{program}");
        assert_eq!(about["name"], program);
        assert!(jsonschema::draft7::meta::is_valid(&about["settings"]));
    }
    let about = run("tap-intercom", &["--about", "--format=json"]);
    let about: Value = serde_json::from_slice(&about.stdout).unwrap();
    let token = &about["settings"]["properties"]["access_token"];
    assert_eq!(
        (&token["secret"], &token["writeOnly"]),
        (&true.into(), &true.into())
    );
}

#[test]
fn about_names_every_setting_and_its_variable() {
    for (program, prefix) in [
        ("tap-intercom", "TAP_INTERCOM"),
        ("target-gcs", "TARGET_GCS"),
    ] {
        let about = run(program, &["--about", "--format=json"]);
        let about: Value = serde_json::from_slice(&about.stdout).unwrap();
        let text = stdout(&run(program, &["--about"]));
        let markdown = stdout(&run(program, &["--about", "--format=markdown"]));
        for key in about["settings"]["properties"].as_object().unwrap().keys() {
            let variable = format!("{prefix}_{}\n", key.to_uppercase());
            assert!(text.contains(&variable), "{variable}");
            assert!(markdown.contains(&format!("| `{key}` | ")), "{key}");
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    for program in PROGRAMS {
        let mut child = command(program, &["--about"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut log = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        assert_eq!((child.wait().unwrap().code(), log.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_misspelt_setting_is_told_the_right_one() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    for (program, written, meant) in [
        ("tap-intercom", "acces_token", "access_token"),
        ("target-gcs", "destnation", "destination"),
    ] {
        fs::write(&config, format!(r#"{{"{written}": "anything"}}"#)).unwrap();
        let output = run(program, &["--config", config.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        let log = stderr(&output);
        assert!(
            log.contains(&format!("; did you mean `{meant}`?\n")),
            "{log}"
        );
        assert!(
            log.contains(&format!("ERROR setting `{meant}` is missing\nhint: ")),
            "{log}"
        );
        assert!(!log.contains("anything"), "{log}");
    }
}

#[test]
fn a_misspelt_variable_is_told_the_right_one() {
    let output = command("tap-intercom", &["--test"])
        .env("TAP_INTERCOM_START_DAT", "2024-01-01")
        .output()
        .unwrap();
    assert!(
        stderr(&output).contains(
            "WARN unknown setting TAP_INTERCOM_START_DAT in the environment is ignored; did you \
             mean TAP_INTERCOM_START_DATE?\n"
        ),
        "{}",
        stderr(&output)
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_that_may_be_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    let token = "dG9rOjY1ZmE5YjE0XzQ4ZjdfNDk5MV9hMTIzXzQ1Njc4OWFiY2RlZjoxOjA=";
    let wrong = serde_json::json!({
        "region": token,
        "page_size": 0,
        "concurrency": {"token": token},
        "display_as": "htlm",
    });
    fs::write(&config, wrong.to_string()).unwrap();
    let output = run("tap-intercom", &["--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let log = stderr(&output);
    for expected in [
        "setting `access_token` is missing",
        "setting `region` holds a token or a key, which is not shown",
        "setting `page_size` is 0, but must be a whole number from 1 to 150",
        "setting `concurrency` holds a token or a key, which is not shown",
        "setting `display_as` is \"htlm\", but must be one of",
    ] {
        assert!(log.contains(expected), "{expected}\n{log}");
    }
    assert!(!log.contains(token), "{log}");
}

#[test]
fn log_settings_that_make_no_sense_are_wrong_usage() {
    for (program, prefix) in [
        ("tap-intercom", "TAP_INTERCOM"),
        ("target-gcs", "TARGET_GCS"),
    ] {
        for (name, value, allowed) in [
            (format!("{prefix}_LOG_FORMAT"), "xml", "text or json"),
            (
                format!("{prefix}_LOGLEVEL"),
                "loud",
                "DEBUG, INFO, WARNING or ERROR",
            ),
        ] {
            let output = command(program, &[]).env(&name, value).output().unwrap();
            assert_eq!(output.status.code(), Some(2));
            let expected = format!("ERROR {name} is \"{value}\", but must be {allowed}\n");
            assert_eq!(stderr(&output), expected);
        }
    }
}

#[test]
fn a_level_meant_for_another_program_of_the_pipeline_is_no_failure() {
    for program in PROGRAMS {
        let output = command(program, &["--about"])
            .env("LOGLEVEL", "NOTSET")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(
            stderr(&output).starts_with("WARN LOGLEVEL is \"NOTSET\", which is no level of this"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn logs_are_as_the_runner_asks_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let asked = directory.path().join("logging.json");
    fs::write(
        &asked,
        r#"{"formatters": {"singer_formatter": {"()": "singer_sdk.logging.StructuredFormatter"}},
            "root": {"level": "ERROR"}}"#,
    )
    .unwrap();
    for program in PROGRAMS {
        let run = |arguments: &[&str]| {
            let mut command = command(program, arguments);
            stderr(
                &command
                    .env("SINGER_SDK_LOG_CONFIG", &asked)
                    .output()
                    .unwrap(),
            )
        };
        let line: Value = serde_json::from_str(&run(&[])).unwrap();
        assert_eq!(
            (&line["level"], &line["app_name"]),
            (&"error".into(), &program.into())
        );
        assert!(run(&["--log-format=text"]).starts_with("ERROR setting "));
    }
}

#[test]
fn test_says_which_streams_the_token_may_not_read() {
    let workspace = Workspace::start(Settings::default());
    for path in ["/contacts", "/calls"] {
        workspace.inject(Fault::status(path, When::Always, 403));
    }
    let output = command("tap-intercom", &["--test"])
        .env("TAP_INTERCOM_ACCESS_TOKEN", workspace.token())
        .env("TAP_INTERCOM_BASE_URL", workspace.base_url())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = stderr(&output);
    let readable: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("INFO ")?.strip_suffix(": can be read"))
        .collect();
    let others = [
        "admins",
        "teams",
        "tags",
        "conversations",
        "articles",
        "collections",
    ];
    assert_eq!(readable, others);
    assert!(
        log.contains("ERROR contacts: can't be read: POST /contacts/search failed: status 403")
    );
    assert!(
        log.contains("\nERROR these streams can't be read: contacts, calls\nhint: "),
        "{log}"
    );
}

#[test]
fn the_long_help_has_every_setting_with_its_default() {
    for program in PROGRAMS {
        let about = run(program, &["--about", "--format=json"]);
        let about: Value = serde_json::from_slice(&about.stdout).unwrap();
        let help = stdout(&run(program, &["--help"]));
        let summary = stdout(&run(program, &["-h"]));
        for (key, property) in about["settings"]["properties"].as_object().unwrap() {
            let default = match &property["default"] {
                Value::Null => String::new(),
                Value::String(text) => format!("`{text}`)"),
                other => format!("`{other}`)"),
            };
            let line = format!("\n  {key} ({default}");
            assert!(help.contains(&line), "{program}: {line}");
            assert!(!summary.contains(&line), "{program}: {line}");
        }
    }
}

#[test]
fn an_instant_without_a_zone_and_a_start_yet_to_come_are_told() {
    for (start, told) in [
        (
            "2024-01-31T12:00:00",
            "`start_date` names no zone and is taken as UTC: \"2024-01-31T12:00:00\"\n",
        ),
        (
            "2924-01-31",
            "`start_date` is 2924-01-31T00:00:00Z, which is yet to come: ",
        ),
    ] {
        let output = command("tap-intercom", &["--test=schema", "--stream=tags"])
            .env("TAP_INTERCOM_ACCESS_TOKEN", "t")
            .env("TAP_INTERCOM_START_DATE", start)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    for start in [
        "2024-01-31",
        "2024-01-31T12:00:00Z",
        "2024-01-31T12:00:00+02:00",
    ] {
        let output = command("tap-intercom", &["--test=schema", "--stream=tags"])
            .env("TAP_INTERCOM_ACCESS_TOKEN", "t")
            .env("TAP_INTERCOM_START_DATE", start)
            .output()
            .unwrap();
        assert_eq!(stderr(&output), "", "{start}");
    }
}

#[test]
fn every_line_of_the_log_begins_with_time_and_program() {
    let workspace = Workspace::start(Settings::default());
    let output = command("tap-intercom", &["--stream=tags"])
        .env("TAP_INTERCOM_ACCESS_TOKEN", workspace.token())
        .env("TAP_INTERCOM_BASE_URL", workspace.base_url())
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let mut metrics = 0;
    for line in log.lines() {
        let (time, rest) = line.split_once(" tap-intercom ").unwrap();
        chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%SZ").unwrap();
        assert!(rest.starts_with("INFO "), "{line}");
        if let Some(metric) = rest.strip_prefix("INFO METRIC: ") {
            let metric: Value = serde_json::from_str(metric).unwrap();
            assert_eq!(metric["tags"]["stream"], "tags");
            metrics += 1;
        }
    }
    assert!(metrics > 0, "{log}");
}
