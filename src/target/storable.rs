//! Whether the value of a STATE can be stored as it is: whatever is in it goes into the destination,
//! and out of it again to whoever reads states. Pure.

use serde_json::Value;

use crate::cli::foreign::{holds_credential, names_secret};
use crate::json::scanner::Scanner;
use crate::json::surrogates;
use crate::singer::messages::at_column;

/// Follows what a state holds.
const HANDED_ON: &str = "and a state is stored and handed on";

/// Why valid JSON can't be stored as a state, to follow "the value of the STATE"; `is_stream` knows the
/// streams that were announced. A look at the text costs less than a tree made of it.
pub fn fault_of(json: &str, mut is_stream: impl FnMut(&str) -> bool) -> Option<String> {
    if surrogates::mended(json) != json {
        return Some("can't be read: a text in it has half of a surrogate pair".to_owned());
    }
    if holds_credential(json) {
        return Some(format!("holds a token or a key, {HANDED_ON}"));
    }
    let mut setting = None;
    let mut scanner = Scanner::new(json);
    let passed = if scanner.peek() == Some(b'{') {
        scanner.object(|scanner, name| {
            let name = name.content()?;
            let value = scanner.value()?;
            // Some taps have their bookmarks here, and a stream may be called anything.
            if names_secret(&name) && !matches!(value, "null" | "\"\"") && !is_stream(&name) {
                setting = Some(name.into_owned());
            }
            Some(())
        })
    } else {
        scanner.value().map(drop)
    };
    if let Some(name) = setting {
        return Some(format!(
            "holds `{name}`, as a config file does, {HANDED_ON}"
        ));
    }
    if passed.is_some() {
        return None;
    }
    let tree = serde_json::from_str::<Value>(json);
    tree.err()
        .map(|error| format!("can't be read: {}", at_column(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_stored_and_settings_are_not() {
        let fault = |json: &str| fault_of(json, |stream| stream == "password");
        for json in [
            "null",
            "{}",
            r#"{"bookmarks":{"token":{"at":1}}}"#,
            r#"{"next_page_token":"abc","password":{"at":1},"secret":null}"#,
        ] {
            assert_eq!(fault(json), None, "{json}");
        }
        insta::assert_snapshot!(fault(r#"{"bookmarks":{},"Access_Token":"planted"}"#).unwrap(), @"holds `Access_Token`, as a config file does, and a state is stored and handed on");
        insta::assert_snapshot!(fault(r#"{"bookmarks":{"s":"ya29.a0AfH6SMBx-_yz123"}}"#).unwrap(), @"holds a token or a key, and a state is stored and handed on");
        insta::assert_snapshot!(fault(r#"{"a":"\ud800"}"#).unwrap(), @"can't be read: a text in it has half of a surrogate pair");
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(
            fault(&deep)
                .unwrap()
                .starts_with("can't be read: recursion")
        );
    }
}
