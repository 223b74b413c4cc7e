//! Halves of surrogate pairs: JSON can write them as escapes, `\ud83d` alone, but no string of
//! Unicode text holds one. Programs that cut text between two UTF-16 units send them.
//!
//! Where a string's content counts, each half is read as U+FFFD, one character for one.

use std::borrow::Cow;

use serde_json::Value;

/// An escape of four hexadecimal digits, in bytes.
const ESCAPE_BYTES: usize = 6;

/// Valid JSON text with every half of a pair written as `\ufffd`.
#[must_use]
pub fn mended(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(offset) = memchr::memchr(b'\\', &bytes[at..]) {
        at += offset;
        match unit(bytes, at) {
            None => at += 2,
            Some(0xd800..=0xdbff)
                if matches!(unit(bytes, at + ESCAPE_BYTES), Some(0xdc00..=0xdfff)) =>
            {
                at += 2 * ESCAPE_BYTES;
            }
            Some(0xd800..=0xdfff) => {
                mended.push_str(&json[copied..at]);
                mended.push_str("\\ufffd");
                at += ESCAPE_BYTES;
                copied = at;
            }
            Some(_) => at += ESCAPE_BYTES,
        }
        if at >= bytes.len() {
            break;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(&json[copied..]);
    Cow::Owned(mended)
}

/// The UTF-16 unit that is escaped at a place, if one is.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + ESCAPE_BYTES)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
}

/// Parses JSON text that may hold halves of pairs.
pub fn parse(json: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(json).or_else(|error| match mended(json) {
        Cow::Owned(mended) => serde_json::from_str(&mended),
        Cow::Borrowed(_) => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_mended() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""a\ud83db""#, r#""a\ufffdb""#),
            (r#""\udc00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#"{"\udfff":["\u00e9"]}"#, r#"{"\ufffd":["\u00e9"]}"#),
        ] {
            assert_eq!(mended(json), expected, "{json}");
            assert!(parse(json).is_ok(), "{json}");
        }
    }
}
