//! Lists that belong to one parent and have a way of their own to name the next page, or elements that
//! aren't records as they stand.

use std::collections::HashSet;

use super::nested_lists;
use crate::json::members::member;
use crate::json::scanner::Scanner;
use crate::json::strings::unquoted;
use crate::tap::api::client::{ApiRequest, BadAnswer, Client, Effort};
use crate::tap::api::path::{path_segment, with_parameter, with_query};
use crate::tap::fault::Fault;
use crate::tap::read::envelope::{Continuation, Envelope, key};
use crate::tap::read::page::{RecordJson, text};
use crate::tap::streams::{ChildList, Elements, NextPage};

/// One page of such a list.
struct ListPage {
    elements: Vec<RecordJson>,
    /// Where the next page is, if there is one; `None` where pages are numbered.
    next: Option<String>,
    /// The last page, where pages are numbered.
    last_page: Option<u32>,
}

/// The records of a list, each once.
pub fn records(
    client: &Client,
    path: &str,
    list: &ChildList,
    effort: &Effort<'_>,
) -> Result<Vec<RecordJson>, Fault> {
    let size = list.per_page.map(|per_page| format!("per_page={per_page}"));
    let path = with_query(path, &size.unwrap_or_default());
    let mut met = HashSet::new();
    let mut found = Vec::new();
    let mut request = path.clone();
    for number in 2.. {
        let page = client.try_hard(&ApiRequest::Get(request), effort, |body| {
            ListPage::parse(&RecordJson::owned(text(body)?), list, &path)
        })?;
        let is_empty = page.elements.is_empty();
        let before = met.len();
        for element in page.elements {
            if met.insert(element.json().to_owned()) {
                found.push(element);
            }
        }
        let is_fruitless = met.len() == before;
        if is_fruitless && !is_empty && page.next.is_some() {
            return Err(Fault::Stream(format!(
                "GET {path} names page after page and nothing new"
            )));
        }
        request = match (page.next, page.last_page) {
            _ if is_fruitless => break,
            (Some(path_of_next), _) => path_of_next,
            (None, Some(pages)) if number <= pages => with_query(&path, &format!("page={number}")),
            _ => break,
        };
    }
    Ok(found)
}

/// The elements of a list under `data`, each asked for by its own path.
pub fn each_of(
    client: &Client,
    list_path: &str,
    path: &str,
    effort: &Effort<'_>,
) -> Result<Vec<RecordJson>, Fault> {
    let mut found = Vec::new();
    for element in nested_lists::elements(client, list_path, effort, |_| true)? {
        let id = member(element.json(), "id").ok().flatten().and_then(key);
        let path = path.replace("{each}", &path_segment(&id.unwrap_or_default()));
        match client.try_hard(&ApiRequest::Get(path), effort, object) {
            Ok(record) => found.push(record),
            // It was removed since the list was read.
            Err(Fault::Gone { message, .. }) => tracing::debug!("{message}"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// An answer that is an object, as a record.
pub fn object(body: Vec<u8>) -> Result<RecordJson, BadAnswer> {
    let body = RecordJson::owned(text(body)?);
    let json = body.json().trim();
    let mut scanner = Scanner::new(json);
    if !json.starts_with('{') || scanner.value().is_none() || !scanner.is_at_end() {
        return Err(BadAnswer("the answer isn't a JSON object".into()));
    }
    Ok(body.part(json))
}

/// The object under a name in an answer, as a record; none where null stands there, or nothing.
pub fn part(body: Vec<u8>, name: &str) -> Result<Vec<RecordJson>, BadAnswer> {
    let body = object(body)?;
    Ok(match member(body.json(), name)? {
        None | Some("null") => Vec::new(),
        Some(json) => vec![body.part(json)],
    })
}

/// The elements of an answer that is an array, as records.
pub fn array(body: Vec<u8>) -> Result<Vec<RecordJson>, BadAnswer> {
    let body = RecordJson::owned(text(body)?);
    let json = body.json().trim();
    let mut elements = Vec::new();
    let mut scanner = Scanner::new(json);
    let passed = scanner.array(|scanner| {
        elements.push(body.part(scanner.value()?));
        Some(())
    });
    if passed.is_none() || !scanner.is_at_end() {
        return Err(BadAnswer("the answer isn't a JSON array".into()));
    }
    Ok(elements)
}

impl ListPage {
    fn parse(body: &RecordJson, list: &ChildList, path: &str) -> Result<Self, BadAnswer> {
        let json = body.json();
        let envelope = Envelope::parse(json, list.at, Scanner::value)?;
        let next = match list.next {
            NextPage::NumberOrCursor => match envelope.next() {
                Continuation::Cursor(cursor) => {
                    Some(with_parameter(path, "starting_after", cursor))
                }
                Continuation::End | Continuation::Bare(_) | Continuation::Unnamed => None,
            },
            NextPage::Linked => linked(json, path)?,
            NextPage::CursorBeside { at, parameter } => {
                let cursor = member(json, at)?.and_then(unquoted);
                let cursor = cursor.filter(|cursor| !cursor.is_empty());
                cursor.map(|cursor| with_parameter(path, parameter, &cursor))
            }
        };
        let last_page = envelope.total_pages();
        let found = envelope
            .records
            .ok_or_else(|| BadAnswer(format!("the answer has no list `{}`", list.at)))?;
        let mut elements = Vec::with_capacity(found.len());
        for element in found {
            taken(body, element, list.elements, &mut elements)?;
        }
        Ok(Self {
            elements,
            next,
            last_page,
        })
    }
}

/// Adds the records that an element is or holds.
fn taken(
    body: &RecordJson,
    element: &str,
    elements: Elements,
    records: &mut Vec<RecordJson>,
) -> Result<(), BadAnswer> {
    match elements {
        Elements::Records => records.push(body.part(element)),
        Elements::Lifting { from, to } => {
            let object = member(element, from.0)?.filter(|object| object.starts_with('{'));
            let value = object.map(|object| member(object, from.1)).transpose()?;
            let value = value.flatten().filter(|value| *value != "null");
            records.push(with_member(element, to, value.unwrap_or(r#""""#))?);
        }
        Elements::Holding { list, key } => {
            let Some(holder_key) = member(element, key)? else {
                return Err(BadAnswer(format!("an element has no `{key}`")));
            };
            let held = match member(element, list)? {
                None | Some("null") => return Ok(()),
                Some(held) => held,
            };
            let mut scanner = Scanner::new(held);
            let mut found = Vec::new();
            let passed = scanner.array(|scanner| {
                found.push(scanner.value()?);
                Some(())
            });
            if passed.is_none() {
                return Err(BadAnswer(format!("`{list}` of an element isn't a list")));
            }
            for record in found {
                records.push(with_member(record, key, holder_key)?);
            }
        }
    }
    Ok(())
}

/// An object with a member more, its last.
fn with_member(json: &str, name: &str, value: &str) -> Result<RecordJson, BadAnswer> {
    let Some(open) = json.strip_suffix('}') else {
        return Err(BadAnswer("a child record isn't a JSON object".into()));
    };
    let comma = if open.trim_end() == "{" { "" } else { "," };
    Ok(RecordJson::owned(format!(
        "{open}{comma}\"{name}\":{value}}}"
    )))
}

/// What the URL of the next page asks of the same path: whichever host it names, the token goes to the
/// configured one only.
fn linked(json: &str, path: &str) -> Result<Option<String>, BadAnswer> {
    let pages = member(json, "pages")?.filter(|pages| pages.starts_with('{'));
    let next = pages.map(|pages| member(pages, "next")).transpose()?;
    let Some(url) = next.flatten().and_then(unquoted) else {
        return Ok(None);
    };
    let Some((_, query)) = url.split_once('?') else {
        return Ok(None);
    };
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if !query.bytes().all(is_plain) {
        return Ok(None);
    }
    let (place, _) = path.split_once('?').unwrap_or((path, ""));
    Ok(Some(format!("{place}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: ChildList = ChildList {
        at: "events",
        per_page: None,
        next: NextPage::Linked,
        elements: Elements::Records,
    };

    fn parse(body: &str, list: &ChildList) -> ListPage {
        ListPage::parse(
            &RecordJson::owned(body.to_owned()),
            list,
            "/events?type=user",
        )
        .unwrap()
    }

    fn json(page: &ListPage) -> Vec<&str> {
        page.elements.iter().map(RecordJson::json).collect()
    }

    #[test]
    fn a_url_names_the_next_page_of_the_same_path_only() {
        let next = |next: &str| {
            let body = format!(r#"{{"events":[{{"a":1}}],"pages":{{"next":{next}}}}}"#);
            parse(&body, &EVENTS).next
        };
        let there = Some("/events?type=user&before=7".to_owned());
        assert_eq!(next(r#""http://x.test/events?type=user&before=7""#), there);
        assert_eq!(next(r#""/other?type=user&before=7""#), there);
        for none in [
            "null",
            r#""""#,
            r#""http://x.test/events""#,
            r#""/events?a b""#,
        ] {
            assert_eq!(next(none), None, "{none}");
        }
    }

    #[test]
    fn a_cursor_may_stand_beside_the_list() {
        let list = ChildList {
            at: "data",
            next: NextPage::CursorBeside {
                at: "next_cursor",
                parameter: "cursor",
            },
            ..EVENTS
        };
        let page = parse(r#"{"data":[],"next_cursor":"a=","has_more":true}"#, &list);
        assert_eq!(page.next.as_deref(), Some("/events?type=user&cursor=a%3D"));
        assert_eq!(parse(r#"{"data":[]}"#, &list).next, None);
    }

    #[test]
    fn records_are_given_what_identifies_them() {
        let lifting = ChildList {
            elements: Elements::Lifting {
                from: ("teammate", "id"),
                to: "teammate_id",
            },
            ..EVENTS
        };
        let page = parse(
            r#"{"events":[{"teammate":{"id":7}},{"teammate":null}]}"#,
            &lifting,
        );
        assert_eq!(
            json(&page),
            [
                r#"{"teammate":{"id":7},"teammate_id":7}"#,
                r#"{"teammate":null,"teammate_id":""}"#
            ]
        );
        let holding = ChildList {
            elements: Elements::Holding {
                list: "parts",
                key: "side_id",
            },
            ..EVENTS
        };
        let page = parse(
            r#"{"events":[{"side_id":"9","parts":[{"id":1e2},{}]},{"side_id":"8","parts":null}]}"#,
            &holding,
        );
        assert_eq!(
            json(&page),
            [r#"{"id":1e2,"side_id":"9"}"#, r#"{"side_id":"9"}"#]
        );
    }
}
