//! What is read along with a record: the child records of one parent, by one request.

use super::child_lists;
use super::nested_lists;
use super::transcript;
use crate::json::members::member;
use crate::json::scanner::Scanner;
use crate::tap::api::client::{ApiRequest, BadAnswer, Client, Effort};
use crate::tap::api::path::{path_segment, with_query};
use crate::tap::fault::Fault;
use crate::tap::read::envelope::Envelope;
use crate::tap::read::numbers::whole_number;
use crate::tap::read::page::{RecordJson, Row, text};
use crate::tap::streams::{Asked, Child, ChildAnswer, ChildRequest};

/// The answer for one parent.
#[derive(Debug)]
pub enum Details {
    /// The child records.
    Records(ChildRecords),
    /// There is none yet, but there may be one later.
    NotYet,
    /// The parent has none.
    NoneOfIts,
    /// The parent is gone.
    ParentGone,
    /// They can't be had, or what was answered isn't usable.
    Missing {
        /// Why, in words.
        why: String,
    },
    /// The token or the plan doesn't have them.
    Refused {
        /// Why, in words.
        why: String,
    },
}

/// Child records of one parent.
#[derive(Debug, Default)]
pub struct ChildRecords {
    /// As the API gave them; each is a JSON object.
    pub records: Vec<RecordJson>,
    /// What each says of the parent besides, as members of an object.
    members: String,
    /// How many records the API has beyond those, since it truncated the list.
    pub truncated: u64,
}

impl ChildRecords {
    fn new(child: &Child, parent: &Parent, records: Vec<RecordJson>) -> Result<Self, BadAnswer> {
        let is_object = |record: &RecordJson| record.json().starts_with('{');
        if !records.iter().all(is_object) {
            return Err(BadAnswer("a child record isn't a JSON object".into()));
        }
        Ok(Self {
            records,
            members: members_of_parent(child, parent),
            truncated: 0,
        })
    }

    /// A record that says all there is to say.
    #[must_use]
    pub fn whole(record: RecordJson) -> Self {
        Self {
            records: vec![record],
            ..Self::default()
        }
    }

    /// Writes a record, complete with what it says of its parent, in the place of what `text` held.
    pub fn complete(&self, record: &RecordJson, text: &mut String) {
        let json = record.json();
        let open = json.strip_suffix('}').unwrap_or(json);
        text.clear();
        text.push_str(open);
        if !self.members.is_empty() && open.trim_end() != "{" {
            text.push(',');
        }
        text.push_str(&self.members);
        text.push('}');
    }
}

/// A parent as its children need to know it.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its key.
    pub id: String,
    /// The value of its replication key, as JSON.
    pub replication_key_value_json: String,
}

impl From<&Row> for Parent {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id.clone(),
            replication_key_value_json: row.replication_key_value_json().to_owned(),
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
#[must_use]
pub fn inside(child: &Child, list: &'static str, record: &RecordJson, parent: &Parent) -> Details {
    let records = list_inside(record.json(), list).and_then(|(elements, _)| {
        let elements = elements.into_iter().map(|json| record.part(json));
        ChildRecords::new(child, parent, elements.collect())
    });
    match records {
        Ok(records) => Details::Records(records),
        Err(bad) => Details::Missing {
            why: format!("the list `{list}` can't be read: {bad}"),
        },
    }
}

/// Asks for the child records of one parent. What goes wrong with them is said in the details; only
/// what ends the whole run is a fault.
pub fn fetch(
    client: &Client,
    child: &Child,
    request: &ChildRequest,
    parent: &Parent,
    effort: &Effort<'_>,
) -> Result<Details, Fault> {
    let path = request.path.replace("{id}", &path_segment(&parent.id));
    let query = (request.query)(client.config()).unwrap_or_default();
    let path = with_query(&path, &query);
    let records = |found: Vec<RecordJson>| {
        ChildRecords::new(child, parent, found)
            .map(Details::Records)
            .map_err(|bad| Fault::Stream(format!("{path}: {bad}")))
    };
    let get = |path: &str| ApiRequest::Get(path.to_owned());
    let answer = match request.answer {
        ChildAnswer::Listed {
            at,
            most,
            counted_at,
        } => client.try_hard(&get(&path), effort, |body| {
            let body = RecordJson::owned(text(body)?);
            let (list, total_count) = listed(body.json(), at)?;
            let had = list.len();
            let mut there_are = total_count.unwrap_or(0);
            if had >= most {
                there_are = there_are.max(counted(body.json(), counted_at));
            }
            let list = list.into_iter().map(|json| body.part(json)).collect();
            let records = ChildRecords::new(child, parent, list)?;
            Ok(Details::Records(ChildRecords {
                truncated: there_are.saturating_sub(had as u64),
                ..records
            }))
        }),
        ChildAnswer::Pages => {
            nested_lists::elements(client, &path, effort, |_| true).and_then(records)
        }
        ChildAnswer::List(list) => {
            child_lists::records(client, &path, &list, effort).and_then(records)
        }
        ChildAnswer::EachOf { path: each } => {
            let each = each.replace("{id}", &path_segment(&parent.id));
            child_lists::each_of(client, &path, &each, effort).and_then(records)
        }
        ChildAnswer::Part(name) => client
            .try_hard(&get(&path), effort, |body| child_lists::part(body, name))
            .and_then(records),
        ChildAnswer::Object => client
            .try_hard(&get(&path), effort, child_lists::object)
            .and_then(|record| records(vec![record])),
        ChildAnswer::Array => client
            .try_hard(&get(&path), effort, child_lists::array)
            .and_then(records),
        ChildAnswer::Transcript { turns } => {
            let members = members_of_parent(child, parent);
            fetch_transcript(client, &get(&path), turns, members, effort)
        }
    };
    Ok(match answer {
        Err(Fault::Gone { .. }) => match request.answer {
            ChildAnswer::Listed { .. }
            | ChildAnswer::Pages
            | ChildAnswer::List(_)
            | ChildAnswer::EachOf { .. }
            | ChildAnswer::Part(_) => Details::ParentGone,
            ChildAnswer::Object | ChildAnswer::Array => Details::NoneOfIts,
            ChildAnswer::Transcript { .. } => Details::NotYet,
        },
        Err(Fault::Refused { message: why }) => Details::Refused { why },
        Err(Fault::Stream(why)) => Details::Missing { why },
        answer => return answer,
    })
}

/// Asks for a transcript, which becomes a record with those members before its turns.
fn fetch_transcript(
    client: &Client,
    request: &ApiRequest,
    turns: &str,
    mut members: String,
    effort: &Effort<'_>,
) -> Result<Details, Fault> {
    if !members.is_empty() {
        members.push(',');
    }
    let mut previous = None;
    client.try_hard(request, effort, |body| {
        let checksum = crc32c::crc32c(&body);
        let is_repeated = previous.replace(checksum) == Some(checksum);
        let Some(found) = transcript::turns(&text(body)?, is_repeated)? else {
            return Ok(Details::NotYet);
        };
        let record = format!("{{{members}{}:{found}}}", quoted(turns));
        Ok(Details::Records(ChildRecords {
            records: vec![RecordJson::owned(record)],
            ..ChildRecords::default()
        }))
    })
}

/// How many there are by the parent's own count; 0 where it doesn't say.
pub fn counted(body: &str, at: Option<(&str, &str)>) -> u64 {
    let count = at.and_then(|(holder, name)| {
        let holder = member(body, holder).ok()??;
        whole_number(member(holder, name).ok()??)
    });
    count.unwrap_or(0)
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

/// What a child record says of its parent, as members of an object.
fn members_of_parent(child: &Child, parent: &Parent) -> String {
    let mut members = Vec::new();
    if let Some(name) = child.parent_key {
        members.push(format!("{}:{}", quoted(name), quoted(&parent.id)));
    }
    if let Some(name) = child.parent_updated_at {
        members.push(format!(
            "{}:{}",
            quoted(name),
            parent.replication_key_value_json
        ));
    }
    members.join(",")
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
        let complete = |json: &str, members: &str| {
            let records = ChildRecords {
                members: members.to_owned(),
                ..ChildRecords::default()
            };
            let mut text = "of before".to_owned();
            records.complete(&RecordJson::owned(json.to_owned()), &mut text);
            text
        };
        assert_eq!(
            complete(r#"{"a":1e2}"#, r#""p":"x""#),
            r#"{"a":1e2,"p":"x"}"#
        );
        assert_eq!(complete("{ }", r#""p":1"#), r#"{ "p":1}"#);
        assert_eq!(complete("{}", ""), "{}");
    }

    #[test]
    fn the_parents_own_count_is_looked_up() {
        let body = r#"{"statistics":{"count_conversation_parts":660}}"#;
        let at = ("statistics", "count_conversation_parts");
        assert_eq!(counted(body, Some(at)), 660);
        assert_eq!(counted(r#"{"statistics":null}"#, Some(at)), 0);
        assert_eq!(counted(body, None), 0);
    }
}
