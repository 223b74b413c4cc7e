//! Where the values of a JSON text are: one flat list, built in one pass.
//!
//! Building it costs a tenth of a tree of `Value`s: nothing is copied, and the list's memory is used
//! again for the next text. The text has been found to be valid JSON before.

use crate::json::scanner::MOST_LEVELS;
use crate::json::specials::Specials;

/// A key or a value, in the order of the text; a container is followed by what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Where it is in the text, quotes included, in bytes.
    pub start: u32,
    /// Behind its last byte.
    pub end: u32,
    /// The entry after this one and all that is in it.
    pub next: u32,
    /// How many elements or members a container has.
    pub length: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string or key whose bytes stand for themselves.
    Plain,
    /// A string or key with escapes.
    Escaped,
    /// A string without quotes around it.
    Bare,
    /// Elements follow.
    Array,
    /// Members follow, each one's key before its value.
    Object,
}

/// Memory for one record's list after the other.
#[derive(Debug, Default)]
pub struct Entries {
    list: Vec<Entry>,
    /// The containers that are open, by their place in the list.
    open: Vec<u32>,
}

impl Entries {
    /// Lays out `text`, which must be one valid JSON value of less than 4 GiB, and not nest deeper
    /// than [`MOST_LEVELS`].
    pub fn lay_out(&mut self, text: &str) -> Option<&[Entry]> {
        u32::try_from(text.len()).ok()?;
        self.list.clear();
        self.open.clear();
        let bytes = text.as_bytes();
        let mut specials = Specials::new(bytes);
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at = match byte {
                b'"' => self.string(bytes, &mut specials, at),
                b'{' => self.begin(EntryKind::Object, at)?,
                b'[' => self.begin(EntryKind::Array, at)?,
                b'}' | b']' => self.end(at),
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => at + 1,
                b't' | b'f' | b'n' => self.word(bytes, at),
                _ => self.number(bytes, at),
            };
        }
        Some(&self.list)
    }

    fn string(&mut self, bytes: &[u8], specials: &mut Specials<'_>, start: usize) -> usize {
        let mut end = specials.next(start + 1);
        let mut kind = EntryKind::Plain;
        while bytes.get(end) == Some(&b'\\') {
            kind = EntryKind::Escaped;
            end = specials.next(end + 2);
        }
        self.push(kind, start, end + 1)
    }

    fn word(&mut self, bytes: &[u8], start: usize) -> usize {
        let (kind, length) = match bytes[start] {
            b'n' => (EntryKind::Null, 4),
            b't' => (EntryKind::Boolean, 4),
            _ => (EntryKind::Boolean, 5),
        };
        self.push(kind, start, start + length)
    }

    fn number(&mut self, bytes: &[u8], start: usize) -> usize {
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = bytes[start..].iter().take_while(is_part).count();
        self.push(EntryKind::Number, start, start + length.max(1))
    }

    #[inline]
    fn begin(&mut self, kind: EntryKind, start: usize) -> Option<usize> {
        if self.open.len() == MOST_LEVELS {
            return None;
        }
        let index = self.list.len();
        self.push(kind, start, start + 1);
        self.open.push(narrow(index));
        Some(start + 1)
    }

    fn end(&mut self, at: usize) -> usize {
        let next = narrow(self.list.len());
        if let Some(index) = self.open.pop() {
            let entry = &mut self.list[index as usize];
            entry.end = narrow(at + 1);
            entry.next = next;
            if entry.kind == EntryKind::Object {
                // Keys have been counted as values are.
                entry.length /= 2;
            }
        }
        at + 1
    }

    /// Appends an entry and gives the place after it in the text.
    fn push(&mut self, kind: EntryKind, start: usize, end: usize) -> usize {
        if let Some(container) = self.open.last() {
            self.list[*container as usize].length += 1;
        }
        self.list.push(Entry {
            kind,
            start: narrow(start),
            end: narrow(end),
            next: narrow(self.list.len() + 1),
            length: 0,
        });
        end
    }
}

/// Places fit, since the text's length does.
pub fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
