//! `target-gcs` into a bucket: the same tree as a directory, the order of a commit, large objects,
//! state objects, and what the service is told.

use crate::harness::{Target, data_by_stream, normalised, record, schema, state};
use serde_json::{Value, json};
use simulators::gcs::{Gcs, Kind};

fn two_streams() -> String {
    schema("contacts")
        + &record("contacts", json!({ "id": 1 }))
        + &schema("test:Special!")
        + &record("test:Special!", json!({ "id": "é" }))
        + &state("contacts", json!({ "updated_at": 1_763_800_000 }))
}

#[test]
fn a_bucket_gets_the_same_tree_as_a_directory() {
    let service = Gcs::start("lake");
    let bucket = Target::gcs(&service);
    let directory = Target::local();
    let lines = bucket.run(two_streams()).stdout;
    assert_eq!(directory.run(two_streams()).stdout, lines);
    assert_eq!(
        lines,
        "{\"bookmarks\":{\"contacts\":{\"updated_at\":1763800000}}}\n"
    );
    assert_eq!(
        normalised(&service.objects()),
        normalised(&directory.files())
    );
    assert_eq!(service.objects().len(), 3);
    assert_eq!(
        bucket.read_state(&[]).stdout,
        directory.read_state(&[]).stdout
    );
    assert_eq!(service.open_sessions(), 0);
}

#[test]
fn a_prefix_comes_before_everything() {
    let service = Gcs::start("intercom-prod");
    service.put("other/_intercom_state/x_state.json", "not ours");
    let target = Target::gcs(&service)
        .with("destination", "gs://intercom-{env}/raw/intercom/")
        .with("environment", "prod");
    target.run(two_streams()).succeeded();
    let objects = service.objects();
    assert_eq!(
        objects
            .keys()
            .filter(|name| name.starts_with("raw/intercom/"))
            .count(),
        3
    );
    assert!(objects.contains_key("raw/intercom/_intercom_state/contacts_state.json"));
    let read = target.read_state(&[]);
    assert_eq!(
        read.stdout,
        "{\"bookmarks\":{\"contacts\":{\"updated_at\":1763800000}}}\n"
    );
}

#[test]
fn state_follows_data() {
    let service = Gcs::start("lake");
    Target::gcs(&service).run(two_streams()).succeeded();
    let log = service.log();
    let writes: Vec<(Kind, bool)> = log
        .iter()
        .filter(|request| matches!(request.kind, Kind::Start | Kind::LastChunk))
        .map(|request| (request.kind, request.object.starts_with("_intercom_state/")))
        .collect();
    assert_eq!(writes.len(), 6);
    // Both data objects are complete before the state's session is even begun.
    assert_eq!(writes[4..], [(Kind::Start, true), (Kind::LastChunk, true)]);
    assert!(writes[..4].iter().all(|(_, is_state)| !is_state));
    for request in log.iter().filter(|request| request.kind == Kind::Start) {
        assert!(
            request
                .query
                .contains(&("ifGenerationMatch".into(), "0".into()))
        );
    }
}

#[test]
fn state_objects_are_replaced_by_generation() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let input = |at: u32| {
        schema("s") + &record("s", json!({ "id": at })) + &state("s", json!({ "at": at }))
    };
    target.run(input(1)).succeeded();
    target.run(input(2)).succeeded();
    let log = service.log();
    let last_state_write = log
        .iter()
        .rfind(|request| {
            request.kind == Kind::Start && request.object.starts_with("_intercom_state/")
        })
        .unwrap();
    let (_, generation) = &last_state_write.query[2];
    assert!(
        generation.parse::<i64>().unwrap() > 1_000_000,
        "{:?}",
        last_state_write.query
    );
    // With nothing new, no object is touched at all.
    let writes = || {
        service
            .log()
            .iter()
            .filter(|request| request.kind == Kind::Start)
            .count()
    };
    let before = writes();
    target
        .run(schema("s") + &state("s", json!({ "at": 2 })))
        .succeeded();
    assert_eq!(writes(), before);
}

#[test]
fn several_commits_in_one_run_replace_their_own_state() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service).with("flush_interval_seconds", 0);
    let mut input = schema("s");
    for at in 0..5 {
        input += &(record("s", json!({ "id": at })) + &state("s", json!({ "at": at })));
    }
    let run = target.run(input);
    assert_eq!(run.succeeded().len(), 5);
    assert_eq!(service.objects().len(), 6, "five files and one state");
    assert_eq!(
        target.read_state(&[]).stdout,
        "{\"bookmarks\":{\"s\":{\"at\":4}}}\n"
    );
}

#[test]
fn large_objects_go_in_chunks() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let mut input = schema("s");
    for id in 0..30 {
        input += &record("s", json!({ "id": id, "text": "x".repeat(1_000_000) }));
        if id % 7 == 0 {
            input += &state("s", json!({ "at": id }));
        }
    }
    target.run(input).succeeded();
    let objects = service.objects();
    assert_eq!(data_by_stream(&objects)["s"].lines().count(), 30);
    let chunks: Vec<String> = service
        .log()
        .into_iter()
        .filter(|request| request.kind == Kind::Chunk)
        .filter_map(|request| request.content_range)
        .collect();
    assert!(
        chunks.contains(&"bytes 0-8388607/*".to_owned()),
        "{chunks:?}"
    );
    assert_eq!(service.open_sessions(), 0);
}

#[test]
fn many_streams_share_the_memory_for_chunks() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let mut input = String::new();
    for stream in 0..40 {
        input += &schema(&format!("s{stream}"));
    }
    for row in 0..4 {
        for stream in 0..40 {
            input += &record(
                &format!("s{stream}"),
                json!({ "id": row, "text": "x".repeat(700_000) }),
            );
        }
    }
    target.run(input).succeeded();
    let data = data_by_stream(&service.objects());
    assert_eq!(data.len(), 40);
    assert!(data.values().all(|text| text.lines().count() == 4));
}

#[test]
fn state_listings_come_in_pages() {
    let service = Gcs::start("lake");
    service.set_page_size(2);
    let target = Target::gcs(&service);
    let bookmarks: serde_json::Map<String, Value> = (0..7)
        .map(|number| (format!("stream{number}"), json!({ "at": number })))
        .collect();
    let line = json!({ "type": "STATE", "value": { "bookmarks": bookmarks } });
    target.run(format!("{line}\n")).succeeded();
    let read: Value = serde_json::from_str(target.read_state(&[]).succeeded()[0]).unwrap();
    assert_eq!(read, json!({ "bookmarks": bookmarks }));
    assert_eq!(
        service
            .log()
            .iter()
            .filter(|request| request.kind == Kind::List)
            .count(),
        1 + 4
    );
}

#[test]
fn settings_reach_the_objects() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service)
        .with("storage_class", "NEARLINE")
        .with(
            "kms_key_name",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        )
        .with("object_metadata", json!({ "owner": "data" }))
        .with("compression", "gzip");
    target.run(two_streams()).succeeded();
    let objects = service.objects();
    let data = objects
        .keys()
        .find(|name| name.starts_with("contacts/"))
        .unwrap();
    assert!(data.ends_with(".json.gz"));
    let expected = json!({
        "contentType": "application/gzip", "storageClass": "NEARLINE",
        "metadata": { "owner": "data" },
        "kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
    });
    assert_eq!(service.metadata(data), expected);
    let state = service.metadata("_intercom_state/contacts_state.json");
    assert_eq!(state, json!({ "contentType": "application/json" }));
}

#[test]
fn the_emulator_variable_names_the_endpoint() {
    let service = Gcs::start("lake");
    for host in [
        service.base_url(),
        service.base_url().replace("http://", ""),
    ] {
        let target = Target::local().with("destination", "gs://lake");
        let mut command = target.command();
        command
            .env("STORAGE_EMULATOR_HOST", host)
            .arg("--read-state");
        // A proxy that does not exist: loopback must not go through it.
        command
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("HTTPS_PROXY", "http://127.0.0.1:9");
        let output = command.output().unwrap();
        assert_eq!(str::from_utf8(&output.stdout).unwrap(), "{}\n");
    }
}

#[test]
fn plain_http_is_sent_no_credentials() {
    let service = Gcs::start("lake");
    let target = Target::gcs(&service);
    let key = target.folder.path().join("key.json");
    std::fs::write(
        &key,
        r#"{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}"#,
    )
    .unwrap();
    let target = target.with("credentials_file", key.to_str().unwrap());
    target.run(two_streams()).succeeded();
    assert!(
        service
            .log()
            .iter()
            .all(|request| request.authorization.is_none())
    );
}
