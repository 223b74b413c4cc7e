//! What is written of a bookmark is read as the same.
#![no_main]

use intercom_singer::tap::read::bookmark::Bookmark;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let Ok(bookmark) = Bookmark::parse(Some(&value), "updated_at") else {
        return;
    };
    let written = bookmark.to_value("updated_at");
    let again = Bookmark::parse(Some(&written), "updated_at").expect("own bookmarks are read");
    assert_eq!(again, bookmark);
});
