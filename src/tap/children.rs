//! What is read along with a record: the child records of one parent, by one request.

use serde_json::value::RawValue;

use super::client::{ApiRequest, BadAnswer, Client};
use super::fault::Fault;
use super::page::{Envelope, Row, text};
use super::streams::{Child, ChildAnswer};
use super::transcript;
use crate::raw_json::member;

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

/// Asks for the child records of one parent.
pub fn fetch(client: &Client, child: &Child, parent: &Parent) -> Result<Details, Fault> {
    let request = ApiRequest::Get(child.path.replace("{id}", &path_segment(&parent.id)));
    let answer = match child.answer {
        ChildAnswer::Listed {
            at,
            parent_key,
            parent_updated_at,
        } => client.send(&request, |body| {
            let body = text(body)?;
            let (list, total_count) = listed(&body, at)?;
            let suffix = format!(
                ",{}:{},{}:{}}}",
                quoted(parent_key),
                quoted(&parent.id),
                quoted(parent_updated_at),
                parent.updated_at_json
            );
            let records = list
                .iter()
                .map(|record| with_suffix(record.get(), &suffix))
                .collect::<Result<Vec<_>, _>>()?;
            let cut = total_count.unwrap_or(0).saturating_sub(list.len() as u64);
            Ok(Details::Records { records, cut })
        }),
        ChildAnswer::Transcript {
            parent_key,
            parent_updated_at,
            turns,
        } => {
            let mut previous = None;
            client.send(&request, |body| {
                let is_repeated = previous.as_ref() == Some(&body);
                let body = previous.insert(body);
                let body = text(body.clone())?;
                let Some(found) = transcript::turns(&body, is_repeated)? else {
                    return Ok(Details::NotYet);
                };
                let record = format!(
                    "{{{}:{},{}:{},{}:{found}}}",
                    quoted(parent_key),
                    quoted(&parent.id),
                    quoted(parent_updated_at),
                    parent.updated_at_json,
                    quoted(turns),
                );
                Ok(Details::Records {
                    records: vec![record],
                    cut: 0,
                })
            })
        }
    };
    match answer {
        Err(Fault::Gone { .. }) => Ok(match child.answer {
            ChildAnswer::Listed { .. } => Details::ParentGone,
            ChildAnswer::Transcript { .. } => Details::NotYet,
        }),
        answer => answer,
    }
}

/// The list in the object at `at.0` of a parent. The object may be null, but not missing: an answer
/// without it is not the parent's.
fn listed<'a>(
    body: &'a str,
    at: (&'static str, &'static str),
) -> Result<(Vec<&'a RawValue>, Option<u64>), BadAnswer> {
    let holder =
        member(body, at.0)?.ok_or_else(|| BadAnswer(format!("the answer has no `{}`", at.0)))?;
    if holder == "null" {
        return Ok((Vec::new(), None));
    }
    let envelope = Envelope::parse(holder, at.1)?;
    let list = envelope
        .records
        .ok_or_else(|| BadAnswer(format!("the answer has no `{}.{}`", at.0, at.1)))?;
    Ok((list, envelope.total_count))
}

/// A JSON object with further members at its end.
fn with_suffix(object: &str, suffix: &str) -> Result<String, BadAnswer> {
    let Some(open) = object.strip_suffix('}') else {
        return Err(BadAnswer("a child record isn't a JSON object".into()));
    };
    let suffix = match open.trim_end() {
        "{" => &suffix.replacen(',', "", 1),
        _ => suffix,
    };
    Ok(format!("{open}{suffix}"))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A key as one segment of a path, whatever it holds.
fn path_segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}
