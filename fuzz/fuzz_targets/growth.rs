//! Whatever records come, each is valid by the schema that was said last before it; a schema that grows
//! takes nothing back; and records that come again are no news. Lines are records, an empty line ends a
//! page.
#![no_main]

use std::sync::LazyLock;

use intercom_singer::internals::{GrowingSchema, Validator};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// What streams declare, and keywords that only other people's catalogs have.
static DECLARED: LazyLock<Value> = LazyLock::new(|| {
    json!({"type": "object", "required": ["id", "kind"], "properties": {
        "id": {"type": ["string", "integer"]},
        "name": {"type": ["null", "string"]},
        "count": {"type": "integer"},
        "location": {"type": ["null", "object"], "properties": {"city": {"type": "string"}}},
        "tags": {"type": ["null", "array"], "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
        "custom": {"type": ["null", "object"]},
        "scores": {"type": "object", "properties": {}, "additionalProperties": {"type": "number"}},
        "kind": {"enum": ["a", "b"]},
        "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "code": {"type": "string", "maxLength": 2, "pattern": "^[0-9]+$"},
        "any": {},
    }})
});

fuzz_target!(|text: &str| {
    let mut schema = GrowingSchema::new(&DECLARED, &["id".to_owned()]).expect("a usable schema");
    let key = json!({"required": ["id"], "properties": {"id": DECLARED["properties"]["id"]}});
    let key = Validator::new(&key).expect("a usable schema");
    let is_record = |line: &str| serde_json::from_str::<Map<String, Value>>(line).is_ok();
    let pages: Vec<Vec<String>> = text
        .split("\n\n")
        .map(|page| {
            page.lines()
                .filter(|line| is_record(line))
                .map(str::to_owned)
                .collect()
        })
        .collect();

    let mut emitted: Vec<&String> = Vec::new();
    for page in &pages {
        let before = schema.schema().clone();
        let fits = |record: &&String| schema.fits(record);
        let unfit: Vec<String> = page
            .iter()
            .filter(|record| !fits(record))
            .cloned()
            .collect();
        let _ = schema.grow(&unfit);
        assert_nothing_is_taken_back(&before, schema.schema());

        let said = Validator::with_formats(schema.schema()).expect("a usable schema");
        emitted.extend(page.iter().filter(|record| key.is_valid(record)));
        for record in &emitted {
            assert!(
                schema.fits(record) && said.is_valid(record),
                "{record} in {}",
                schema.schema()
            );
        }
        for record in page.iter().filter(|record| !key.is_valid(record)) {
            assert!(!schema.fits(record), "{record} has no key");
        }
    }

    let whole = schema.schema().clone();
    for page in &pages {
        assert_eq!(schema.grow(page).changes, 0);
    }
    assert_eq!(schema.schema(), &whole);
});

/// What had a type may still have it, what was declared still is, and nothing more is asked for.
fn assert_nothing_is_taken_back(before: &Value, after: &Value) {
    let list = |schema: &Value, keyword: &str| match schema.get(keyword) {
        Some(Value::Array(several)) => several.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let types = list(after, "type");
    for name in list(before, "type") {
        let is_there =
            types.contains(&name) || (name == "integer" && types.contains(&json!("number")));
        assert!(is_there, "{before} became {after}");
    }
    for name in list(after, "required") {
        assert!(
            list(before, "required").contains(&name),
            "{before} became {after}"
        );
    }
    for (name, property) in before["properties"].as_object().into_iter().flatten() {
        let property_after = after["properties"].get(name);
        let property_after =
            property_after.unwrap_or_else(|| panic!("{name} is gone from {after}"));
        assert_nothing_is_taken_back(property, property_after);
    }
    if let (Some(items), Some(items_after)) = (before.get("items"), after.get("items")) {
        assert_nothing_is_taken_back(items, items_after);
    }
}
