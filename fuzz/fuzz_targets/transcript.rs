//! A transcript's turns are valid JSON, however the text is laid out, and soon found.
#![no_main]

use intercom_singer::internals::tap::transcript;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &str| {
    for is_repeated in [false, true] {
        if let Ok(Some(turns)) = transcript::turns(body, is_repeated) {
            let turns: Value = serde_json::from_str(&turns).expect("turns are JSON");
            assert!(turns.is_array());
        }
    }
});
