//! Looking into JSON text without taking it apart: one checking pass that finds where values are.
//!
//! This is the hot loop of both programs. It finds the ends of strings for 64 bytes at once, which
//! is why it is our own: it accepts exactly what `serde_json` accepts, and leaves telling what is
//! wrong with the rest to it.

use wide::u8x16;

use super::strings::Name;

/// What is searched at once.
const BLOCK_BYTES: usize = 64;
/// How deep values may nest, as in `serde_json`.
pub const MOST_LEVELS: usize = u128::BITS as usize;
/// The last of the control characters, which may not stand in a string.
const LAST_CONTROL: u8 = 0x1f;

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
        let bytes = self.specials.bytes;
        self.at = match *bytes.get(start)? {
            b'"' => end_of_string(&mut self.specials, start + 1)?,
            b'{' | b'[' => end_of_container(&mut self.specials, start)?,
            _ => end_of_other(bytes, start)?,
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
            _ => at = end_of_other(bytes, at)?,
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

/// Passes over what is no string, object or array.
#[inline]
fn end_of_other(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'n' => end_of_word(bytes, at, b"null"),
        b't' => end_of_word(bytes, at, b"true"),
        b'f' => end_of_word(bytes, at, b"false"),
        _ => end_of_number(bytes, at),
    }
}

#[inline]
fn end_of_word<const LENGTH: usize>(bytes: &[u8], at: usize, word: &[u8; LENGTH]) -> Option<usize> {
    (bytes.get(at..)?.first_chunk() == Some(word)).then_some(at + LENGTH)
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

/// Where quotes, backslashes and control characters are: what a string doesn't just pass through.
///
/// They are looked for in blocks of 64 bytes, before it is known where strings begin, so that one
/// string need not be read to its end before the next can be found.
#[derive(Clone, Copy, Debug)]
pub struct Specials<'a> {
    bytes: &'a [u8],
    /// Where the block begins.
    block: usize,
    /// A bit for each of its bytes, the lowest for the first: 1 for a special one.
    mask: u64,
}

impl<'a> Specials<'a> {
    /// Those of a text.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            block: 0,
            mask: specials_of_block(bytes),
        }
    }

    /// The first special byte at `at` or behind it, or a place behind the end. Places asked for must
    /// not fall.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `end_of_string`")]
    pub fn next(&mut self, mut at: usize) -> usize {
        loop {
            if at - self.block >= BLOCK_BYTES {
                self.block = at / BLOCK_BYTES * BLOCK_BYTES;
                if self.block >= self.bytes.len() {
                    return at;
                }
                self.mask = specials_of_block(&self.bytes[self.block..]);
            }
            let ahead = self.mask >> (at % BLOCK_BYTES);
            if ahead != 0 {
                return at + ahead.trailing_zeros() as usize;
            }
            at = self.block + BLOCK_BYTES;
        }
    }
}

#[inline]
fn specials_of_block(bytes: &[u8]) -> u64 {
    if let Some(block) = bytes.first_chunk() {
        return specials_of(block);
    }
    // Zeros are special too: they mark the end.
    let mut block = [0; BLOCK_BYTES];
    block[..bytes.len()].copy_from_slice(bytes);
    specials_of(&block)
}

#[inline]
fn specials_of(block: &[u8; BLOCK_BYTES]) -> u64 {
    let mut mask = 0;
    for (place, part) in block.as_chunks().0.iter().enumerate() {
        let part = u8x16::new(*part);
        let special = part.simd_eq(u8x16::splat(b'"'))
            | part.simd_eq(u8x16::splat(b'\\'))
            | part.simd_le(u8x16::splat(LAST_CONTROL));
        mask |= u64::from(special.to_bitmask()) << (16 * place);
    }
    mask
}

fn end_of_number(bytes: &[u8], mut at: usize) -> Option<usize> {
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match *bytes.get(at)? {
        b'0' => at + 1,
        _ => digits(at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

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
