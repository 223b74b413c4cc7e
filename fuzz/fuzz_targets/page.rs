//! A page's rows are slices of the answer, each a JSON object of its own.
#![no_main]

use intercom_singer::internals::tap::page::{Names, Page};
use libfuzzer_sys::fuzz_target;

const NAMES: Names = Names {
    records_at: "data",
    key: "id",
    replication_key: "updated_at",
};

fuzz_target!(|body: &[u8]| {
    let Ok(page) = Page::parse(body.to_vec(), NAMES) else {
        return;
    };
    for row in page.rows {
        let json = row.record.json();
        assert!(json.starts_with('{') && json.ends_with('}'), "{json}");
        assert!(
            body.windows(json.len()).any(|part| part == json.as_bytes()),
            "the record isn't in the answer: {json}"
        );
    }
});
