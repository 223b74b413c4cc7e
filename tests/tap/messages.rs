//! What people read: the messages of a tiny workspace, the log, the help.

use std::time::Duration;

use serde_json::Value;

use crate::harness::Tap;
use simulators::workspace::{Settings, TranscriptFormat, Workspace};

/// 2026-03-10T12:00:00Z.
const NOON: i64 = 1_773_144_000;

fn tiny() -> Workspace {
    Workspace::start(Settings {
        base_time: Some(NOON),
        calls: 2,
        conversations: 2,
        teams: 1,
        parts_per_conversation: 1,
        transcripts: TranscriptFormat::Text,
        foreign_transcripts_every: 1,
        ..Settings::default()
    })
}

/// The messages, but for schemas and the time, which are not always the same.
fn messages(stdout: &str) -> String {
    let mut text = String::new();
    for line in stdout.lines() {
        let mut message: Value = serde_json::from_str(line).unwrap();
        for (key, value) in message.as_object_mut().unwrap() {
            match key.as_str() {
                "schema" => *value = "…".into(),
                "time_extracted" => {
                    assert!(chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).is_ok());
                    *value = "…".into();
                }
                "record" => {
                    if let Some(url) = value.get_mut("recording_url") {
                        *url = "…".into();
                    }
                }
                _ => {}
            }
        }
        text += &message.to_string();
        text.push('\n');
    }
    text
}

#[test]
fn a_tiny_workspace_as_messages() {
    let workspace = tiny();
    let of = |stream| messages(&Tap::of(&workspace).streams(&[stream]).run().ok().stdout);
    insta::assert_snapshot!(of("teams") + &of("calls"), @r#"
    {"type":"SCHEMA","stream":"teams","schema":"…","key_properties":["id"]}
    {"type":"RECORD","stream":"teams","record":{"type":"team","id":"501001","name":"Team 1","admin_ids":[814001]},"time_extracted":"…"}
    {"type":"STATE","value":{}}
    {"type":"SCHEMA","stream":"calls","schema":"…","key_properties":["id"],"bookmark_properties":["updated_at"]}
    {"type":"SCHEMA","stream":"call_transcriptions","schema":"…","key_properties":["call_id"]}
    {"type":"RECORD","stream":"calls","record":{"type":"call","id":"16851457","conversation_id":"215470015851457","admin_id":"814001","contact_id":"66e24748da4c69f9d2f1dfc1","state":"completed","initiated_at":1753625382,"answered_at":1753625387,"ended_at":1753625477,"created_at":1753625382,"updated_at":1756088344,"recording_url":"…","transcription_url":"http://transcripts.invalid/calls/16851457/transcript","call_type":"phone","direction":"outbound","ended_reason":"answered","phone":"+15551000001","fin_recording_url":null,"fin_transcription_url":null},"time_extracted":"…"}
    {"type":"RECORD","stream":"call_transcriptions","record":{"call_id":"16851457","call_updated_at":1756088344,"transcript":[{"start_time":3,"end_time":440,"speaker":"Teammate 1","content":"Good morning, you have reached support."},{"start_time":440,"end_time":960,"speaker":"User","content":"It happened at 10:42, see [00:01:02] in the log."},{"start_time":960,"end_time":1275,"speaker":"Teammate 1","content":"Two things: first the login, second: the invoice."},{"start_time":1275,"end_time":1904,"speaker":"User","content":"Okay."},{"start_time":1904,"end_time":2129,"speaker":"Teammate 1","content":"Let me read it to you.\nLine two is empty.\n\nThat was all."},{"start_time":2129,"end_time":null,"speaker":"User","content":"Let me read it to you.\nLine two is empty.\n\nThat was all."}]},"time_extracted":"…"}
    {"type":"RECORD","stream":"calls","record":{"type":"call","id":"1000000","conversation_id":"215470000000000","admin_id":"814001","contact_id":"6649cec6da4c69f9d2000000","state":"completed","initiated_at":1745912257,"answered_at":1745912262,"ended_at":1745912352,"created_at":1745912257,"updated_at":1752013410,"recording_url":"…","transcription_url":"http://transcripts.invalid/calls/1000000/transcript","call_type":"phone","direction":"outbound","ended_reason":"answered","phone":"+15551000000","fin_recording_url":null,"fin_transcription_url":null},"time_extracted":"…"}
    {"type":"RECORD","stream":"call_transcriptions","record":{"call_id":"1000000","call_updated_at":1752013410,"transcript":[{"start_time":3,"end_time":677,"speaker":"Teammate 1","content":"Das ist schön, merci – ありがとう 🙏"},{"start_time":677,"end_time":1333,"speaker":"User","content":"Good morning, you have reached support."},{"start_time":1333,"end_time":1582,"speaker":"Teammate 1","content":"It happened at 10:42, see [00:01:02] in the log."},{"start_time":1582,"end_time":1928,"speaker":"User","content":"\"Yes\""},{"start_time":1928,"end_time":null,"speaker":"Teammate 1","content":"Okay."}]},"time_extracted":"…"}
    {"type":"STATE","value":{"bookmarks":{"calls":{"updated_at":1756088344,"covers":["call_transcriptions"],"seen":{"16851457":1756088344}}}}}
    "#);
}

#[test]
fn the_log_sums_up_what_was_read() {
    let workspace = tiny();
    let log = |stream| Tap::of(&workspace).streams(&[stream]).run().ok().stderr;
    let without_times: String = (log("teams") + &log("conversations"))
        .lines()
        .filter(|line| !line.contains("\"timer\""))
        .map(|line| match line.rsplit_once(", ") {
            Some((start, time)) if time.ends_with(" s") => format!("{start}, … s\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    insta::assert_snapshot!(without_times, @r#"
    INFO METRIC: {"type":"counter","metric":"record_count","value":1,"tags":{"stream":"teams"}}
    INFO METRIC: {"type":"counter","metric":"http_request_count","value":1,"tags":{"stream":"teams"}}
    INFO teams: 1 records, 1 requests (0 retries), … s
    INFO METRIC: {"type":"counter","metric":"record_count","value":2,"tags":{"stream":"conversations"}}
    INFO METRIC: {"type":"counter","metric":"record_count","value":2,"tags":{"stream":"conversation_parts"}}
    INFO METRIC: {"type":"counter","metric":"http_request_count","value":3,"tags":{"stream":"conversations"}}
    INFO conversations: 2 records, 3 requests (0 retries), … s
    INFO conversation_parts: 2 records
    "#);
}

/// The help, before its settings: usage and options, then examples and exit codes.
fn help() -> (String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tap-intercom"))
        .env_clear()
        .env("COLUMNS", "100")
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (help, settings) = help.split_once("\nSettings, in a file").unwrap();
    assert!(
        settings.contains("\n  page_size (`150`)\n      Records a page of"),
        "{settings}"
    );
    assert!(
        settings.contains(", or TAP_INTERCOM_PAGE_SIZE\n"),
        "{settings}"
    );
    let (options, examples) = help.split_once("\nExamples:\n").unwrap();
    (options.to_owned(), examples.to_owned())
}

#[test]
fn the_help_tells_how_to_use_it() {
    insta::assert_snapshot!(help().0, @"
    Reads a workspace's Intercom data and prints it as Singer messages

    Usage: tap-intercom [OPTIONS]

    Options:
      -c, --config <FILE>
              Configuration file (JSON); may be given several times, later ones win. The word ENV reads
              the environment variables `TAP_INTERCOM_<SETTING>`, as does giving none

      -s, --state <FILE>
              State file: where the last run left off. Empty or null means from the beginning

          --catalog <FILE>
              Catalog file: which streams and properties to read
              
              [alias: --properties]

          --stream <NAME>
              Read these streams and their child streams, whatever the catalog selects; repeatable, or
              with commas between names

          --exclude <NAME[.PROPERTY]>
              Don't read these streams, or leave out these properties, such as `contacts.location.city`;
              repeatable, or with commas between names. Adds to the setting `exclude`

          --discover
              Print the catalog of all streams. Needs no token; with one, it has the datasets that the
              workspace's reports are made of, and their columns

          --report <FILE>
              At the run's end, whatever it is, write what it has done to this file, as one JSON
              document

          --test[=<WHAT>]
              Read at most one record of every selected stream, to see whether the token allows it; or
              print the schemas only

              Possible values:
              - all:    One record of every selected stream
              - schema: Nothing: only the schemas are printed

          --dry-run
              Tell what a run would read, by a request or two a stream: records by the API's own counts,
              requests and minutes at the API's limit. Prints a table on a terminal, else a JSON line
              for each stream

          --merge-states <FILE>...
              Print one state of those in these files, of the slices of a backfill and of the ordinary
              runs: the newest bookmark of each stream, once all are read to their end, and all that is
              still awaited. Needs no token

          --audit <KEYS>
              Compare a lake with the workspace: KEYS has the lake's keys as `target-gcs --read-keys`
              prints them, `-` is standard input. Prints a JSON line for each that is missing, stale,
              gone or lacks parts, as of the state

          --repair
              With --audit, print the messages that mend it instead, for a target to load

          --about
              Print what this program is and which settings it takes

          --format <FORMAT>
              How --about prints

              Possible values:
              - text:     For a terminal
              - json:     For programs: name, description, version, capabilities, settings
              - markdown: For documents
              
              [default: text]

          --log-format <FORMAT>
              How log lines look on stderr [default: text; environment: `TAP_INTERCOM_LOG_FORMAT`]

              Possible values:
              - text: `2026-01-31T06:00:00Z PROGRAM INFO message`
              - json: One JSON object a line, as Meltano's structured logging expects it

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn the_help_shows_by_examples() {
    insta::assert_snapshot!(help().1, @"
      See which streams there are, without a token
        tap-intercom --discover

      Check the token and what it may read
        tap-intercom --config config.json --test

      See how much a run would read, and how long that takes
        tap-intercom --config config.json --state state.json --dry-run

      Read everything into files, then only what changed since
        tap-intercom --config config.json | target-gcs --config target.json
        target-gcs --config target.json --read-state > state.json
        tap-intercom --config config.json --state state.json | target-gcs --config target.json

      Read calls and their transcripts only
        tap-intercom --config config.json --stream calls

      See whether all that the state says is in the lake is there, then mend what isn't
        target-gcs --config target.json --read-keys > keys.jsonl
        tap-intercom --config config.json --state state.json --audit keys.jsonl
        tap-intercom --config config.json --state state.json --audit keys.jsonl --repair \\
          | target-gcs --config target.json

      Read all but the parts of conversations, and no contact's phone number
        tap-intercom --config config.json --exclude conversation_parts,contacts.phone

    Exit codes: 0 all streams were read; 1 some weren't, and the log names them; 2 wrong arguments,
    configuration, state, catalog or keys; 3 --audit found differences; 130 and 143 stopped by SIGINT
    and SIGTERM.
    ");
}

#[test]
fn a_log_goes_on_while_an_answer_is_waited_for() {
    let workspace = Workspace::start(Settings {
        latency: Duration::from_secs(32),
        ..Settings::default()
    });
    let run = Tap::of(&workspace).streams(&["tags"]).run().ok();
    let told = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("INFO tags: 0 records, "));
    assert_eq!(told.count(), 1, "{}", run.stderr);
    let counted = "\"metric\":\"record_count\",\"value\":0,";
    assert!(run.stderr.contains(counted), "{}", run.stderr);
}
