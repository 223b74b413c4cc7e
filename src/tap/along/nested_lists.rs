//! Lists inside a record that the API cuts at ten elements (`has_more`), completed from their
//! `url`.

use std::collections::HashSet;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::members::{member, members, range_in};
use crate::tap::api::client::{ApiRequest, Client};
use crate::tap::api::path::{with_parameter, with_query};
use crate::tap::fault::Fault;
use crate::tap::read::page::{Names, Next, Page, Record, Row};

/// By what the elements of lists are understood.
const ELEMENTS: Names = Names {
    records_at: "data",
    key: "id",
    replication_key: "updated_at",
};

/// Whether some list of the record says that it has more.
#[must_use]
pub fn are_cut(record: &str) -> bool {
    let bytes = record.as_bytes();
    let name = b"\"has_more\"";
    memmem::find_iter(bytes, name).any(|at| {
        let rest = bytes[at + name.len()..].trim_ascii_start();
        rest.strip_prefix(b":")
            .is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
    })
}

/// The record with its lists complete: the elements it had, then those it lacked, and `has_more`
/// false. A list that can't be found any more stays as it is.
pub fn complete(client: &Client, record: &Record) -> Result<Record, Fault> {
    let json = record.json();
    let Ok(properties) = members(json) else {
        return Ok(record.clone());
    };
    let mut edits = Vec::new();
    for property in properties {
        let Ok(list) = serde_json::from_str::<List<'_>>(property.value) else {
            continue;
        };
        if list.has_more.get() != "true" {
            continue;
        }
        let rest = missing_elements(client, &property.name, &list)?;
        let is_joined = !list.elements()?.is_empty() && !rest.is_empty();
        let comma = if is_joined { "," } else { "" };
        let end = range_in(json, list.data.get()).end - 1;
        edits.push((end..end, format!("{comma}{}", rest.join(","))));
        edits.push((range_in(json, list.has_more.get()), "false".to_owned()));
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut completed = String::with_capacity(json.len() * 2);
    let mut copied = 0;
    for (range, text) in edits {
        completed += &json[copied..range.start];
        completed += &text;
        copied = range.end;
    }
    completed += &json[copied..];
    Ok(Record::owned(completed))
}

/// A list inside a record.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    has_more: &'a RawValue,
    url: String,
}

impl<'a> List<'a> {
    fn elements(&self) -> Result<Vec<&'a RawValue>, Fault> {
        serde_json::from_str(self.data.get())
            .map_err(|error| Fault::Stream(format!("a list in a record can't be read: {error}")))
    }
}

/// The elements of the whole list that the record lacks, as JSON. `name` is the list's in the record.
fn missing_elements(client: &Client, name: &str, list: &List<'_>) -> Result<Vec<String>, Fault> {
    let mut known = HashSet::new();
    for element in list.elements()? {
        let element = Record::owned(element.get().to_owned());
        if let Ok(row) = Row::parse(element, ELEMENTS) {
            known.insert(row.id);
        }
    }
    let is_missing = |row: &Row| is_of(name, row.record.json()) && !known.contains(&row.id);
    match elements(client, &path_of(&list.url), is_missing) {
        Err(Fault::Gone { message }) => {
            tracing::warn!("{message}; the list stays as it was in its record");
            Ok(Vec::new())
        }
        elements => elements,
    }
}

/// The elements of the list under a path that are wanted, each once, as JSON. The endpoint may give
/// them whole, or in pages, numbered or with cursors.
pub fn elements(
    client: &Client,
    path: &str,
    is_wanted: impl Fn(&Row) -> bool,
) -> Result<Vec<String>, Fault> {
    let mut known = HashSet::new();
    let mut wanted = Vec::new();
    let mut request = ApiRequest::Get(path.to_owned());
    for number in 2.. {
        let page = client.send(&request, |body| Page::parse(body, ELEMENTS))?;
        let before = known.len();
        for row in page.rows {
            if known.insert(row.id.clone()) && is_wanted(&row) {
                wanted.push(row.record.json().to_owned());
            }
        }
        // An endpoint without pages answers every request with the whole list.
        let is_whole = match page.total_pages {
            Some(total) => number > total,
            None => known.len() == before,
        };
        request = ApiRequest::Get(match page.next {
            Next::Cursor(cursor) => with_parameter(path, "starting_after", &cursor),
            Next::End if page.total_pages.is_none() => break,
            _ if is_whole => break,
            _ => with_query(path, &format!("page={number}")),
        });
    }
    Ok(wanted)
}

/// Whether an element found under a list's URL is of that list: `opted_in_subscription_types` and
/// `opted_out_subscription_types` have the same URL, and only the elements' consent tells them apart.
fn is_of(list: &str, element: &str) -> bool {
    match member(element, "consent_type") {
        Ok(Some("\"opt_in\"")) => !list.starts_with("opted_out_"),
        Ok(Some("\"opt_out\"")) => !list.starts_with("opted_in_"),
        _ => true,
    }
}

/// The path of a URL found in a record. It is asked of the configured host, whichever host the URL
/// names, since the token goes nowhere else.
fn path_of(url: &str) -> String {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |start| &rest[start..]),
        None => url,
    };
    format!("/{}", path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_list_is_found_however_it_is_spaced() {
        assert!(are_cut(r#"{"tags":{"has_more":true}}"#));
        assert!(are_cut("{\"tags\":{\"has_more\" :\n true}}"));
        assert!(!are_cut(r#"{"tags":{"has_more":false},"is":true}"#));
    }

    #[test]
    fn two_lists_under_one_url_are_told_apart() {
        let element = r#"{"id":"1","consent_type":"opt_in"}"#;
        assert!(is_of("opted_in_subscription_types", element));
        assert!(!is_of("opted_out_subscription_types", element));
        assert!(is_of("tags", r#"{"id":"1"}"#));
    }

    #[test]
    fn only_the_path_of_a_url_counts() {
        for url in [
            "/contacts/1/tags",
            "contacts/1/tags",
            "https://elsewhere.test/contacts/1/tags",
            "//contacts/1/tags",
        ] {
            assert_eq!(path_of(url), "/contacts/1/tags", "{url}");
        }
    }
}
