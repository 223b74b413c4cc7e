//! What is written of a bookmark is read as the same.
#![no_main]

use intercom_singer::internals::tap::{Bookmark, EpochSeconds};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let Ok(bookmark) = Bookmark::parse(Some(&value), "updated_at", EpochSeconds::MAX) else {
        return;
    };
    let written = bookmark.to_value("updated_at");
    let again = Bookmark::parse(Some(&written), "updated_at", EpochSeconds::MAX)
        .expect("own bookmarks are read");
    assert_eq!(again, bookmark);
});
