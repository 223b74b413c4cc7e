//! Secrets in every place where a person may put them by mistake: none is ever in a log, in a message
//! or in a file.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};

const TOKEN: &str = "dG9rOmI4ZTZhN2QxXzRjM2JfNGY5ZV85YTdkXzFlMmYzYTRiNWM2ZDoxOjA=";
const CLIENT_SECRET: &str = "GOCSPX-d8fk2Lq0Zr7vXw1Yt3Ub5Nm9";
const KEY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
const STREAM: &str = r#"{"type":"SCHEMA","stream":"s","schema":{"properties":{}},"key_properties":[]}
{"type":"RECORD","stream":"s","record":{"id":1}}
{"type":"STATE","value":{"bookmarks":{"s":1}}}
"#;

/// A key as Google gives it; `line_end` is what has become of its line ends.
fn key(line_end: &str) -> String {
    [
        "-----BEGIN PRIVATE KEY-----",
        KEY,
        "-----END PRIVATE KEY-----",
        "",
    ]
    .join(line_end)
}

fn credentials() -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k",
        "private_key": key("\n"), "client_email": "a@p.iam.gserviceaccount.com",
    })
}

fn secrets() -> [String; 5] {
    [
        TOKEN.into(),
        CLIENT_SECRET.into(),
        key("\n"),
        key("\\n"),
        credentials().to_string(),
    ]
}

/// One mistake, and the folder that it is made in.
struct Mistake {
    what: String,
    folder: tempfile::TempDir,
    command: Command,
}

impl Mistake {
    fn new(what: impl Into<String>, program: &str) -> Mistake {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(cargo_bin(program));
        command
            .env_clear()
            .env("HOME", folder.path())
            .current_dir(folder.path());
        Mistake {
            what: what.into(),
            folder,
            command,
        }
    }

    fn tap(what: impl Into<String>, more: &Value) -> Mistake {
        let own = json!({
            "access_token": TOKEN, "base_url": "http://127.0.0.1:9", "max_attempts": 1,
            "request_timeout_seconds": 2,
        });
        Mistake::new(what, "tap-intercom").config(own, more)
    }

    fn target(what: impl Into<String>, more: &Value) -> Mistake {
        let own = json!({"destination": "lake", "retry_deadline_seconds": 0});
        Mistake::new(what, "target-gcs").config(own, more)
    }

    fn config(mut self, mut settings: Value, more: &Value) -> Mistake {
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        fs::write(self.folder.path().join("given.json"), settings.to_string()).unwrap();
        self.command.args(["--config", "given.json"]);
        self
    }

    fn file(self, name: &str, content: &str) -> Mistake {
        fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    fn arguments(mut self, arguments: &[&str]) -> Mistake {
        self.command.args(arguments);
        self
    }

    fn env(mut self, name: &str, value: &str) -> Mistake {
        self.command.env(name, value);
        self
    }

    /// Makes it, at the most talkative, and looks at all that was written anywhere.
    fn shows_nothing(mut self) -> (Option<i32>, String) {
        let given = names_in(self.folder.path());
        fs::write(self.folder.path().join("given-input"), STREAM).unwrap();
        let input = fs::File::open(self.folder.path().join("given-input")).unwrap();
        let run = self
            .command
            .env("LOGLEVEL", "DEBUG")
            .stdin(Stdio::from(input))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_clean(&self.what, &String::from_utf8_lossy(&run.stdout));
        assert_clean(&self.what, &stderr);
        for name in names_in(self.folder.path()) {
            if !given.contains(&name) {
                assert_clean(&self.what, &name);
                let content = fs::read(&name).unwrap_or_default();
                assert_clean(&self.what, &String::from_utf8_lossy(&content));
            }
        }
        (run.status.code(), stderr)
    }

    /// The same, and it is refused before anything is begun.
    fn must_be_refused(self) {
        let what = self.what.clone();
        let (code, stderr) = self.shows_nothing();
        assert_eq!(code, Some(2), "{what}: {stderr}");
    }
}

/// Neither a secret nor a good part of one, as text or as the numbers of its bytes.
#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for secret in [TOKEN, CLIENT_SECRET, KEY] {
        for part in [&secret[8..18], &secret[secret.len() - 12..]] {
            assert!(!text.contains(part), "{what}: {text}");
            let numbers = format!("{:?}", part.as_bytes());
            let numbers = numbers.trim_matches(['[', ']']);
            assert!(!text.contains(numbers), "{what}: {text}");
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.to_str().unwrap().to_owned());
        if path.is_dir() {
            names.extend(names_in(&path));
        }
    }
    names
}

fn settings_of(program: &str) -> Vec<(String, Value)> {
    let about = Command::new(cargo_bin(program))
        .args(["--about", "--format=json"])
        .output()
        .unwrap();
    let about: Value = serde_json::from_slice(&about.stdout).unwrap();
    let settings = about["settings"]["properties"].as_object().unwrap();
    settings.clone().into_iter().collect()
}

#[test]
fn under_every_setting_that_is_not_made_for_it() {
    for secret in secrets() {
        for (key, _) in settings_of("tap-intercom")
            .iter()
            .filter(|(_, of)| of["secret"] != true)
        {
            for value in [json!(secret), json!([secret]), json!({ "a": secret })] {
                Mistake::tap(format!("tap {key}"), &json!({ key: value })).must_be_refused();
            }
        }
        for (key, _) in settings_of("target-gcs") {
            for value in [json!(secret), json!([secret]), json!({ &secret: 1 })] {
                Mistake::target(format!("target {key}"), &json!({ &key: value })).must_be_refused();
            }
        }
    }
}

#[test]
fn in_the_right_setting_with_something_wrong() {
    for value in [
        json!([TOKEN]),
        json!({ "access_token": TOKEN }),
        json!(format!("{TOKEN}\n{TOKEN}")),
        json!(format!("Bearer\u{e9} {TOKEN}")),
    ] {
        Mistake::tap("access_token", &json!({ "access_token": value })).must_be_refused();
    }
    for url in [
        format!("https://user:{TOKEN}@127.0.0.1"),
        format!("https://{CLIENT_SECRET}@127.0.0.1"),
        format!("https://127.0.0.1/?token={TOKEN}"),
    ] {
        Mistake::tap("base_url", &json!({ "base_url": url })).must_be_refused();
        Mistake::target(
            "endpoint",
            &json!({"destination": "gs://b", "endpoint": url}),
        )
        .must_be_refused();
    }
    let short = json!({"object_metadata": {"a": {"token": CLIENT_SECRET}}});
    Mistake::target("object_metadata", &short).must_be_refused();
}

#[test]
fn under_a_key_or_a_variable_that_nobody_knows() {
    for secret in secrets() {
        for more in [
            json!({ "acces_token": secret }),
            json!({ &secret: "access_token" }),
        ] {
            Mistake::tap("unknown key", &more).shows_nothing();
            Mistake::target("unknown key", &more).shows_nothing();
        }
        for name in [
            "TAP_INTERCOM_ACCES_TOKEN",
            "TAP_INTERCOM_LOGLEVEL",
            "TAP_INTERCOM_LOG_FORMAT",
            "HTTP_PROXY",
            "SSL_CERT_FILE",
        ] {
            Mistake::tap(name, &json!({}))
                .env(name, &secret)
                .shows_nothing();
        }
        for name in [
            "TARGET_GCS_CREDENTIAL",
            "TARGET_GCS_LOGLEVEL",
            "TARGET_GCS_LOG_FORMAT",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "STORAGE_EMULATOR_HOST",
            "HTTPS_PROXY",
        ] {
            let bucket = json!({"destination": "gs://b", "endpoint": "https://127.0.0.1:9"});
            Mistake::target(name, &bucket)
                .env(name, &secret)
                .shows_nothing();
        }
    }
}

#[test]
fn as_an_argument() {
    for secret in secrets() {
        for option in [
            "--config",
            "--state",
            "--catalog",
            "--stream",
            "--test",
            "--access-token",
        ] {
            let joined = format!("{option}={secret}");
            Mistake::tap(option, &json!({}))
                .arguments(&[option, &secret])
                .must_be_refused();
            Mistake::tap(option, &json!({}))
                .arguments(&[&joined])
                .must_be_refused();
        }
        for option in ["--config", "--input", "--stream", "--credentials"] {
            Mistake::target(option, &json!({}))
                .arguments(&[option, &secret])
                .must_be_refused();
        }
        Mistake::tap("alone", &json!({}))
            .arguments(&[&secret])
            .must_be_refused();
        Mistake::target("alone", &json!({}))
            .arguments(&[&secret])
            .must_be_refused();
    }
}

#[test]
fn as_a_state_or_a_catalog() {
    let config = json!({ "access_token": TOKEN }).to_string();
    for (content, what) in [
        (config.clone(), "a configuration"),
        (
            json!({"bookmarks": {}, "config": {"access_token": TOKEN}}).to_string(),
            "beside bookmarks",
        ),
        (
            json!({"bookmarks": {"contacts": {"token": TOKEN}}}).to_string(),
            "in a bookmark",
        ),
        (
            json!({"type": "STATE", "value": {"access_token": TOKEN, "bookmarks": {}}}).to_string(),
            "in a message",
        ),
        (credentials().to_string(), "credentials"),
        (TOKEN.to_owned(), "a token"),
        (json!(TOKEN).to_string(), "a token in quotes"),
        (
            json!({ "streams": TOKEN }).to_string(),
            "a token for streams",
        ),
        (
            json!({"streams": [], "type": TOKEN, "bookmarks": TOKEN}).to_string(),
            "for bookmarks",
        ),
        (key("\n"), "a key"),
    ] {
        Mistake::tap(what, &json!({}))
            .file("given", &content)
            .arguments(&["--state", "given"])
            .must_be_refused();
        Mistake::tap(what, &json!({}))
            .file("given", &content)
            .arguments(&["--catalog", "given", "--discover"])
            .shows_nothing();
        Mistake::tap(what, &json!({}))
            .file("given", &content)
            .arguments(&["--catalog", "given", "--test=schema"])
            .shows_nothing();
        Mistake::target(what, &json!({}))
            .file("given", &content)
            .arguments(&["--input", "given"])
            .shows_nothing();
    }
}

#[test]
fn in_a_state_that_a_target_is_to_store() {
    for value in [
        json!({"access_token": "of no known form", "bookmarks": {}}),
        json!({"bookmarks": {"s": 1}, "password": "of no known form"}),
        json!({"bookmarks": {"s": {"token": TOKEN}}}),
    ] {
        let state = json!({"type": "STATE", "value": value});
        let (code, stderr) = Mistake::target("state", &json!({}))
            .file("given", &format!("{STREAM}{state}\n"))
            .arguments(&["--input", "given"])
            .shows_nothing();
        assert_eq!(code, Some(1), "{stderr}");
        assert!(
            stderr.contains("line 4: the value of the STATE holds"),
            "{stderr}"
        );
        assert!(!stderr.contains("of no known form"), "{stderr}");
    }
}

#[test]
fn in_files_of_credentials_that_can_t_be_used() {
    for line_end in ["\n", "\\n", "\\\\n", "", " ", "\r\n"] {
        let mut content = credentials();
        content["private_key"] = json!(key(line_end));
        let bucket = json!({
            "destination": "gs://b", "endpoint": "https://127.0.0.1:9", "credentials_file": "given",
        });
        let text = content.to_string();
        for text in [
            text.as_str(),
            &text[1..],
            &text[..text.len() - 1],
            &key(line_end),
            TOKEN,
        ] {
            Mistake::target(format!("{text:?}"), &bucket)
                .file("given", text)
                .shows_nothing();
        }
        content["type"] = json!(key(line_end));
        Mistake::target("type", &bucket)
            .file("given", &content.to_string())
            .must_be_refused();
    }
}
