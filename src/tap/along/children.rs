//! What is read along with a record: the child records of one parent, by one request.

use super::nested_lists;
use super::transcript;
use crate::json::members::member;
use crate::json::scanner::Scanner;
use crate::tap::api::client::{ApiRequest, BadAnswer, Client};
use crate::tap::api::path::{path_segment, with_query};
use crate::tap::fault::Fault;
use crate::tap::read::page::{Envelope, Row, text};
use crate::tap::streams::{Asked, Child, ChildAnswer, ChildRequest};

/// The answer for one parent.
#[derive(Debug)]
pub enum Details {
    /// The child records, complete with what they say of their parent.
    Records {
        /// Each a JSON object.
        records: Vec<String>,
        /// How many records the API has beyond those, since it cut the list.
        cut: u64,
    },
    /// There is none yet, but there may be one later.
    NotYet,
    /// The parent is gone.
    ParentGone,
}

/// A parent as its children need to know it.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its key.
    pub id: String,
    /// Its `updated_at` as JSON.
    pub updated_at_json: String,
}

impl From<&Row> for Parent {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id.clone(),
            updated_at_json: row.updated_at_json().to_owned(),
        }
    }
}

/// Whether a parent, of which this is the record, is one that a request is made for.
#[must_use]
pub fn is_asked(asked: Asked, record: &str) -> bool {
    match asked {
        Asked::Always => true,
        Asked::IfSet(name) => {
            matches!(member(record, name), Ok(Some(value)) if value != "null")
        }
        // What can't be understood may have elements.
        Asked::IfListed(name) => !matches!(
            list_inside(record, name),
            Ok((list, total_count)) if list.is_empty() && total_count.unwrap_or(0) == 0
        ),
    }
}

/// The child records that the parent's own record holds, in the list under that name.
pub fn inside(
    child: &Child,
    list: &'static str,
    record: &str,
    parent: &Parent,
) -> Result<Details, Fault> {
    let records = list_inside(record, list)
        .and_then(|(elements, _)| with_parent(child, parent, elements.into_iter()))
        .map_err(|bad| Fault::Stream(format!("the list `{list}` of {}: {bad}", parent.id)))?;
    Ok(Details::Records { records, cut: 0 })
}

/// Asks for the child records of one parent.
pub fn fetch(
    client: &Client,
    child: &Child,
    request: &ChildRequest,
    parent: &Parent,
) -> Result<Details, Fault> {
    let path = request.path.replace("{id}", &path_segment(&parent.id));
    let query = (request.query)(client.config()).unwrap_or_default();
    let path = with_query(&path, query);
    let answer = match request.answer {
        ChildAnswer::Listed { at } => client.send(&ApiRequest::Get(path), |body| {
            let body = text(body)?;
            let (list, total_count) = listed(&body, at)?;
            let cut = total_count.unwrap_or(0).saturating_sub(list.len() as u64);
            let records = with_parent(child, parent, list.into_iter())?;
            Ok(Details::Records { records, cut })
        }),
        ChildAnswer::Pages => {
            nested_lists::elements(client, &path, |_| true).and_then(|elements| {
                let elements = elements.iter().map(String::as_str);
                let records = with_parent(child, parent, elements)
                    .map_err(|bad| Fault::Stream(format!("{} {}: {bad}", child.name, parent.id)))?;
                Ok(Details::Records { records, cut: 0 })
            })
        }
        ChildAnswer::Transcript { turns } => {
            let mut previous = None;
            client.send(&ApiRequest::Get(path), |body| {
                let is_repeated = previous.as_ref() == Some(&body);
                let body = previous.insert(body);
                let body = text(body.clone())?;
                let Some(found) = transcript::turns(&body, is_repeated)? else {
                    return Ok(Details::NotYet);
                };
                let properties = properties_of_parent(child, parent);
                let turns = format!("{}:{found}", quoted(turns));
                let record = format!("{{{properties}{turns}}}");
                Ok(Details::Records {
                    records: vec![record],
                    cut: 0,
                })
            })
        }
    };
    match answer {
        Err(Fault::Gone { .. }) => Ok(match request.answer {
            ChildAnswer::Listed { .. } | ChildAnswer::Pages => Details::ParentGone,
            ChildAnswer::Transcript { .. } => Details::NotYet,
        }),
        answer => answer,
    }
}

/// The elements of a list inside a record, and how many the whole list has; none where the record
/// has no such list.
fn list_inside<'a>(
    record: &'a str,
    name: &'static str,
) -> Result<(Vec<&'a str>, Option<u64>), BadAnswer> {
    match member(record, name)? {
        None | Some("null") => Ok((Vec::new(), None)),
        Some(list) => {
            let envelope = Envelope::parse(list, "data", Scanner::value)?;
            Ok((envelope.records.unwrap_or_default(), envelope.total_count))
        }
    }
}

/// The list in the object at `at.0` of a parent. The object may be null, but not missing: an answer
/// without it is not the parent's.
fn listed<'a>(
    body: &'a str,
    at: (&'static str, &'static str),
) -> Result<(Vec<&'a str>, Option<u64>), BadAnswer> {
    let holder =
        member(body, at.0)?.ok_or_else(|| BadAnswer(format!("the answer has no `{}`", at.0)))?;
    if holder == "null" {
        return Ok((Vec::new(), None));
    }
    let envelope = Envelope::parse(holder, at.1, Scanner::value)?;
    let list = envelope
        .records
        .ok_or_else(|| BadAnswer(format!("the answer has no `{}.{}`", at.0, at.1)))?;
    Ok((list, envelope.total_count))
}

/// Child records, complete with what they say of their parent.
fn with_parent<'a>(
    child: &Child,
    parent: &Parent,
    records: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, BadAnswer> {
    let properties = properties_of_parent(child, parent);
    let properties = properties.trim_end_matches(',');
    records
        .map(|record| with_members(record, properties))
        .collect()
}

/// What a child record says of its parent, as members of an object, each with a comma behind.
fn properties_of_parent(child: &Child, parent: &Parent) -> String {
    let mut properties = String::new();
    if let Some(name) = child.parent_key {
        properties += &format!("{}:{},", quoted(name), quoted(&parent.id));
    }
    if let Some(name) = child.parent_updated_at {
        properties += &format!("{}:{},", quoted(name), parent.updated_at_json);
    }
    properties
}

/// A JSON object with further members at its end.
fn with_members(object: &str, members: &str) -> Result<String, BadAnswer> {
    let Some(open) = object.strip_suffix('}') else {
        return Err(BadAnswer("a child record isn't a JSON object".into()));
    };
    let is_joined = !members.is_empty() && open.trim_end() != "{";
    let comma = if is_joined { "," } else { "" };
    Ok(format!("{open}{comma}{members}}}"))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_made_for_parents_that_may_have_children() {
        let notes = Asked::IfListed("notes");
        for (record, expected) in [
            (r#"{"notes":{"data":[],"total_count":0}}"#, false),
            (r#"{"notes":{"data":[{"id":"1"}],"total_count":1}}"#, true),
            (r#"{"notes":{"data":[],"total_count":3}}"#, true),
            (r#"{"notes":null}"#, false),
            (r#"{"notes":"later"}"#, true),
            ("{}", false),
        ] {
            assert_eq!(is_asked(notes, record), expected, "{record}");
        }
        assert!(is_asked(Asked::IfSet("url"), r#"{"url":"u"}"#));
        assert!(!is_asked(Asked::IfSet("url"), r#"{"url":null}"#));
        assert!(!is_asked(Asked::IfSet("url"), "{}"));
    }

    #[test]
    fn what_a_child_says_of_its_parent_comes_last() {
        let joined = |object: &str, members: &str| with_members(object, members).ok();
        let expected = Some(r#"{"a":1e2,"p":"x"}"#.to_owned());
        assert_eq!(joined(r#"{"a":1e2}"#, r#""p":"x""#), expected);
        assert_eq!(joined("{ }", r#""p":1"#), Some(r#"{ "p":1}"#.to_owned()));
        assert_eq!(joined("{}", ""), Some("{}".to_owned()));
        assert_eq!(joined("[]", ""), None);
    }
}
