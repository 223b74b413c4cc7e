//! Cursors: opaque to whoever pages, checked when they come back.

use serde_json::Value;

use super::noise::noise;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the page to come, from 1.
    pub page: u64,
    pub position: Position,
}

/// What the page to come follows on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The row with that sort value and tie-breaker.
    After(i64, u32),
    /// So many rows.
    Offset(u64),
}

impl Cursor {
    /// Base64 of a JSON array, as a search engine's cursors look.
    pub fn encode(self) -> String {
        let (kind, sort_value, tie) = match self.position {
            Position::After(sort_value, tie) => ("after", sort_value, tie),
            Position::Offset(offset) => ("offset", offset as i64, 0),
        };
        let check = check(kind, sort_value, tie, self.page);
        let text = format!(
            r#"["{kind}",{sort_value}000,{tie},{},"{check:08x}"]"#,
            self.page
        );
        encode_base64(text.as_bytes())
    }

    /// The cursor, unless it was never given out.
    pub fn decode(text: &str) -> Option<Cursor> {
        let bytes = decode_base64(text)?;
        let parts: Value = serde_json::from_slice(&bytes).ok()?;
        let kind = parts[0].as_str()?;
        let sort_value = parts[1].as_i64()? / 1000;
        let tie = u32::try_from(parts[2].as_u64()?).ok()?;
        let page = parts[3].as_u64()?;
        let position = match kind {
            "after" => Position::After(sort_value, tie),
            _ => Position::Offset(sort_value as u64),
        };
        let expected = format!("{:08x}", check(kind, sort_value, tie, page));
        (parts[4].as_str()? == expected).then_some(Cursor { page, position })
    }
}

fn check(kind: &str, sort_value: i64, tie: u32, page: u64) -> u32 {
    noise(sort_value as u64 ^ page ^ kind.len() as u64, tie, 99) as u32
}

fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        bits = bits << 6 | digit as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}
