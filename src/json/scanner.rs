//! Looking into JSON text without taking it apart: one checking pass that finds where values are.
//!
//! This is the hot loop of both programs, which is why it is our own: it accepts exactly what
//! `serde_json` accepts, and leaves telling what is wrong with the rest to it.

use super::scalars::end_of_scalar;
use super::specials::Specials;
use super::strings::Name;

/// How deep values may nest, as in `serde_json`.
pub const MOST_LEVELS: usize = u128::BITS as usize;

/// A place in JSON text, which moves on value by value. Every method gives `None` where the text
/// isn't what it expects, or nests too deep.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    specials: Specials<'a>,
}

impl<'a> Scanner<'a> {
    /// The beginning of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            specials: Specials::new(text.as_bytes()),
        }
    }

    /// Passes over a value of any kind, and gives its text.
    pub fn value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at = match *bytes.get(start)? {
            b'"' => end_of_string(&mut self.specials, start + 1)?,
            b'{' | b'[' => end_of_container(&mut self.specials, start)?,
            _ => end_of_scalar(bytes, start)?,
        };
        self.text.get(start..self.at)
    }

    /// Passes over an object. For each member `on_member` is given its name, and has to pass over its
    /// value.
    pub fn object(
        &mut self,
        mut on_member: impl FnMut(&mut Self, Name<'a>) -> Option<()>,
    ) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.name()?;
            self.expect(b':')?;
            on_member(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn name(&mut self) -> Option<Name<'a>> {
        self.skip_space();
        let start = self.at;
        if *self.text.as_bytes().get(start)? != b'"' {
            return None;
        }
        let special = self.specials.next(start + 1);
        let is_plain = *self.text.as_bytes().get(special)? == b'"';
        self.at = if is_plain {
            special + 1
        } else {
            end_of_string(&mut self.specials, special)?
        };
        Some(Name::new(self.text.get(start..self.at)?, is_plain))
    }

    /// Passes over an array. For each element `on_element` is called and has to pass over it.
    pub fn array(&mut self, mut on_element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            on_element(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Passes over a value with `pass`, and gives its text too.
    pub fn with_text<T>(
        &mut self,
        pass: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<(&'a str, T)> {
        let start = self.position();
        let passed = pass(self)?;
        Some((self.text.get(start..self.at)?, passed))
    }

    /// Where the next value begins, in bytes from the beginning of the text.
    pub fn position(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// Whether nothing but white space is left.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    /// The first byte of what comes next, white space aside.
    pub fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        found.then_some(())
    }

    fn skip_space(&mut self) {
        self.at = end_of_space(self.text.as_bytes(), self.at);
    }
}

/// Passes over an object or array that begins at `at`.
fn end_of_container(kept_specials: &mut Specials, mut at: usize) -> Option<usize> {
    // A copy can live in registers.
    let mut specials = *kept_specials;
    let bytes = specials.bytes;
    // Of the containers around the innermost one, whether each is an object: a bit for each level.
    let mut outer = 0_u128;
    let mut depth = 0;
    let mut is_object = false;
    loop {
        match *bytes.get(at)? {
            b'"' => at = end_of_string(&mut specials, at + 1)?,
            open @ (b'{' | b'[') => {
                if depth == MOST_LEVELS {
                    return None;
                }
                outer = outer << 1 | u128::from(is_object);
                depth += 1;
                is_object = open == b'{';
                at = end_of_space(bytes, at + 1);
                if *bytes.get(at)? != if is_object { b'}' } else { b']' } {
                    if is_object {
                        at = end_of_name(&mut specials, at)?;
                    }
                    continue;
                }
            }
            _ => at = end_of_scalar(bytes, at)?,
        }
        // A value has ended, and with it perhaps some containers.
        loop {
            if depth == 0 {
                *kept_specials = specials;
                return Some(at);
            }
            at = end_of_space(bytes, at);
            match *bytes.get(at)? {
                b',' => {
                    at = end_of_space(bytes, at + 1);
                    if is_object {
                        at = end_of_name(&mut specials, at)?;
                    }
                    break;
                }
                close if close == if is_object { b'}' } else { b']' } => {
                    at += 1;
                    depth -= 1;
                    is_object = outer & 1 == 1;
                    outer >>= 1;
                }
                _ => return None,
            }
        }
    }
}

#[inline]
fn end_of_space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(..=b' ') => end_of_some_space(bytes, at),
        _ => at,
    }
}

// Kept out of the loop over values: most programs write none, or one blank between strings.
#[cold]
fn end_of_some_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Passes over a member's name, the colon behind it and the space up to its value.
#[inline(always)]
#[expect(clippy::inline_always, reason = "see `end_of_string`")]
fn end_of_name(specials: &mut Specials, at: usize) -> Option<usize> {
    let bytes = specials.bytes;
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let at = end_of_space(bytes, end_of_string(specials, at + 1)?);
    if *bytes.get(at)? != b':' {
        return None;
    }
    Some(end_of_space(bytes, at + 1))
}

/// Behind a string of which `at` is a place inside.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "in the loop over values, its state stays in registers: a third less time"
)]
fn end_of_string(specials: &mut Specials, mut at: usize) -> Option<usize> {
    let bytes = specials.bytes;
    loop {
        at = specials.next(at);
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match *bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    let digits = bytes.get(at + 2..at + 6)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    at += 6;
                }
                _ => return None,
            },
            // A control character.
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::super::specials::BLOCK_BYTES;
    use super::*;

    /// The text of the whole value, as the scanner finds it.
    fn scanned(text: &str) -> Option<&str> {
        let mut scanner = Scanner::new(text);
        let value = scanner.value()?;
        scanner.is_at_end().then_some(value)
    }

    fn parsed(text: &str) -> Option<&str> {
        serde_json::from_str::<&RawValue>(text)
            .ok()
            .map(RawValue::get)
    }

    #[test]
    fn what_is_json_and_what_is_not() {
        for text in [
            "",
            " ",
            "null",
            " true ",
            "nul",
            "truefalse",
            "0",
            "-0",
            "00",
            "01",
            "-",
            "1.",
            ".5",
            "1.10",
            "1e400",
            "1E+5",
            "1e",
            "-0.0",
            "+1",
            "\"\"",
            "\"",
            "\"a\\\"b\"",
            "\"\\u00e9\"",
            "\"\\u00g9\"",
            "\"\\x\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "\"eight by\tte\"",
            "\"é\u{10348}\"",
            "[]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{}",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":}",
            "{\"a\":1 \"b\":2}",
            "[{\"a\":[{}]},[]]",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "[[[",
            "]]",
            "1 2",
            "{}{}",
            "\u{feff}1",
        ] {
            assert_eq!(scanned(text), parsed(text), "{text:?}");
        }
    }

    #[test]
    fn a_string_may_end_at_any_place_of_a_block() {
        for length in 0..3 * BLOCK_BYTES {
            let before = "x".repeat(length);
            for text in [
                format!("[\"{before}\",1]"),
                format!("[\"{before}\\\"\",1]"),
                format!("[\"{before}\\u00e9\"]"),
                format!("{{\"{before}\":\"{before}\"}}"),
                format!("[\"{before}\n\"]"),
                format!("[\"{before}\\\"]"),
                format!("\"{before}"),
            ] {
                assert_eq!(scanned(&text), parsed(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(scanned(&nested(MOST_LEVELS)).is_some());
        assert!(scanned(&nested(MOST_LEVELS + 1)).is_none());
    }

    /// Texts that are nearly JSON: pieces of it in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(","),
            Just(":"),
            Just(" "),
            Just("\n"),
            Just("\""),
            Just("\\"),
            Just("\\u12"),
            Just("aF"),
            Just("\"name\""),
            Just("\"long enough\""),
            Just("1"),
            Just("-"),
            Just("."),
            Just("e5"),
            Just("0"),
            Just("true"),
            Just("null"),
            Just("é"),
        ];
        prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn it_accepts_what_serde_json_accepts(text in pieces()) {
            prop_assert_eq!(scanned(&text), parsed(&text));
        }

        #[test]
        fn a_changed_byte_is_noticed_as_by_serde_json(at in 0_usize..70, byte in 0_u8..128) {
            let mut bytes = br#"{"a":[1,-2.5e3,"x\n\u00e9 and more words"],"b":{"c":null,"d":true}}"#.to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(scanned(&text), parsed(&text));
        }
    }
}
