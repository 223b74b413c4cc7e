//! Settings that can't be used are named before any request, and the token never shows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Run, Tap, assert_whole};
use simulators::http::{AUTHORITY, Reply, Server, TlsFront};
use simulators::log::without_times;
use simulators::workspace::{Fault, FaultKind, Settings, When, Workspace};

const SECRET: &str = "dG9rOjEyMzQ1Njc4";

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 30,
        conversations: 10,
        calls: 20,
        token: SECRET.to_owned(),
        ..Settings::default()
    })
}

fn refused(key: &str, value: impl Into<Value>) -> String {
    let workspace = workspace();
    let run = Tap::of(&workspace).set(key, value).run().exited(2);
    assert_eq!((run.stdout.as_str(), workspace.requests().len()), ("", 0));
    assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
    run.stderr
}

#[test]
fn a_bad_value_is_named_with_what_is_allowed() {
    insta::assert_snapshot!(refused("page_size", 151), @"ERROR setting `page_size` is 151, but must be a whole number from 1 to 150");
    insta::assert_snapshot!(refused("concurrency", "many"), @r#"ERROR setting `concurrency` is "many", but must be a whole number from 1 to 256"#);
    insta::assert_snapshot!(refused("max_attempts", 0), @"ERROR setting `max_attempts` is 0, but must be a whole number from 1 to 100");
    insta::assert_snapshot!(refused("lookback_seconds", -1), @"ERROR setting `lookback_seconds` is -1, but must be a whole number from 0 to 31536000");
    insta::assert_snapshot!(refused("region", "asia"), @r#"ERROR setting `region` is "asia", but must be one of "us", "eu", "au""#);
    insta::assert_snapshot!(refused("start_date", "last week"), @r#"ERROR setting `start_date` is "last week", but must be a date (2024-01-31) or an RFC 3339 instant (2024-01-31T00:00:00Z)"#);
    insta::assert_snapshot!(refused("base_url", "api.intercom.io"), @r#"ERROR setting `base_url` is "api.intercom.io", but must be an http or https URL such as https://api.intercom.io"#);
    insta::assert_snapshot!(refused("access_token", ""), @"ERROR setting `access_token` is a value that is not shown, but must be a string that isn't empty");
    insta::assert_snapshot!(refused("access_token", json!([SECRET])), @"ERROR setting `access_token` is a value that is not shown, but must be a string that isn't empty");
}

#[test]
fn what_becomes_a_header_is_checked_as_one() {
    insta::assert_snapshot!(refused("user_agent", "tap\n"), @r#"ERROR setting `user_agent` is "tap\n", but must be plain ASCII characters without line breaks, since it is sent as a header"#);
    insta::assert_snapshot!(refused("user_agent", "täp"), @r#"ERROR setting `user_agent` is "täp", but must be plain ASCII characters without line breaks, since it is sent as a header"#);
    insta::assert_snapshot!(refused("api_version", "2.17\r\nX: y"), @r#"ERROR setting `api_version` is "2.17\r\nX: y", but must be plain ASCII characters without line breaks, since it is sent as a header"#);
    for token in ["  ", "to\nken-of-a-workspace", "tökən-of-a-workspace"] {
        let told = refused("access_token", token);
        assert!(told.starts_with("ERROR setting `access_token` is a value that is not shown"));
        assert!(!told.contains("of-a-workspace"), "{told}");
    }
}

#[test]
fn white_space_around_the_token_is_none_of_it() {
    let workspace = workspace();
    for token in [format!("{SECRET}\n"), format!(" \t{SECRET}\r\n")] {
        let run = Tap::of(&workspace).set("access_token", token).run().ok();
        assert_whole(&workspace, [&run], &["contacts"]);
    }
}

#[test]
fn a_base_url_holds_a_host_and_no_secret() {
    for url in [
        "https://user:hidden-word@api.intercom.io",
        "https://user:hidden word@api.intercom.io",
        "https://api.intercom.io/#fragment",
        "https://api.intercom.io?x=1",
        "ftp://api.intercom.io",
        "https://",
    ] {
        let told = refused("base_url", url);
        assert!(told.starts_with("ERROR setting `base_url` is "), "{told}");
        assert!(!told.contains("hidden"), "{told}");
    }
    let workspace = workspace();
    let run = Tap::of(&workspace).run().ok();
    assert!(!run.stderr.contains("not encrypted"), "{}", run.stderr);
    let run = Tap::of(&workspace)
        .set("base_url", "http://intercom.invalid")
        .set("max_attempts", 1)
        .run()
        .exited(1);
    assert!(
        run.stderr.starts_with("WARN `base_url` is not encrypted"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_host_that_is_not_there_ends_the_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for url in ["https://api.intercom.invalid", closed.as_str()] {
        let started = std::time::Instant::now();
        let workspace = workspace();
        let run = Tap::of(&workspace).set("base_url", url).run().exited(1);
        assert!(started.elapsed() < Duration::from_secs(30));
        let error = run.stderr.rsplit("ERROR ").next().unwrap();
        assert!(
            error.starts_with(&format!("{url} can't be reached: ")),
            "{error}"
        );
        let host = url.split("//").nth(1).unwrap().split(':').next().unwrap();
        for word in [host, "`base_url`", "HTTPS_PROXY", "hint: "] {
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn a_certificate_that_isn_t_trusted_ends_the_run_at_once_and_one_vouched_for_doesn_t() {
    let workspace = workspace();
    let front = TlsFront::start(&workspace.base_url());
    let tap = Tap::of(&workspace)
        .set("base_url", front.base_url())
        .streams(&["admins", "teams"]);
    let run = tap.run().exited(1);
    let error = run.stderr.rsplit("ERROR ").next().unwrap();
    assert!(
        error.starts_with("the certificate of localhost isn't trusted: "),
        "{error}"
    );
    assert!(error.contains("SSL_CERT_FILE"), "{error}");
    assert!(workspace.requests().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, AUTHORITY).unwrap();
    let tap = tap.env("SSL_CERT_FILE", authority.to_str().unwrap());
    let run = tap.run().ok();
    assert_eq!(run.ids("admins"), workspace.ids("admins"));
}

#[test]
fn what_a_server_says_is_told_short_and_plain_and_never_with_the_token() {
    let server = Server::start(|request| {
        let token = request.header("Authorization").unwrap_or_default();
        let message = format!(
            "{}{token} \u{1b}[2J\nERROR forged {}",
            "x".repeat(270),
            "y".repeat(5000)
        );
        let error = json!({"errors": [{"code": token, "message": message}]});
        match request.path.as_str() {
            "/me" => Reply::json(200, "{}"),
            "/admins" => Reply::json(403, error.to_string()),
            "/teams" => Reply::json(200, format!("{{{token}")),
            "/tags" => Reply::empty(302).header("Location", token),
            _ => Reply::new(
                404,
                "text/html",
                format!("<b>{token}\u{7}</b>\nERROR forged"),
            ),
        }
    });
    let workspace = workspace();
    for format in ["text", "json"] {
        let run = Tap::of(&workspace)
            .set("base_url", server.base_url())
            .set("max_attempts", 1)
            .argument("--log-format")
            .argument(format)
            .run()
            .exited(1);
        assert!(run.stderr.contains("***"), "{}", run.stderr);
        assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
        assert!(!run.stderr.contains(&SECRET[..8]), "{}", run.stderr);
        assert!(!run.stderr.contains("\nERROR forged"), "{}", run.stderr);
        let is_shown = |letter: char| letter == '\n' || !letter.is_control();
        assert!(run.stderr.chars().all(is_shown), "{:?}", run.stderr);
        assert!(!run.stderr.contains(&"y".repeat(300)), "{}", run.stderr);
    }
}

#[test]
fn an_end_before_the_start_is_refused() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .set("start_date", "2024-02-01")
        .set("end_date", "2024-01-01")
        .run()
        .exited(2);
    insta::assert_snapshot!(run.stderr, @"ERROR setting `end_date` is 2024-01-01T00:00:00Z, but must be later than `start_date`");
}

#[test]
fn a_missing_token_is_named_with_where_to_put_it() {
    let workspace = workspace();
    let run = Tap::of(&workspace).unset("access_token").run().exited(2);
    insta::assert_snapshot!(run.stderr, @"
    ERROR setting `access_token` is missing
    hint: put it into a file given with --config, or set TAP_INTERCOM_ACCESS_TOKEN, which is read with --config ENV or without any --config
    ");
}

#[test]
fn a_configuration_that_is_no_json_is_refused_without_being_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let run = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tap-intercom"))
            .env_clear()
            .arg("--config")
            .arg(&path)
            .output()
            .unwrap();
        let stderr = without_times(&output.stderr);
        (
            output.status.code(),
            stderr.replace(path.to_str().unwrap(), "config.json"),
        )
    };
    let (exit_code, stderr) = run(&format!(r#"{{"access_token": {SECRET}}}"#));
    assert_eq!(exit_code, Some(2));
    insta::assert_snapshot!(stderr, @"ERROR the configuration file config.json isn't valid JSON (line 1, column 18)");
    let (exit_code, stderr) = run(&format!(r#"["{SECRET}"]"#));
    assert_eq!(exit_code, Some(2));
    insta::assert_snapshot!(stderr, @"ERROR the configuration file config.json must hold one JSON object");
    std::fs::remove_file(&path).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tap-intercom"))
        .env_clear()
        .args(["--config", "/nowhere/config.json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(without_times(&output.stderr), @"ERROR the configuration file /nowhere/config.json can't be read: No such file or directory (os error 2)");
}

#[test]
fn an_unknown_key_is_warned_of_and_the_run_goes_on() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .set("page_sise", 10)
        .set("zzz", 1)
        .streams(&["contacts"])
        .run()
        .ok();
    let warnings: Vec<&str> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("WARN unknown setting "))
        .collect();
    assert_eq!(warnings.len(), 2, "{}", run.stderr);
    assert!(warnings[0].starts_with("`page_sise` in "), "{warnings:?}");
    assert!(warnings[0].ends_with(" is ignored; did you mean `page_size`?"));
    assert!(warnings[1].ends_with(" is ignored"), "{warnings:?}");
}

#[test]
fn settings_come_from_the_environment_too() {
    let workspace = workspace();
    let run = Tap::of(&workspace)
        .unset("access_token")
        .argument("--config")
        .argument("ENV")
        .env("TAP_INTERCOM_ACCESS_TOKEN", SECRET)
        .env("TAP_INTERCOM_PAGE_SIZE", "10")
        .streams(&["contacts"])
        .run()
        .ok();
    assert_eq!(run.ids("contacts"), workspace.ids("contacts"));
    assert_eq!(
        workspace.requests()[0].json()["pagination"]["per_page"],
        json!(10)
    );
}

#[test]
fn the_token_shows_in_no_output() {
    let workspace = workspace();
    for kind in [
        FaultKind::Html(502),
        FaultKind::ResetBefore,
        FaultKind::Redirect(
            format!("http://elsewhere.invalid/?token={SECRET}").replace(SECRET, "t"),
        ),
        FaultKind::Status(400, "parameter_invalid".into(), "no".into()),
        FaultKind::Status(401, "unauthorized".into(), "no".into()),
        FaultKind::StallMidBody(Duration::from_secs(2)),
    ] {
        workspace.clear_faults();
        workspace.inject(Fault::new("/co", When::Every(2), kind.clone()));
        // Whichever of them are second, a stream fails.
        workspace.inject(Fault::new("/contacts/search", When::Always, kind));
        for level in ["DEBUG", "TRACE"] {
            let run = Tap::of(&workspace)
                .set("max_attempts", 1)
                .set("request_timeout_seconds", 1)
                .env("LOGLEVEL", level)
                .env("RUST_LOG", "trace")
                .run();
            // Searches get over what fails once.
            assert!(matches!(run.exit_code, Some(0 | 1)), "{}", run.stderr);
            assert_no_secret(&run);
        }
    }
}

fn assert_no_secret(run: &Run) {
    for (name, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        assert!(!text.contains(SECRET), "the token is in {name}");
    }
}

/// A host that must not be asked for anything with the token.
fn another_host() -> (Server, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let server = Server::start({
        let asked = asked.clone();
        move |request| {
            let token = request.header("Authorization").unwrap_or("no token");
            asked
                .lock()
                .unwrap()
                .push(format!("{} {token}", request.path));
            Reply::json(200, r#"{"type":"list","data":[],"pages":{}}"#)
        }
    });
    (server, asked)
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, asked) = another_host();
    let workspace = workspace();
    let url = format!("{}/contacts/search", elsewhere.base_url());
    workspace.inject(Fault::new(
        "/contacts/search",
        When::Always,
        FaultKind::Redirect(url),
    ));
    let run = Tap::of(&workspace).streams(&["contacts"]).run().exited(1);
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
    assert!(
        run.stderr
            .contains("which is not followed, since the token is for"),
        "{}",
        run.stderr
    );
    assert_eq!(workspace.requests().len(), 1);
}

#[test]
fn a_transcript_on_another_host_is_asked_of_the_configured_one() {
    let (elsewhere, asked) = another_host();
    let workspace = Workspace::start(Settings {
        calls: 40,
        foreign_transcripts_every: 2,
        foreign_host: elsewhere.base_url(),
        ..Settings::default()
    });
    let run = Tap::of(&workspace).streams(&["calls"]).run().ok();
    assert!(run.stdout.contains(&elsewhere.base_url()));
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
    crate::harness::assert_whole(&workspace, [&run], &["calls", "call_transcriptions"]);
}
