//! The scanner accepts what `serde_json` accepts, and finds the same text.
#![no_main]

use intercom_singer::internals::Scanner;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    let mut scanner = Scanner::new(text);
    let scanned = scanner.value();
    let scanned = scanned.filter(|_| scanner.is_at_end());
    let parsed: Option<&RawValue> = serde_json::from_str(text).ok();
    assert_eq!(scanned, parsed.map(RawValue::get));
});
