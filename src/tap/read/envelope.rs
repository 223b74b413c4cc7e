//! What surrounds the records in an answer: totals, and where the next page is.

use serde::de::Error as _;

use super::numbers::whole_number;
use crate::json::members::{fault_of, member, members};
use crate::json::scanner::Scanner;
use crate::json::strings::unquoted;

/// What an answer says of the page after it.
#[derive(Clone, Debug, PartialEq)]
pub enum Continuation {
    /// There is none.
    End,
    /// It is asked for with this cursor.
    Cursor(String),
    /// It is named by a number or a word alone: the cursor of a list with cursors, the page of a
    /// numbered one.
    Bare(String),
    /// There may be one, but it isn't named by a cursor.
    Unnamed,
}

/// A key without quotes. A whole number is one, however it is written; text with half of a surrogate
/// pair in it keeps its escapes, so that it is told from others.
#[must_use]
pub fn key(json: &str) -> Option<String> {
    if let Some(text) = unquoted(json) {
        let is_mended = json.contains('\\') && text.contains(char::REPLACEMENT_CHARACTER);
        let raw = || json[1..json.len() - 1].to_owned();
        return Some(if is_mended { raw() } else { text.into_owned() });
    }
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let whole = || json.contains(['.', 'e', 'E']).then(|| whole_number(json))?;
    is_number.then(|| whole().map_or_else(|| json.to_owned(), |whole| whole.to_string()))
}

/// What surrounds the records in an answer, or in a list inside one.
pub struct Envelope<T> {
    /// What was read of each record.
    pub records: Option<Vec<T>>,
    /// How many there are in all.
    pub total_count: Option<u64>,
    /// Whether null stands where the records should be.
    is_null: bool,
    pub(super) pages: Pages,
    // Some lists have these beside the records, and no `pages`.
    pub(super) total_pages: Option<u32>,
    pub(super) per_page: Option<u32>,
    pub(super) scroll_param: Option<String>,
}

impl<T> Envelope<T> {
    /// Reads a JSON object whose records are at `records_at`; `read` passes over one of them.
    pub fn parse<'a>(
        body: &'a str,
        records_at: &'static str,
        mut read: impl FnMut(&mut Scanner<'a>) -> Option<T>,
    ) -> Result<Self, serde_json::Error> {
        let mut records = None;
        let mut is_twice = false;
        let mut others = Vec::new();
        let mut scanner = Scanner::new(body);
        let passed = scanner.object(|scanner, name| {
            let name = name.content()?;
            if name == records_at && scanner.peek()? == b'[' {
                is_twice |= records.is_some();
                let list = records.insert(Vec::new());
                return scanner.array(|scanner| {
                    list.push(read(scanner)?);
                    Some(())
                });
            }
            others.push((name, scanner.value()?));
            Some(())
        });
        if passed.is_none() || !scanner.is_at_end() {
            return Err(fault_of(body));
        }
        // One of the two would have to be left out, and none says which.
        if is_twice {
            return Err(serde_json::Error::custom(format_args!(
                "`{records_at}` comes twice"
            )));
        }
        let mut envelope = Self {
            records,
            total_count: None,
            is_null: false,
            pages: Pages::default(),
            total_pages: None,
            per_page: None,
            scroll_param: None,
        };
        for (name, value) in others {
            match &*name {
                "pages" => envelope.pages = Pages::read(value)?,
                "total_count" => envelope.total_count = whole_number(value),
                "total_pages" => envelope.total_pages = small_number(value),
                "per_page" => envelope.per_page = small_number(value),
                "scroll_param" => {
                    envelope.scroll_param = key(value).filter(|text| !text.is_empty());
                }
                name if name == records_at => envelope.is_null = value == "null",
                _ => {}
            }
        }
        Ok(envelope)
    }

    /// What it says of the next page.
    #[must_use]
    pub fn next(&self) -> &Continuation {
        &self.pages.next
    }

    /// How many pages there are, where it says so.
    #[must_use]
    pub fn total_pages(&self) -> Option<u32> {
        self.pages.total_pages.or(self.total_pages)
    }

    /// Whether null stands for no records, and the totals say so too.
    pub(super) fn is_agreed_to_be_empty(&self) -> bool {
        let is_behind_last = self
            .pages
            .page
            .zip(self.total_pages())
            .is_some_and(|(page, last)| page > last);
        self.is_null && (self.total_count == Some(0) || is_behind_last)
    }
}

/// `pages` of an answer.
#[expect(clippy::struct_field_names, reason = "as the API names them")]
pub(super) struct Pages {
    pub(super) next: Continuation,
    page: Option<u32>,
    pub(super) total_pages: Option<u32>,
    pub(super) per_page: Option<u32>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            next: Continuation::End,
            page: None,
            total_pages: None,
            per_page: None,
        }
    }
}

impl Pages {
    fn read(json: &str) -> Result<Self, serde_json::Error> {
        let mut pages = Self::default();
        if !json.starts_with('{') {
            return Ok(pages);
        }
        for property in members(json)? {
            match &*property.name {
                "next" => pages.next = Continuation::read(property.value)?,
                "page" => pages.page = small_number(property.value),
                "total_pages" => pages.total_pages = small_number(property.value),
                "per_page" => pages.per_page = small_number(property.value),
                _ => {}
            }
        }
        Ok(pages)
    }
}

fn small_number(json: &str) -> Option<u32> {
    whole_number(json).and_then(|number| u32::try_from(number).ok())
}

impl Continuation {
    /// `next` may be null, an object with a cursor or a page's number, a URL, a number or a word. Where
    /// the cursor is null, there is no next page.
    fn read(json: &str) -> Result<Self, serde_json::Error> {
        Ok(match json.as_bytes()[0] {
            b'n' | b'f' => Self::End,
            b'{' => match member(json, "starting_after")? {
                None | Some("\"\"") => Self::Unnamed,
                Some("null") => Self::End,
                Some(cursor) => key(cursor).map_or(Self::Unnamed, Self::Cursor),
            },
            b'"' => match unquoted(json) {
                Some(text) if text.is_empty() => Self::End,
                Some(text) if is_url(&text) => {
                    cursor_in_url(&text).map_or(Self::Unnamed, Self::Cursor)
                }
                Some(_) => key(json).map_or(Self::Unnamed, Self::Bare),
                None => Self::Unnamed,
            },
            _ if whole_number(json) == Some(0) => Self::End,
            _ => key(json).map_or(Self::Unnamed, Self::Bare),
        })
    }
}

/// A cursor in Base64 may begin with a slash, but has no question mark.
fn is_url(text: &str) -> bool {
    text.contains('?') || text.contains("://")
}

fn cursor_in_url(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("starting_after="))
        .filter(|value| !value.is_empty())?;
    let decoded = percent_encoding::percent_decode_str(value)
        .decode_utf8()
        .ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_in_all_its_shapes() {
        let cursor = |text: &str| Continuation::Cursor(text.to_owned());
        for (next, expected) in [
            ("null", Continuation::End),
            ("false", Continuation::End),
            ("0", Continuation::End),
            (r#""""#, Continuation::End),
            (r#"{"page":2,"starting_after":"abc=="}"#, cursor("abc==")),
            (r#"{"page":2,"starting_after":7}"#, cursor("7")),
            (r#"{"page":2,"starting_after":null}"#, Continuation::End),
            (r#"{"page":2}"#, Continuation::Unnamed),
            (
                r#""https://x.test/c?page=2&starting_after=a%3D%3D""#,
                cursor("a=="),
            ),
            (r#""https://x.test/c?page=2""#, Continuation::Unnamed),
            ("2", Continuation::Bare("2".to_owned())),
            (r#""2""#, Continuation::Bare("2".to_owned())),
            (r#""abc==""#, Continuation::Bare("abc==".to_owned())),
            (r#""/c?page=2""#, Continuation::Unnamed),
            (r#""c?page=2""#, Continuation::Unnamed),
            (r#""/9j4+A==""#, Continuation::Bare("/9j4+A==".to_owned())),
            ("true", Continuation::Unnamed),
        ] {
            assert_eq!(Continuation::read(next).unwrap(), expected, "{next}");
        }
    }
}
