//! How fast the pure rooms are, one by one: what the whole programs' figures are made of.

use std::hint::black_box;
use std::time::Duration;

use chrono::DateTime;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use intercom_singer::internals::Message;
use intercom_singer::internals::Validator;
use intercom_singer::internals::tap::page::{Names, Page};
use intercom_singer::internals::tap::records::{Contact, schema_of};
use intercom_singer::internals::target::PathTemplate;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Records of these sizes, in bytes.
const SIZES: [usize; 3] = [300, 1_700, 20_000];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    messages(&mut criterion);
    validation(&mut criterion);
    page(&mut criterion);
    object_name(&mut criterion);
    criterion.final_summary();
}

/// A line of the input becoming a message; beside it the same by `serde_json`, which the program
/// falls back to for lines of unusual form.
fn messages(criterion: &mut Criterion) {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only made")]
    struct Fields<'a> {
        #[serde(rename = "type", borrow)]
        kind: &'a str,
        #[serde(borrow)]
        stream: &'a str,
        #[serde(borrow)]
        record: &'a RawValue,
        #[serde(borrow)]
        time_extracted: &'a RawValue,
    }

    let mut group = criterion.benchmark_group("a RECORD line");
    for size in SIZES {
        let line = format!(
            r#"{{"type":"RECORD","stream":"contacts","record":{},"time_extracted":"2026-01-31T06:00:00.000Z"}}"#,
            contact(size)
        );
        group.throughput(Throughput::Bytes(line.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("Message::parse", size),
            &line,
            |it, line| {
                it.iter(|| {
                    let message = Message::parse(black_box(line.as_bytes()));
                    assert!(matches!(message, Ok(Message::Record(_))));
                    message
                });
            },
        );
        group.bench_with_input(BenchmarkId::new("serde_json", size), &line, |it, line| {
            it.iter(|| {
                let fields: Result<Fields, _> = serde_json::from_slice(black_box(line.as_bytes()));
                fields.expect("a message")
            });
        });
    }
    group.finish();
}

/// A record against the schema of contacts; beside it the making of a tree of `Value`s, which
/// checking by the usual way would begin with.
fn validation(criterion: &mut Criterion) {
    let schema = RawValue::from_string(schema_of::<Contact>().to_string()).expect("it is JSON");
    let validator = Validator::from_text(schema.get()).expect("a schema");
    let mut group = criterion.benchmark_group("a record");
    for size in SIZES {
        let record = contact(size);
        assert_eq!(validator.check(&record), Ok(()));
        group.throughput(Throughput::Bytes(record.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("Validator::check", size),
            &record,
            |it, record| it.iter(|| validator.check(black_box(record))),
        );
        group.bench_with_input(
            BenchmarkId::new("serde_json's Value", size),
            &record,
            |it, record| {
                it.iter(|| {
                    let tree: Result<Value, _> = serde_json::from_str(black_box(record));
                    tree.expect("it is JSON")
                });
            },
        );
    }
    group.finish();
}

/// The answer to a search becoming rows.
fn page(criterion: &mut Criterion) {
    let body = format!(
        r#"{{"type":"list","data":[{}],"total_count":150,"pages":{{"type":"pages","page":1,"per_page":150,"total_pages":1}}}}"#,
        vec![contact(1_700); 150].join(",")
    );
    let body = body.into_bytes();
    let mut group = criterion.benchmark_group("an answer");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("Page::parse, 150 contacts", |it| {
        it.iter_batched(
            || body.clone(),
            |body| {
                let page = Page::parse(body, Names::USUAL).expect("a page");
                assert_eq!(page.rows.len(), 150);
                page
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// The name of a new file.
fn object_name(criterion: &mut Criterion) {
    let template = "{stream}/year={year}/month={month}/day={day}/{stream}_{timestamp}.json";
    let template = PathTemplate::parse(template, None).expect("a template");
    let opened_at = DateTime::from_timestamp_micros(1_769_839_200_123_456).expect("an instant");
    criterion.bench_function("PathTemplate::render", |it| {
        it.iter(|| template.render(black_box("conversation_parts"), black_box(opened_at)));
    });
}

/// A contact of about that many bytes: attributes and tags, half text and half structure, as in
/// real ones.
fn contact(size: usize) -> String {
    let of = |count: usize| {
        let tags: Vec<Value> = (0..count)
            .map(|index| json!({"id": index.to_string(), "type": "tag", "url": format!("/tags/{index}")}))
            .collect();
        let attributes: Map<String, Value> = (0..count)
            .map(|index| {
                (
                    format!("attribute_{index}"),
                    json!("some words, and \"more\" of them"),
                )
            })
            .collect();
        json!({
            "type": "contact", "id": "65b9c0f2a1d4e83b7c6f5a90", "email": "ana@example.test",
            "updated_at": 1_700_000_000, "role": "user", "name": "Ana", "owner_id": null,
            "tags": {"type": "list", "data": tags}, "custom_attributes": attributes,
        })
        .to_string()
    };
    let mut count = 0;
    while of(count + 1).len() <= size {
        count += 1;
    }
    of(count)
}
