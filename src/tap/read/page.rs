//! An answer's body and where its records lie in it. One pass finds the records and their keys, and
//! copies nothing else.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bookmark::Version;
use crate::json::members::{fault_of, member, range_in, unquoted};
use crate::json::scanner::Scanner;
use crate::tap::api::client::BadAnswer;
use crate::tap::time::{self, EpochSeconds};

/// A page of records.
#[derive(Debug)]
pub struct Page {
    /// The records, in the answer's order.
    pub rows: Vec<Row>,
    /// `pages.next`, as far as cursors are concerned.
    pub next: Next,
    /// `pages.total_pages`.
    pub total_pages: Option<u32>,
    /// `pages.per_page`: what the server made of the page size that was asked for.
    pub per_page: Option<u32>,
    /// `total_count`.
    pub total_count: Option<u64>,
    /// `scroll_param`: what the next request of a scroll must carry.
    pub scroll_param: Option<String>,
}

/// What an answer says of the page after it.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// There is none.
    End,
    /// It is asked for with this cursor.
    Cursor(String),
    /// There may be one, but it isn't named by a cursor.
    Unnamed,
}

/// One record of a page.
#[derive(Clone, Debug)]
pub struct Row {
    /// The bytes of the record.
    pub record: Record,
    /// The record's key, without quotes.
    pub id: String,
    /// The instant that bookmarks are made of (`updated_at`, mostly), where the record has one.
    pub updated_at: Option<EpochSeconds>,
    /// Where the bytes of that instant's value are in the record.
    pub updated_at_json: Range<usize>,
}

/// The bytes of a record: a range of a body that it shares with its page.
#[derive(Clone, Debug)]
pub struct Record {
    body: Arc<String>,
    range: Range<usize>,
}

/// The names by which a stream's rows are understood.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Where the array of records is.
    pub records_at: &'static str,
    /// The record's key.
    pub key: &'static str,
    /// The property that bookmarks are made of.
    pub replication_key: &'static str,
}

impl Record {
    /// A record of its own.
    #[must_use]
    pub fn owned(json: String) -> Self {
        let range = 0..json.len();
        Self {
            body: Arc::new(json),
            range,
        }
    }

    /// A piece of this record, which `json` is a slice of, as one of its own.
    #[must_use]
    pub fn part(&self, json: &str) -> Self {
        let within = range_in(self.json(), json);
        Self {
            body: Arc::clone(&self.body),
            range: self.range.start + within.start..self.range.start + within.end,
        }
    }

    /// Whether these are the same bytes of the same body.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.body, &other.body) && self.range == other.range
    }

    /// The record as JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.body[self.range.clone()]
    }
}

impl Row {
    /// The value of that property as the API wrote it; `null` where there is none.
    #[must_use]
    pub fn updated_at_json(&self) -> &str {
        match self.updated_at_json.len() {
            0 => "null",
            _ => &self.record.json()[self.updated_at_json.clone()],
        }
    }

    /// What tells this version of the record from others; none for a record without `updated_at`.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        Some(Version {
            updated_at: self.updated_at?,
            checksum: crc32c::crc32c(self.record.json().as_bytes()),
        })
    }
}

impl Page {
    /// Reads the body of an answer.
    pub fn parse(body: Vec<u8>, names: Names) -> Result<Self, BadAnswer> {
        let body = text(body)?;
        let envelope = Envelope::parse(&body, names.records_at, |scanner| {
            let (json, found) = scanner.with_text(|scanner| Found::pass(scanner, names))?;
            Some((range_in(&body, json), Keys::new(json, &found, names)))
        })?;
        let Some(records) = envelope.records else {
            return Err(BadAnswer(format!(
                "the answer has no `{}`",
                names.records_at
            )));
        };
        let pages = envelope.pages.unwrap_or_default();
        let total_pages = pages.total_pages.or(envelope.total_pages);
        let per_page = pages.per_page.or(envelope.per_page);
        let scroll_param = envelope.scroll_param;
        let next = pages.next()?;
        let total_count = envelope.total_count;
        let body = Arc::new(body);
        let mut rows = Vec::with_capacity(records.len());
        for (range, keys) in records {
            let body = Arc::clone(&body);
            rows.push(Row::new(Record { body, range }, keys?));
        }
        Ok(Self {
            rows,
            next,
            total_pages,
            per_page,
            total_count,
            scroll_param,
        })
    }
}

/// A body as text. JSON is UTF-8; what isn't was damaged on the way.
pub fn text(body: Vec<u8>) -> Result<String, BadAnswer> {
    String::from_utf8(body).map_err(|_| BadAnswer("the answer isn't valid UTF-8".into()))
}

impl Row {
    /// Finds the keys of a record.
    pub fn parse(record: Record, names: Names) -> Result<Self, BadAnswer> {
        let json = record.json();
        let mut scanner = Scanner::new(json);
        let found = Found::pass(&mut scanner, names).ok_or_else(|| fault_of(json))?;
        let keys = Keys::new(json, &found, names)?;
        Ok(Self::new(record, keys))
    }

    fn new(record: Record, keys: Keys) -> Self {
        Self {
            record,
            id: keys.id,
            updated_at: keys.updated_at,
            updated_at_json: keys.updated_at_json,
        }
    }
}

/// The values in a record that its row is known by, as they stand in the text.
struct Found<'a> {
    id: Option<&'a str>,
    updated_at: Option<&'a str>,
}

impl<'a> Found<'a> {
    /// Passes over a record; `None` where there is none.
    fn pass(scanner: &mut Scanner<'a>, names: Names) -> Option<Self> {
        let mut found = Self {
            id: None,
            updated_at: None,
        };
        scanner.object(|scanner, name| {
            let value = scanner.value()?;
            let name = unquoted(name)?;
            if name == names.key {
                found.id = Some(value);
            } else if name == names.replication_key {
                found.updated_at = Some(value);
            }
            Some(())
        })?;
        Some(found)
    }
}

/// What those values mean.
struct Keys {
    id: String,
    updated_at: Option<EpochSeconds>,
    updated_at_json: Range<usize>,
}

impl Keys {
    fn new(record: &str, found: &Found<'_>, names: Names) -> Result<Self, BadAnswer> {
        let id = match found.id {
            None | Some("null") => {
                return Err(BadAnswer(format!("a record has no `{}`", names.key)));
            }
            Some(quoted) if quoted.starts_with('"') => serde_json::from_str(quoted)?,
            Some(number) => number.to_owned(),
        };
        Ok(Self {
            id,
            updated_at: found.updated_at.and_then(time::parse_json),
            updated_at_json: found
                .updated_at
                .map_or(0..0, |value| range_in(record, value)),
        })
    }
}

/// What surrounds the records in an answer, or in a list inside one.
pub struct Envelope<'a, T> {
    /// What was read of each record.
    pub records: Option<Vec<T>>,
    /// How many there are in all.
    pub total_count: Option<u64>,
    pages: Option<Pages<'a>>,
    // Some lists have these beside the records, and no `pages`.
    total_pages: Option<u32>,
    per_page: Option<u32>,
    scroll_param: Option<String>,
}

impl<'a, T> Envelope<'a, T> {
    /// Reads a JSON object whose records are at `records_at`; `read` passes over one of them.
    pub fn parse(
        body: &'a str,
        records_at: &'static str,
        mut read: impl FnMut(&mut Scanner<'a>) -> Option<T>,
    ) -> Result<Self, serde_json::Error> {
        let mut records = None;
        let mut others = Vec::new();
        let mut scanner = Scanner::new(body);
        let passed = scanner.object(|scanner, name| {
            let name = unquoted(name)?;
            if name == records_at && scanner.peek()? == b'[' {
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
        let mut envelope = Self {
            records,
            total_count: None,
            pages: None,
            total_pages: None,
            per_page: None,
            scroll_param: None,
        };
        for (name, value) in others {
            match &*name {
                "pages" => envelope.pages = serde_json::from_str(value)?,
                "total_count" => envelope.total_count = serde_json::from_str(value)?,
                "total_pages" => envelope.total_pages = serde_json::from_str(value)?,
                "per_page" => envelope.per_page = serde_json::from_str(value)?,
                "scroll_param" => envelope.scroll_param = serde_json::from_str(value)?,
                _ => {}
            }
        }
        Ok(envelope)
    }
}

#[derive(Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "as the API names them")]
struct Pages<'a> {
    #[serde(borrow)]
    next: Option<&'a RawValue>,
    total_pages: Option<u32>,
    per_page: Option<u32>,
}

impl Pages<'_> {
    /// `next` may be null, an object with a cursor or a page's number, a URL, or a number. Where the
    /// cursor is null, there is no next page.
    fn next(self) -> Result<Next, BadAnswer> {
        let Some(next) = self.next.map(RawValue::get) else {
            return Ok(Next::End);
        };
        Ok(match next.as_bytes()[0] {
            b'n' => Next::End,
            b'{' => match member(next, "starting_after")? {
                None | Some("\"\"") => Next::Unnamed,
                Some("null") => Next::End,
                Some(cursor) => Next::Cursor(serde_json::from_str(cursor)?),
            },
            b'"' => cursor_in_url(&serde_json::from_str::<String>(next)?)
                .map_or(Next::Unnamed, Next::Cursor),
            _ => Next::Unnamed,
        })
    }
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

    const NAMES: Names = Names {
        records_at: "data",
        key: "id",
        replication_key: "updated_at",
    };

    fn parse(body: &str) -> Result<Page, BadAnswer> {
        Page::parse(body.as_bytes().to_vec(), NAMES)
    }

    #[test]
    fn records_keep_their_bytes_and_show_their_keys() {
        let page = parse(
            r#"{"type":"list","data":[ {"id":"a","updated_at": "2024-12-18T15:58:51Z"} ,{"n":1e2,"id":7}],"total_count":2}"#,
        )
        .unwrap();
        let rows: Vec<_> = page
            .rows
            .iter()
            .map(|row| {
                (
                    row.record.json(),
                    row.id.as_str(),
                    row.updated_at,
                    row.updated_at_json(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                (
                    r#"{"id":"a","updated_at": "2024-12-18T15:58:51Z"}"#,
                    "a",
                    Some(1_734_537_531),
                    r#""2024-12-18T15:58:51Z""#,
                ),
                (r#"{"n":1e2,"id":7}"#, "7", None, "null",),
            ]
        );
        assert_eq!(page.total_count, Some(2));
    }

    #[test]
    fn the_next_page_in_all_its_shapes() {
        let cursor = |text: &str| Next::Cursor(text.to_owned());
        for (next, expected) in [
            ("null", Next::End),
            (r#"{"page":2,"starting_after":"abc=="}"#, cursor("abc==")),
            (r#"{"page":2,"starting_after":null}"#, Next::End),
            (r#"{"page":2}"#, Next::Unnamed),
            (
                r#""https://x.test/c?page=2&starting_after=a%3D%3D""#,
                cursor("a=="),
            ),
            (r#""https://x.test/c?page=2""#, Next::Unnamed),
            ("2", Next::Unnamed),
        ] {
            let page = parse(&format!(r#"{{"data":[],"pages":{{"next":{next}}}}}"#)).unwrap();
            assert_eq!(page.next, expected, "{next}");
        }
        assert_eq!(
            parse(r#"{"data":[],"pages":null}"#).unwrap().next,
            Next::End
        );
    }

    #[test]
    fn what_is_no_page_is_a_bad_answer() {
        for body in [
            "",
            "{not json",
            "null",
            "[]",
            "{}",
            r#"{"data":null}"#,
            r#"{"data":[{"id":null}]}"#,
            r#"{"data":[{"name":"n"}]}"#,
            r#"{"data":[1]}"#,
            r#"{"data":[]"#,
            r#"{"data":[]}{"data":[]}"#,
        ] {
            assert!(parse(body).is_err(), "{body}");
        }
    }
}
