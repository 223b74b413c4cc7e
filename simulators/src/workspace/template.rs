//! JSON written from a readable text with slots, fast: a page of 150 contacts is hundreds of
//! kilobytes, and the server must not be what a benchmark measures.

use std::fmt::Display;
use std::io::Write;

/// A JSON text with `{{slots}}`.
pub struct Template {
    pieces: Vec<Piece>,
}

enum Piece {
    Text(Vec<u8>),
    Slot(&'static str),
}

impl Template {
    /// Takes the white space out (but not out of strings) and finds the slots.
    pub fn new(text: &'static str) -> Template {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut minifier = Minifier::default();
        while let Some((before, after)) = rest.split_once("{{") {
            let (slot, after) = after.split_once("}}").expect("a slot ends");
            pieces.push(Piece::Text(minifier.minified(before)));
            pieces.push(Piece::Slot(slot));
            rest = after;
        }
        pieces.push(Piece::Text(minifier.minified(rest)));
        Template { pieces }
    }

    /// Writes the text; `fill` writes what belongs into each slot.
    pub fn render(&self, out: &mut Vec<u8>, mut fill: impl FnMut(&str, &mut Vec<u8>)) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Slot(name) => fill(name, out),
            }
        }
    }
}

#[derive(Default)]
struct Minifier {
    in_string: bool,
    escaped: bool,
}

impl Minifier {
    fn minified(&mut self, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        for byte in text.bytes() {
            if self.in_string || !byte.is_ascii_whitespace() {
                out.push(byte);
            }
            match byte {
                b'"' if !self.escaped => self.in_string = !self.in_string,
                b'\\' if !self.escaped => {
                    self.escaped = true;
                    continue;
                }
                _ => {}
            }
            self.escaped = false;
        }
        out
    }
}

/// Writes text as it is.
pub fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Writes a number, or anything else that is written without quotes.
pub fn put_number(out: &mut Vec<u8>, number: impl Display) {
    write!(out, "{number}").expect("a vector takes everything");
}

/// Writes `[element,element,…]`.
pub fn put_array<T>(
    out: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    mut put_element: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (position, element) in elements.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        put_element(out, element);
    }
    out.push(b']');
}
