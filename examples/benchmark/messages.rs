//! The input of the target's rows.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use intercom_singer::internals::tap::records::{Contact, schema_of};
use serde_json::{Map, Value, json};

use crate::Bench;

/// A file of messages: `count` records of `size` bytes, in `streams` streams by turns, with a STATE
/// after every 1,000. Gives the bytes of the file.
pub fn messages(bench: &Bench, count: usize, size: usize, streams: usize) -> u64 {
    let path = bench.path("messages");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a file"));
    let schema = schema_of::<Contact>();
    for stream in 0..streams {
        let message = json!({"type": "SCHEMA", "stream": format!("contacts_{stream}"),
            "schema": schema, "key_properties": ["id"]});
        writeln!(file, "{message}").expect("the disk has room");
    }
    let rest = rest_of_record(size);
    for number in 0..count {
        writeln!(
            file,
            r#"{{"type":"RECORD","stream":"contacts_{}","record":{{{},{rest}}},"time_extracted":"2026-01-31T06:00:00.000Z"}}"#,
            number % streams,
            start_of_record(number),
        )
        .expect("the disk has room");
        if number % 1000 == 999 {
            writeln!(
                file,
                r#"{{"type":"STATE","value":{{"bookmarks":{{"contacts_0":{{"updated_at":{number}}}}}}}}}"#
            )
            .expect("the disk has room");
        }
    }
    file.flush().expect("the disk has room");
    fs::metadata(&path).expect("it was written").len()
}

/// The members in which records differ; always of the same length.
fn start_of_record(number: usize) -> String {
    format!(
        r#""type":"contact","id":"{number:024x}","email":"ana.{number:07}@example.test","updated_at":{}"#,
        1_700_000_000 + number
    )
}

/// The members that fill a record to `size` bytes: attributes and tags, half text and half structure,
/// as in real contacts.
fn rest_of_record(size: usize) -> String {
    let room = size - start_of_record(0).len() - "{,}".len();
    let mut count = 0;
    while further_members(count + 1, "").len() <= room {
        count += 1;
    }
    let missing = room - further_members(count, "").len();
    further_members(count, &"n".repeat(missing))
}

fn further_members(count: usize, name: &str) -> String {
    let tags: Vec<Value> = (0..count)
        .map(|index| {
            json!({"id": index.to_string(), "type": "tag", "url": format!("/tags/{index}"), "name": "a tag"})
        })
        .collect();
    let attributes: Map<String, Value> = (0..count)
        .map(|index| {
            (
                format!("attribute_{index}"),
                json!("some words, and \"more\" of them"),
            )
        })
        .collect();
    let object = json!({
        "role": "user", "name": name, "owner_id": null, "has_hard_bounced": false,
        "tags": {"type": "list", "data": tags}, "custom_attributes": attributes,
    })
    .to_string();
    object[1..object.len() - 1].to_owned()
}
