//! Lists inside a record of which the API gives only the first elements, completed from where they are
//! whole.
//!
//! Records hold values that anybody may set, so that a list is one only where the table of streams
//! says so, and the path asked is one below the record's own.

use std::collections::HashSet;

use super::truncated_list::{TruncatedList, truncated_lists};
use crate::json::edit::edited;
use crate::json::members::member;
use crate::tap::api::client::{ApiRequest, Client, Effort};
use crate::tap::api::path::{path_segment, with_parameter, with_query};
use crate::tap::fault::Fault;
use crate::tap::read::envelope::Continuation;
use crate::tap::read::page::{Names, Page, RecordJson, Row, text};
use crate::tap::streams::NestedLists;

/// A record whose lists were completed as far as they could be had.
#[derive(Debug)]
pub struct Completed {
    /// The record.
    pub record: RecordJson,
    /// What became of each list that was truncated, with the reason where it stays so.
    pub lists: Vec<(&'static str, ListOutcome)>,
}

/// What became of a list.
#[derive(Debug)]
pub enum ListOutcome {
    /// It is whole now, or what it is of is gone.
    Had {
        /// Whether its count alone said that it lacked something.
        is_by_count: bool,
    },
    /// It was whole, though its count says otherwise.
    AllThere,
    /// It can't be had, or what was answered isn't usable.
    Missing(String),
    /// The token or the plan doesn't have it.
    Refused(String),
}

/// The record with its lists complete: the elements they had, then those they lacked, and `has_more`
/// false. A list that can't be had stays as it is; those under `given_up` aren't asked for, nor those
/// under `miscounted` for their count alone.
pub fn complete(
    client: &Client,
    nested: &NestedLists,
    id: &str,
    record: &RecordJson,
    given_up: &[&'static str],
    miscounted: &[&'static str],
    effort: &Effort<'_>,
) -> Result<Completed, Fault> {
    let json = record.json();
    let mut edits = Vec::new();
    let mut lists = Vec::new();
    for truncated in truncated_lists(json, nested) {
        let name = truncated.list.name;
        if truncated.is_by_count && miscounted.contains(&name) {
            continue;
        }
        if given_up.contains(&name) {
            let why = "it was given up for this run".to_owned();
            lists.push((name, ListOutcome::Missing(why)));
            continue;
        }
        let outcome = match missing_elements(client, nested, id, &truncated, effort) {
            Ok(rest) if rest.is_empty() && truncated.is_by_count => ListOutcome::AllThere,
            Ok(rest) => {
                let rest: Vec<&str> = rest.iter().map(RecordJson::json).collect();
                edits.extend(truncated.completed(json, &rest));
                ListOutcome::Had {
                    is_by_count: truncated.is_by_count,
                }
            }
            Err(Fault::Gone { message, .. }) => {
                tracing::warn!("{message}; the list stays as it was in its record");
                ListOutcome::Had { is_by_count: false }
            }
            Err(Fault::Refused { message }) => ListOutcome::Refused(message),
            Err(Fault::Stream(message)) => ListOutcome::Missing(message),
            Err(fault) => return Err(fault),
        };
        lists.push((name, outcome));
    }
    let record = if edits.is_empty() {
        record.clone()
    } else {
        RecordJson::owned(edited(json, edits))
    };
    Ok(Completed { record, lists })
}

/// Asks for one record on its own.
pub fn record(
    client: &Client,
    nested: &NestedLists,
    id: &str,
    names: Names,
    effort: &Effort<'_>,
) -> Result<Row, Fault> {
    client.try_hard(
        &ApiRequest::Get(path_of_record(nested, id)),
        effort,
        |body| Row::parse(RecordJson::owned(text(body)?), names),
    )
}

/// The elements of the whole list that the record lacks. Where the list doesn't say where it is, or names
/// a place that isn't its record's, it is asked for where its kind of list is.
fn missing_elements(
    client: &Client,
    nested: &NestedLists,
    id: &str,
    truncated: &TruncatedList<'_>,
    effort: &Effort<'_>,
) -> Result<Vec<RecordJson>, Fault> {
    let own_path = format!("{}/{}", path_of_record(nested, id), truncated.list.place);
    let named = truncated.url.as_deref();
    let path = named.and_then(|url| path_below(url, nested, id));
    let path = path.unwrap_or(&own_path);
    let mut known = HashSet::new();
    for element in &truncated.elements {
        let element = RecordJson::owned((*element).to_owned());
        if let Ok(row) = Row::parse(element, Names::USUAL) {
            known.insert(row.id);
        }
    }
    let is_missing =
        |row: &Row| is_of(truncated.list.name, row.record.json()) && !known.contains(&row.id);
    elements(client, path, effort, is_missing)
}

/// The elements of the list under a path that are wanted, each once. The endpoint may give them
/// whole, or in pages, numbered or with cursors.
pub fn elements(
    client: &Client,
    path: &str,
    effort: &Effort<'_>,
    is_wanted: impl Fn(&Row) -> bool,
) -> Result<Vec<RecordJson>, Fault> {
    let mut known = HashSet::new();
    let mut wanted = Vec::new();
    let mut request = ApiRequest::Get(path.to_owned());
    for number in 2.. {
        let page = client.try_hard(&request, effort, |body| Page::parse(body, Names::USUAL))?;
        let before = known.len();
        for row in page.rows {
            if known.insert(row.id.clone()) && is_wanted(&row) {
                wanted.push(row.record);
            }
        }
        // Without anything new there is no progress: an endpoint without pages answers every request
        // with the whole list, and cursors that go round never end.
        let is_fruitless = known.len() == before;
        let is_whole = page.total_pages.is_some_and(|total| number > total);
        let are_all = page
            .total_count
            .is_some_and(|total| known.len() as u64 >= total);
        request = ApiRequest::Get(match page.next {
            Continuation::Cursor(_) if is_fruitless && !are_all => {
                return Err(Fault::Stream(format!(
                    "GET {path} gives cursors without end and nothing new"
                )));
            }
            _ if is_fruitless => break,
            Continuation::Cursor(cursor) => with_parameter(path, "starting_after", &cursor),
            Continuation::End if page.total_pages.is_none() => break,
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

fn path_of_record(nested: &NestedLists, id: &str) -> String {
    nested.record_path.replace("{id}", &path_segment(id))
}

/// The path of a URL found in a record, if it lies below the record's own. It is asked of the
/// configured host, whichever host the URL names, since the token goes nowhere else.
fn path_below<'a>(url: &'a str, nested: &NestedLists, id: &str) -> Option<&'a str> {
    let path = match url.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => url,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~./?&=%".contains(&byte);
    let (place, _) = path.split_once('?').unwrap_or((path, ""));
    // The id stands there as it is, or with all but letters and digits escaped.
    let below = [id, &path_segment(id)].into_iter().find_map(|id| {
        let rest = place.strip_prefix(&nested.record_path.replace("{id}", id))?;
        rest.strip_prefix('/')
    })?;
    let are_names = below
        .split('/')
        .all(|segment| !segment.is_empty() && !segment.contains(['.', '%']));
    let is_segment = !id.contains(['/', '?']) && !matches!(id, "." | "..");
    (path.bytes().all(is_plain) && are_names && is_segment).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: NestedLists = NestedLists {
        lists: &[],
        record_path: "/contacts/{id}",
    };

    #[test]
    fn two_lists_under_one_url_are_told_apart() {
        let element = r#"{"id":"1","consent_type":"opt_in"}"#;
        assert!(is_of("opted_in_subscription_types", element));
        assert!(!is_of("opted_out_subscription_types", element));
        assert!(is_of("tags", r#"{"id":"1"}"#));
    }

    #[test]
    fn only_a_path_below_the_record_is_asked() {
        let below = |url| path_below(url, &NESTED, "a1");
        for url in [
            "/contacts/a1/tags",
            "https://elsewhere.test/contacts/a1/tags",
        ] {
            assert_eq!(below(url), Some("/contacts/a1/tags"), "{url}");
        }
        assert_eq!(
            below("/contacts/a1/tags?per_page=50"),
            Some("/contacts/a1/tags?per_page=50")
        );
        for url in [
            "",
            "/me",
            "/contacts/a1",
            "/contacts/a1/",
            "/contacts/a12/tags",
            "/contacts/b2/tags",
            "contacts/a1/tags",
            "//contacts/a1/tags",
            "/contacts/a1/../../me",
            "/contacts/a1/%2e%2e/me",
            "/contacts/a1/tags#x",
            "/contacts/a1/tags HTTP/1.1",
            "/contacts/a1/tags\r\nX: y",
            "https://elsewhere.test",
        ] {
            assert_eq!(below(url), None, "{url:?}");
        }
    }
}
