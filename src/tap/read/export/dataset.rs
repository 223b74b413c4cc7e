//! A dataset of the reporting export as the workspace has it, and which of its attributes a job is asked
//! for: all that aren't left out, and always the one that windows of time are by.

use serde_json::Value;

use crate::cli::foreign::told;
use crate::tap::api::client::{ApiRequest, BadAnswer, Client};
use crate::tap::api::error::ErrorList;
use crate::tap::fault::Fault;
use crate::tap::plan::Output;
use crate::tap::read::page::text;
use crate::tap::read::reading::unexpectedly_gone;
use crate::tap::streams::stream_of_dataset;

/// A dataset and its attributes.
#[derive(Debug)]
pub struct Dataset {
    /// What jobs call it.
    pub id: String,
    /// The attribute that windows of time are by.
    time_attribute: Option<String>,
    /// What its rows may hold.
    attributes: Vec<Attribute>,
}

/// An attribute of a dataset.
#[derive(Debug)]
struct Attribute {
    /// What jobs call it: by its name in the dataset, or, in older versions, within its kind.
    asked_as: String,
    /// All that it is called, by people too.
    names: Vec<String>,
}

/// The attributes that a job is asked for, and which of them somebody has named.
#[derive(Debug, Default)]
pub struct AskedAttributes {
    /// What the dataset is called.
    pub dataset_id: String,
    /// In the order of their names, so that a row is the same text by every job.
    pub ids: Vec<String>,
    chosen: Vec<String>,
}

impl Attribute {
    /// Reads an entry of a dataset's list; none where it has no name.
    fn parse(entry: &Value) -> Option<Self> {
        let names = ["qualified_id", "id", "name"].map(|name| text_of(&entry[name]));
        let asked_as = names.iter().take(2).flatten().next()?.clone();
        Some(Self {
            asked_as,
            names: names.into_iter().flatten().collect(),
        })
    }

    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|one| one == name)
    }
}

/// An identifier, which may be a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The datasets that the workspace has.
pub fn datasets(client: &Client, path: &str) -> Result<Vec<Dataset>, Fault> {
    client
        .send(&ApiRequest::Get(path.to_owned()), |body| {
            let answer: Value = serde_json::from_str(&text(body)?)?;
            let Some(list) = answer["data"].as_array() else {
                return Err(BadAnswer("the answer has no `data`".into()));
            };
            Ok(list.iter().filter_map(Dataset::parse).collect())
        })
        .map_err(unexpectedly_gone)
}

/// The dataset of that identifier, or of one that is the same in a stream's name.
pub fn dataset(client: &Client, path: &str, id: &str) -> Result<Dataset, Fault> {
    let mut names = Vec::new();
    for dataset in datasets(client, path)? {
        if dataset.id == id || stream_of_dataset(&dataset.id) == stream_of_dataset(id) {
            return Ok(dataset);
        }
        names.push(dataset.id);
    }
    names.sort();
    Err(Fault::Stream(format!(
        "the workspace has no dataset {id}; it has {}",
        told(&names.join(", "))
    )))
}

impl Dataset {
    /// Reads an entry of the list; none where it has no identifier.
    fn parse(entry: &Value) -> Option<Self> {
        let attributes = entry["attributes"].as_array().into_iter().flatten();
        Some(Self {
            id: text_of(&entry["id"])?,
            time_attribute: text_of(&entry["default_time_attribute_id"]),
            attributes: attributes.filter_map(Attribute::parse).collect(),
        })
    }

    /// What its attributes are called in rows and by people, and whether each is the one that windows of
    /// time are by.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        let time = self.time_attribute.as_deref();
        self.attributes.iter().map(move |attribute| {
            let called = attribute.names.last().map_or("", String::as_str);
            let is_time = time.is_some_and(|time| attribute.is_called(time));
            (attribute.asked_as.as_str(), called, is_time)
        })
    }

    /// What a job is asked for where the rows are emitted so.
    pub fn asked(&self, output: Option<&Output>) -> AskedAttributes {
        let time = self.time_attribute.as_deref();
        let is_time = |attribute: &Attribute| time.is_some_and(|time| attribute.is_called(time));
        let mut ids = Vec::new();
        for attribute in &self.attributes {
            let mut names = attribute.names.iter();
            let is_left_out =
                names.any(|name| output.is_some_and(|output| output.projection.leaves_out(name)));
            if !is_left_out || is_time(attribute) {
                ids.push(attribute.asked_as.clone());
            }
        }
        let mut chosen = Vec::new();
        for name in output.iter().flat_map(|output| &output.chosen) {
            let known = self.attributes.iter().find(|it| it.is_called(name));
            let id = known.map_or(name, |attribute| &attribute.asked_as);
            // What the list doesn't have is the server's to accept or to refuse by name.
            ids.push(id.clone());
            chosen.push(id.clone());
        }
        ids.sort();
        ids.dedup();
        AskedAttributes {
            dataset_id: self.id.clone(),
            ids,
            chosen,
        }
    }
}

impl AskedAttributes {
    /// Leaves out the attributes that an error names, and returns them; none where it names none, or one
    /// that somebody has asked for, or all.
    pub fn leave_out(&mut self, words: &ErrorList) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        for (_, message) in words.words() {
            let list = message.split_once(": ").map_or("", |(_, list)| list);
            for word in list.split(',').map(str::trim) {
                if self.ids.iter().any(|id| id == word) {
                    named.push(word.to_owned());
                }
            }
        }
        let is_asked_for = named.iter().any(|name| self.chosen.contains(name));
        if is_asked_for || named.len() >= self.ids.len() {
            return Vec::new();
        }
        self.ids.retain(|id| !named.contains(id));
        named
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(chosen: &[&str]) -> AskedAttributes {
        AskedAttributes {
            dataset_id: "conversation".into(),
            ids: ["a.x", "a.y", "b.x y"].map(str::to_owned).to_vec(),
            chosen: chosen.iter().map(ToString::to_string).collect(),
        }
    }

    fn refused(names: &str) -> ErrorList {
        let message = format!("attribute_ids invalid for conversation dataset: {names}");
        let body = json!({"errors": [{"code": "bad_request", "message": message}]});
        ErrorList::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn attributes_that_an_error_names_are_left_out_unless_somebody_asked_for_them() {
        let mut some = asked(&["a.x"]);
        assert_eq!(some.leave_out(&refused("a.y, b.x y")), ["a.y", "b.x y"]);
        assert_eq!(some.ids, ["a.x"]);
        for (names, chosen) in [("a.y", "a.y"), ("x", ""), ("a.x,a.y,b.x y", "")] {
            let mut others = asked(&[chosen]);
            assert_eq!(others.leave_out(&refused(names)), Vec::<String>::new());
            assert_eq!(others.ids, asked(&[]).ids, "{names}");
        }
    }

    #[test]
    fn the_time_is_always_asked_for_and_older_lists_have_no_qualified_names() {
        let dataset = json!({"id": "d", "default_time_attribute_id": "at", "attributes": [
            {"id": "name", "qualified_id": "d.name"}, {"id": "at", "qualified_id": "d.at"}, {"id": "old"}, 7,
        ]});
        let dataset = Dataset::parse(&dataset).unwrap();
        assert_eq!(dataset.asked(None).ids, ["d.at", "d.name", "old"]);
    }
}
