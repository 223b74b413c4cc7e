//! A line is a message or is refused, and a message's type is the one that it names.
#![no_main]

use intercom_singer::internals::Message;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|line: &[u8]| {
    let Ok(message) = Message::parse(line) else {
        return;
    };
    let Message::Record(record) = message else {
        return;
    };
    // What the record's bytes say is what a parser finds in the line.
    if let (Ok(whole), Ok(found)) = (
        serde_json::from_slice::<Value>(line),
        serde_json::from_str::<Value>(record.record),
    ) {
        assert_eq!(whole["type"], "RECORD");
        assert_eq!(whole["record"], found);
    }
});
