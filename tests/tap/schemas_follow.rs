//! Whatever the API sends, every record is valid by the last schema of its stream, and no property
//! of it is unknown where properties are enumerated.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use intercom_singer::internals::tap::streams::{self, Child, ChildAnswer, ChildSource, Paging};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::harness::{Run, Tap, side_by_side};
use simulators::workspace::{Settings, Workspace};

/// What a property is served as in the place of what it should be.
fn odd_values() -> [Value; 9] {
    [
        json!("text"),
        json!(7),
        json!(0.5),
        json!(true),
        Value::Null,
        json!([]),
        json!([null, {"odd": [1]}, "x"]),
        json!({}),
        json!({"odd": {"a/b~c\u{1b}": null, "$ref": 1}, "type": "object"}),
    ]
}

/// The lists of an answer that hold records: those at its top, and those of a parent's answer.
fn for_each_record(answer: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    for (holder, list) in [
        ("conversation_parts", "conversation_parts"),
        ("ticket_parts", "ticket_parts"),
    ] {
        let list = answer
            .get_mut(holder)
            .and_then(|holder| holder.get_mut(list));
        if let Some(Value::Array(records)) = list {
            records
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(&mut *change);
            return;
        }
    }
    let lists = match answer {
        Value::Object(members) => members.values_mut().collect(),
        list => vec![list],
    };
    for list in lists.into_iter().filter_map(Value::as_array_mut) {
        list.iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(&mut *change);
    }
}

/// The paths of all that is in a record, but for the keys that it is known by.
fn paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(place, value)| (place.to_string(), value))
            .collect(),
        _ => return,
    };
    for (step, value) in members {
        let path = format!("{path}/{step}");
        if !["/id", "/call_id", "/conversation_id"].contains(&path.as_str()) {
            paths.push(path.clone());
        }
        self::paths(value, &path, paths);
    }
}

fn is_enumerated(schema: &Value) -> bool {
    schema["properties"].is_object() && schema.get("additionalProperties").is_none()
}

/// Panics over a property that the schema doesn't know where it enumerates them.
fn assert_declared(stream: &str, schema: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match schema["properties"].get(name) {
                    Some(property) => assert_declared(stream, property, value),
                    None => assert!(!is_enumerated(schema), "{stream}: {name} in {schema}"),
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                assert_declared(stream, &schema["items"], element);
            }
        }
        _ => {}
    }
}

/// Checks every record of a run against the SCHEMA before it, by a validator that is none of ours.
/// Gives the number of records and of SCHEMAs of each stream.
fn assert_follows(run: &Run) -> BTreeMap<String, (usize, usize)> {
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(rename = "type")]
        kind: String,
        stream: Option<String>,
        #[serde(default)]
        schema: Value,
        #[serde(borrow)]
        record: Option<&'a RawValue>,
    }
    let mut last: BTreeMap<String, (Value, jsonschema::Validator)> = BTreeMap::new();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in run.stdout.lines() {
        let message: Message<'_> = serde_json::from_str(line).unwrap();
        let Some(stream) = message.stream else {
            continue;
        };
        let count = counts.entry(stream.clone()).or_default();
        if message.kind == "SCHEMA" {
            count.1 += 1;
            let validator = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft7)
                .should_validate_formats(true)
                .build(&message.schema)
                .unwrap();
            last.insert(stream, (message.schema, validator));
            continue;
        }
        count.0 += 1;
        let (schema, validator) = &last[&stream];
        let record: Value = serde_json::from_str(message.record.unwrap().get()).unwrap();
        if let Some(error) = validator.iter_errors(&record).next() {
            panic!("{stream}: {}: {error} in {record}", error.instance_path());
        }
        assert_declared(&stream, schema, &record);
    }
    counts
}

fn workspace() -> Workspace {
    Workspace::start(Settings {
        contacts: 200,
        conversations: 120,
        calls: 60,
        articles: 60,
        collections: 40,
        tickets: 60,
        companies: 60,
        macros: 40,
        activity_logs: 40,
        contact_activities: 40,
        long_lists_every: 20,
        ..Settings::default()
    })
}

/// Every stream that the API has an answer for, and what is read along with it.
fn names() -> Vec<&'static str> {
    streams::all()
        .filter(|stream| !matches!(stream.paging, Paging::FoundByAudits))
        .flat_map(|stream| {
            let children = stream.children.iter().map(|child| child.name);
            std::iter::once(stream.name).chain(children)
        })
        .collect()
}

/// Whether a stream's answers hold lists of objects, in which the odd ones are.
fn is_list(name: &str) -> bool {
    let mut all = streams::all();
    let is_single = |child: &Child| match child.source {
        ChildSource::Request(request) => matches!(
            request.answer,
            ChildAnswer::EachOf { .. } | ChildAnswer::Part(_) | ChildAnswer::Object
        ),
        ChildSource::Inside(_) => false,
        ChildSource::SameExport(_) => true,
    };
    !all.any(|stream| {
        let mut children = stream.children.iter();
        let is_own = matches!(
            stream.paging,
            Paging::Object | Paging::Texts | Paging::ExportJobs(_)
        ) && stream.name == name;
        is_own || children.any(|child| child.name == name && is_single(child))
    })
}

fn tap(workspace: &Workspace) -> Tap {
    let mut tap = Tap::of(workspace).streams(&names()).set("max_attempts", 2);
    for (key, value) in workspace.config().as_object().unwrap() {
        tap = tap.set(key, value.clone());
    }
    tap
}

fn number_of(record: &Map<String, Value>) -> usize {
    let mut hasher = DefaultHasher::new();
    // What has no id is told apart by all that it says.
    let whole = || Value::from(record.clone()).to_string();
    let id = record.get("id").map_or_else(whole, Value::to_string);
    id.hash(&mut hasher);
    usize::try_from(hasher.finish() % 1_000_003).unwrap()
}

/// In every record one thing is odd, at whatever depth, and unknown properties are everywhere.
fn serve_odd(workspace: &Workspace, round: usize) {
    let odd = odd_values();
    workspace.rewrite(move |request, body| {
        // What datasets there are is no record.
        if request.path.ends_with("/get_datasets") {
            return body;
        }
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
            return body;
        };
        for_each_record(&mut answer, &mut |record| {
            let number = number_of(record);
            let mut value = Value::Object(std::mem::take(record));
            let mut all = Vec::new();
            paths(&value, "", &mut all);
            all.sort();
            if let Some(path) = all.get(number % all.len().max(1)) {
                *value.pointer_mut(path).unwrap() = odd[(number + round) % odd.len()].clone();
            }
            add_unknown(&mut value, &odd[(number / 7 + round) % odd.len()]);
            if let Value::Object(members) = value {
                *record = members;
            }
        });
        answer.to_string().into_bytes()
    });
}

/// Adds a property to every object.
fn add_unknown(value: &mut Value, odd: &Value) {
    match value {
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|value| add_unknown(value, odd));
            members.insert("unknown \"property\"".to_owned(), odd.clone());
        }
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|value| add_unknown(value, odd)),
        _ => {}
    }
}

#[test]
fn every_record_is_valid_by_the_last_schema_whatever_is_served() {
    side_by_side(0..odd_values().len(), |round| {
        let workspace = workspace();
        serve_odd(&workspace, round);
        let run = tap(&workspace).run();
        let counts = assert_follows(&run);
        for name in names() {
            let (records, schemas) = counts.get(name).copied().unwrap_or_default();
            assert!(records > 0, "{name}: nothing came: {}", run.stderr);
            assert!(
                schemas > 1 || !is_list(name),
                "{name}: its schema didn't grow"
            );
        }
        let told = run.stderr.matches("schema contacts: ").count();
        assert!(told > 2, "{}", run.stderr);
        assert!(run.stderr.contains(r#""metric":"schema_change""#));
        assert!(!run.stderr.contains('\u{1b}'));
    });
}

#[test]
fn schemas_that_are_not_to_follow_stay_as_declared() {
    let workspace = workspace();
    serve_odd(&workspace, 0);
    let run = tap(&workspace).set("schema_changes", "ignore").run();
    let is_caught = std::panic::catch_unwind(|| assert_follows(&run)).is_err();
    assert!(is_caught, "the check above can't fail");
    assert!(!run.stderr.contains("schema contacts: "));
    let schemas = run.stdout.matches(r#"{"type":"SCHEMA""#).count();
    assert_eq!(schemas, names().len());
}

/// Contacts with a picture as text, whose page comes after others.
#[test]
fn a_schema_is_sent_again_once_a_page_before_its_first_record() {
    let workspace = Workspace::start(Settings {
        contacts: 100,
        ..Settings::default()
    });
    workspace.rewrite(|_, body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        for_each_record(&mut answer, &mut |record| {
            record.insert("os".into(), json!([1]));
            record.insert("plan".into(), json!("gold"));
        });
        answer.to_string().into_bytes()
    });
    let tap = Tap::of(&workspace)
        .streams(&["contacts"])
        .set("page_size", 10);
    let run = tap.run().ok();
    let kinds: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split('"').nth(3))
        .take(3)
        .collect();
    assert_eq!(kinds, ["SCHEMA", "SCHEMA", "RECORD"]);
    assert_eq!(assert_follows(&run)["contacts"], (100, 2));
    let told: Vec<&str> = run
        .stderr
        .lines()
        .filter_map(|line| line.split_once("schema contacts: "))
        .map(|(_, told)| told)
        .collect();
    assert_eq!(
        told,
        ["/os may be an array", "/plan is new and may be a string"]
    );
    let metric = r#""metric":"schema_change","value":2,"tags":{"stream":"contacts"}"#;
    assert!(run.stderr.contains(metric), "{}", run.stderr);
}

#[test]
fn very_many_changes_at_once_are_told_in_a_few_lines() {
    let workspace = Workspace::start(Settings::default());
    workspace.rewrite(|_, body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        for_each_record(&mut answer, &mut |record| {
            record.extend((0..80).map(|number| (format!("new_{number}"), json!("x"))));
        });
        answer.to_string().into_bytes()
    });
    let run = Tap::of(&workspace).streams(&["tags"]).run().ok();
    let lines = run.stderr.lines();
    let told: Vec<&str> = lines
        .filter(|line| line.contains("schema tags: "))
        .collect();
    assert_eq!(told.len(), 11, "{told:?}");
    assert!(told[10].ends_with("and 70 further changes at once"));
    assert!(
        run.stderr
            .contains(r#""metric":"schema_change","value":80"#)
    );
}

#[test]
fn what_a_catalog_deselects_does_not_come_back_and_its_narrower_schema_grows() {
    let workspace = Workspace::start(Settings {
        contacts: 20,
        ..Settings::default()
    });
    workspace.rewrite(|_, body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        for_each_record(&mut answer, &mut |record| {
            let place = record["location"].clone();
            record.insert("location".into(), json!([place]));
            record.insert("plan".into(), json!("gold"));
            record.insert("secret".into(), json!({"a": 1, "b": 2}));
        });
        answer.to_string().into_bytes()
    });
    let catalog = json!({"streams": [{
        "tap_stream_id": "contacts",
        "schema": {"type": "object", "properties": {
            "id": {"type": "string"},
            "updated_at": {"type": "integer"},
            "role": {"type": "string", "enum": ["owner"]},
            "email": {"type": "string", "format": "uri", "maxLength": 3},
            "location": {"type": ["null", "object"], "properties": {"city": {"type": "string"}}},
        }, "additionalProperties": false},
        "metadata": [
            {"breadcrumb": [], "metadata": {"selected": true}},
            {"breadcrumb": ["properties", "location", "properties", "country"], "metadata": {"selected": false}},
            {"breadcrumb": ["properties", "secret", "properties", "a"], "metadata": {"selected": false}},
            {"breadcrumb": ["properties", "phone"], "metadata": {"selected": false}},
        ],
    }]});
    let run = Tap::of(&workspace).catalog(&catalog).run().ok();
    assert_follows(&run);
    let schema = &run.schemas["contacts"]["schema"]["properties"];
    assert_eq!(schema["plan"], json!({"type": ["null", "string"]}));
    assert_eq!(
        schema["secret"]["properties"],
        json!({"b": {"type": ["null", "integer"]}})
    );
    assert!(schema.get("phone").is_none(), "{schema}");
    assert!(
        schema["location"]["items"]["properties"]
            .get("country")
            .is_none(),
        "{schema}"
    );
    assert!(
        schema["location"]["items"]["properties"]
            .get("city")
            .is_some(),
        "{schema}"
    );
    for record in run.of_stream("contacts") {
        let record = record.value();
        assert!(
            record.get("phone").is_none() && record["secret"].get("a").is_none(),
            "{record}"
        );
    }
}

#[test]
fn thousands_of_names_make_an_object_free_form_once() {
    let workspace = Workspace::start(Settings {
        contacts: 300,
        ..Settings::default()
    });
    workspace.rewrite(|_, body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        for_each_record(&mut answer, &mut |record| {
            let number = number_of(record);
            for name in 0..20 {
                record.insert(format!("name {number} {name} \u{202e}\n"), json!(number));
            }
        });
        answer.to_string().into_bytes()
    });
    let tap = Tap::of(&workspace)
        .streams(&["contacts"])
        .set("page_size", 20);
    let run = tap.run().ok();
    assert_eq!(assert_follows(&run)["contacts"].0, 300);
    let free = "the record has too many unknown properties and may hold any from here on";
    assert!(
        run.stderr.matches("schema contacts: ").count() <= 102,
        "{}",
        run.stderr
    );
    let schema = &run.schemas["contacts"]["schema"];
    assert_eq!(schema["additionalProperties"], json!(true), "{free}");
    assert!(schema["properties"].as_object().unwrap().len() < 1200);
}
