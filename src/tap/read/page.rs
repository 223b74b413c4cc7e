//! An answer's body and where its records lie in it. One pass finds the records and their keys, and
//! copies nothing else.

use std::ops::Range;
use std::sync::Arc;

use super::envelope::{Continuation, Envelope, key};
pub use super::names::Names;
use super::nested_list;
use super::numbers::is_fraction;
use super::places::Outputs;
use super::seen::Version;
use crate::json::members::{fault_of, range_in};
use crate::json::scanner::Scanner;
use crate::tap::api::client::BadAnswer;
use crate::tap::time::{self, EpochSeconds};

/// A page of records.
#[derive(Debug)]
pub struct Page {
    /// The records, in the answer's order.
    pub rows: Vec<Row>,
    /// `pages.next`, as far as cursors are concerned.
    pub next: Continuation,
    /// `pages.total_pages`.
    pub total_pages: Option<u32>,
    /// `pages.per_page`: what the server made of the page size that was asked for.
    pub per_page: Option<u32>,
    /// `total_count`.
    pub total_count: Option<u64>,
    /// `scroll_param`: what the next request of a scroll must carry.
    pub scroll_param: Option<String>,
    /// Elements of the array that are no records, or have no key that can be read: what one of them
    /// is like, and how many there are. Nothing could load them, and they mustn't keep anything from
    /// being loaded.
    pub odd: Option<(String, usize)>,
}

/// One record of a page.
#[derive(Clone, Debug)]
pub struct Row {
    /// The bytes of the record.
    pub record: RecordJson,
    /// The record's key, without quotes.
    pub id: String,
    /// The value of the replication key (`updated_at`, mostly; `created_at` of what never changes), which
    /// bookmarks are made of, where the record has one.
    pub replication_key_value: Option<EpochSeconds>,
    /// Where the bytes of that value are in the record.
    pub replication_key_value_json: Range<usize>,
    /// Whether a list inside it has more than is there.
    pub is_truncated: bool,
    /// The outputs that it is to be emitted for.
    pub wanted: Outputs,
}

/// The bytes of a record: a range of a body that it shares with its page.
#[derive(Clone, Debug)]
pub struct RecordJson {
    body: Arc<String>,
    range: Range<usize>,
}

impl RecordJson {
    /// A record of its own.
    #[must_use]
    pub fn owned(json: String) -> Self {
        let range = 0..json.len();
        Self {
            body: Arc::new(json),
            range,
        }
    }

    /// A record of a body.
    #[must_use]
    pub fn of(body: &Arc<String>, range: Range<usize>) -> Self {
        let body = Arc::clone(body);
        Self { body, range }
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
    /// The value of the replication key as the API wrote it; `null` where there is none.
    #[must_use]
    pub fn replication_key_value_json(&self) -> &str {
        match self.replication_key_value_json.len() {
            0 => "null",
            _ => &self.record.json()[self.replication_key_value_json.clone()],
        }
    }

    /// What tells this version of the record from others.
    #[must_use]
    pub fn version(&self) -> Version {
        Version {
            replication_key_value: self.replication_key_value,
            checksum: crc32c::crc32c(self.record.json().as_bytes()),
        }
    }
}

impl Page {
    /// Reads the body of an answer.
    pub fn parse(body: Vec<u8>, names: Names) -> Result<Self, BadAnswer> {
        let body = text(body)?;
        let mut envelope = Envelope::parse(&body, names.records_at, |scanner| {
            if scanner.peek()? != b'{' {
                return scanner
                    .value()
                    .map(|_| Err(BadAnswer("a record isn't an object".into())));
            }
            let (json, found) = scanner.with_text(|scanner| Found::pass(scanner, names))?;
            let range = range_in(&body, json);
            Some(Keys::new(json, &found, names).map(|keys| (range, keys)))
        })?;
        if envelope.records.is_none() && envelope.is_agreed_to_be_empty() {
            envelope.records = Some(Vec::new());
        }
        let Some(records) = envelope.records else {
            return Err(BadAnswer(format!(
                "the answer has no `{}`",
                names.records_at
            )));
        };
        let count = records.len();
        let body = Arc::new(body);
        let mut rows = Vec::with_capacity(count);
        let mut odd = None;
        for record in records {
            match record {
                Ok((range, keys)) => rows.push(Row::new(RecordJson::of(&body, range), keys)),
                Err(bad) => odd = Some(bad),
            }
        }
        if let Some(bad) = &odd
            && rows.is_empty()
            && count > 1
        {
            return Err(BadAnswer(format!("all {count} records are odd: {bad}")));
        }
        let pages = envelope.pages;
        Ok(Self {
            odd: odd.map(|bad| (bad.0, count - rows.len())),
            rows,
            next: pages.next,
            total_pages: pages.total_pages.or(envelope.total_pages),
            per_page: pages.per_page.or(envelope.per_page),
            total_count: envelope.total_count,
            scroll_param: envelope.scroll_param,
        })
    }

    /// How many records a page has, of so many that were asked for.
    #[must_use]
    pub fn size(&self, asked: u32) -> u32 {
        let there = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.per_page.unwrap_or(asked).max(there)
    }

    /// What its records take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let lengths = self.rows.iter().map(|row| row.record.json().len());
        lengths.sum::<usize>() as u64
    }

    /// The oldest instant of its records.
    #[must_use]
    pub fn oldest(&self) -> Option<EpochSeconds> {
        self.rows
            .iter()
            .filter_map(|row| row.replication_key_value)
            .min()
    }

    /// The newest instant of its records.
    #[must_use]
    pub fn newest(&self) -> Option<EpochSeconds> {
        self.rows
            .iter()
            .filter_map(|row| row.replication_key_value)
            .max()
    }
}

/// A body as text. JSON is UTF-8; what isn't was damaged on the way.
pub fn text(body: Vec<u8>) -> Result<String, BadAnswer> {
    String::from_utf8(body).map_err(|_| BadAnswer("the answer isn't valid UTF-8".into()))
}

impl Row {
    /// Finds the keys of a record.
    pub fn parse(record: RecordJson, names: Names) -> Result<Self, BadAnswer> {
        let json = record.json();
        let mut scanner = Scanner::new(json);
        let found = Found::pass(&mut scanner, names).ok_or_else(|| fault_of(json))?;
        let keys = Keys::new(json, &found, names)?;
        Ok(Self::new(record, keys))
    }

    fn new(record: RecordJson, keys: Keys) -> Self {
        Self {
            record,
            id: keys.id,
            replication_key_value: keys.replication_key_value,
            replication_key_value_json: keys.replication_key_value_json,
            is_truncated: keys.is_truncated,
            wanted: Outputs::ALL,
        }
    }
}

/// The values in a record that its row is known by, as they stand in the text.
struct Found<'a> {
    id: Option<&'a str>,
    replication_key_value: Option<&'a str>,
    is_truncated: bool,
}

impl<'a> Found<'a> {
    /// Passes over a record; `None` where there is none.
    fn pass(scanner: &mut Scanner<'a>, names: Names) -> Option<Self> {
        let mut found = Self {
            id: None,
            replication_key_value: None,
            is_truncated: false,
        };
        let sieve = names.sieve();
        scanner.object(|scanner, name| {
            if !sieve.lets_through(name) {
                return scanner.value().map(drop);
            }
            if names.lists.iter().any(|list| name.is(list.name)) {
                found.is_truncated |= nested_list::has_more(scanner)?;
                return Some(());
            }
            let value = scanner.value()?;
            if name.is(names.key) {
                found.id = Some(value);
            } else if name.is(names.replication_key) {
                found.replication_key_value = Some(value);
            }
            Some(())
        })?;
        Some(found)
    }
}

/// What those values mean.
struct Keys {
    id: String,
    replication_key_value: Option<EpochSeconds>,
    replication_key_value_json: Range<usize>,
    is_truncated: bool,
}

impl Keys {
    fn new(record: &str, found: &Found<'_>, names: Names) -> Result<Self, BadAnswer> {
        let id = match found.id {
            None | Some("null" | "\"\"") => {
                return Err(BadAnswer(format!("a record has no `{}`", names.key)));
            }
            Some(value) => key(value).filter(|_| !is_fraction(value)).ok_or_else(|| {
                BadAnswer(format!(
                    "the `{}` of a record is no text or whole number: {value}",
                    names.key
                ))
            })?,
        };
        Ok(Self {
            id,
            replication_key_value: found.replication_key_value.and_then(time::parse_json),
            replication_key_value_json: found
                .replication_key_value
                .map_or(0..0, |value| range_in(record, value)),
            is_truncated: found.is_truncated,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Page, BadAnswer> {
        Page::parse(body.as_bytes().to_vec(), Names::USUAL)
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
                    row.replication_key_value,
                    row.replication_key_value_json(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                (
                    r#"{"id":"a","updated_at": "2024-12-18T15:58:51Z"}"#,
                    "a",
                    EpochSeconds::new(1_734_537_531),
                    r#""2024-12-18T15:58:51Z""#,
                ),
                (r#"{"n":1e2,"id":7}"#, "7", None, "null",),
            ]
        );
        assert_eq!(page.total_count, Some(2));
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
            r#"{"data":null,"total_count":3}"#,
            r#"{"data":{},"total_count":0}"#,
            r#"{"data":[{"id":null},{"name":"n"}]}"#,
            r#"{"data":[1,2]}"#,
            r#"{"data":[]"#,
            r#"{"data":[]}{"data":[]}"#,
        ] {
            assert!(parse(body).is_err(), "{body}");
        }
    }

    #[test]
    fn one_odd_record_costs_itself_alone() {
        for odd in [
            "null",
            "7",
            "[]",
            "{}",
            r#"{"id":null}"#,
            r#"{"id":{}}"#,
            r#"{"id":""}"#,
            r#"{"id":1.5}"#,
        ] {
            let page = parse(&format!(r#"{{"data":[{{"id":1}},{odd},{{"id":"b"}}]}}"#)).unwrap();
            let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
            assert_eq!(ids, ["1", "b"], "{odd}");
            assert_eq!(page.odd.map(|(_, count)| count), Some(1), "{odd}");
            assert!(
                parse(&format!(r#"{{"data":[{odd}]}}"#))
                    .unwrap()
                    .odd
                    .is_some(),
                "{odd}"
            );
        }
    }

    #[test]
    fn numbers_and_keys_are_read_however_they_are_written() {
        for count in ["4", "\"4\"", "4.0", "\"4.0\"", "4e0"] {
            let page = parse(&format!(
                r#"{{"data":[{{"id":{count}}}],"total_count":{count},"pages":{{"per_page":{count},"total_pages":{count}}}}}"#
            ))
            .unwrap();
            assert_eq!(page.total_count, Some(4), "{count}");
            assert_eq!(
                (page.per_page, page.total_pages),
                (Some(4), Some(4)),
                "{count}"
            );
        }
        let ids =
            parse(r#"{"data":[{"id":4.0},{"id":"4"},{"id":"\ud800"},{"\udfff":1,"id":"\ud801"}]}"#)
                .unwrap();
        let ids: Vec<&str> = ids.rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["4", "4", "\\ud800", "\\ud801"]);
        for odd in ["null", "\"many\"", "-1", "{}", "[]", "true"] {
            let page = parse(&format!(
                r#"{{"data":[],"total_count":{odd},"pages":{{"next":null,"per_page":{odd}}}}}"#
            ));
            assert_eq!(page.unwrap().total_count, None, "{odd}");
        }
        for odd in ["null", "[]", "7", "\"x\""] {
            let page = parse(&format!(r#"{{"data":[],"pages":{odd}}}"#)).unwrap();
            assert_eq!(page.next, Continuation::End, "{odd}");
        }
    }

    #[test]
    fn null_is_an_empty_page_where_the_totals_agree() {
        for body in [
            r#"{"data":null,"total_count":0}"#,
            r#"{"data":null,"total_count":"0"}"#,
            r#"{"data":null,"total_count":7,"pages":{"page":3,"total_pages":2}}"#,
        ] {
            assert!(parse(body).unwrap().rows.is_empty(), "{body}");
        }
    }
}
