//! Which properties of a record are its key and its version. Most records tell it themselves, by names
//! that are usual; where they don't, what the SCHEMA said is remembered. Pure.

use serde_json::{Map, Value, json};

use crate::json::members::members;

const ID: &str = "id";
const UPDATED_AT: &str = "updated_at";
const OF_ID: &str = "_id";
const OF_UPDATED_AT: &str = "_updated_at";

/// The key of a stream's records, and what orders its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRule {
    /// The key properties.
    pub key: Vec<String>,
    /// The property that is higher in newer versions, if there is one.
    pub version: Option<String>,
}

impl KeyRule {
    /// What a record tells: its key is `id`, or, without one, `x_id` where there is an `x_updated_at`
    /// too, or the only one that ends so. A version of what belongs to an `x` is that of its `x`.
    #[must_use]
    pub fn of_record(record: &str) -> Option<Self> {
        let members = members(record).ok()?;
        let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        Self::of_names(&names)
    }

    fn of_names(names: &[&str]) -> Option<Self> {
        let owner = names.iter().find_map(|name| {
            let owner = name.strip_suffix(OF_ID).filter(|owner| !owner.is_empty())?;
            let version = format!("{owner}{OF_UPDATED_AT}");
            names
                .contains(&version.as_str())
                .then_some((*name, version))
        });
        let key = if names.contains(&ID) {
            ID
        } else if let Some((name, _)) = &owner {
            name
        } else {
            let mut ids = names.iter().filter(|name| name.ends_with(OF_ID));
            match (ids.next(), ids.next()) {
                (Some(only), None) => only,
                _ => return None,
            }
        };
        let own = names.contains(&UPDATED_AT).then(|| UPDATED_AT.to_owned());
        Some(Self {
            key: vec![key.to_owned()],
            version: owner.map(|(_, version)| version).or(own),
        })
    }

    /// What a SCHEMA says, where records of it won't tell the same.
    #[must_use]
    pub fn to_remember(
        key_properties: &[String],
        bookmark_properties: &[String],
        schema: &Value,
    ) -> Option<Self> {
        if key_properties.is_empty() {
            return None;
        }
        let names = names_in(schema);
        let told = Self::of_names(&names);
        let said = Self {
            key: key_properties.to_vec(),
            version: version_of(bookmark_properties, told.as_ref()),
        };
        // Of a schema that declares nothing, records will show what is usual.
        let is_usual = said.key == [ID]
            && names.is_empty()
            && said
                .version
                .as_deref()
                .is_none_or(|name| name == UPDATED_AT);
        (!is_usual && told.as_ref() != Some(&said)).then_some(said)
    }

    /// As it is remembered.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "key_properties": self.key, "replication_key": self.version })
    }

    /// The rules of all streams, from what is remembered.
    #[must_use]
    pub fn all_of(document: &Map<String, Value>) -> Vec<(String, Self)> {
        let rule = |value: &Value| {
            let names = value["key_properties"].as_array()?;
            let key = names.iter().map(|name| name.as_str().map(str::to_owned));
            Some(Self {
                key: key.collect::<Option<Vec<String>>>()?,
                version: value["replication_key"].as_str().map(str::to_owned),
            })
        };
        let rules = document.iter();
        rules
            .filter_map(|(stream, value)| Some((stream.clone(), rule(value)?)))
            .collect()
    }
}

/// The property that is higher in newer versions of a stream's records, by what its SCHEMA says.
#[must_use]
pub fn replication_key(bookmark_properties: &[String], schema: &Value) -> Option<String> {
    let told = KeyRule::of_names(&names_in(schema));
    version_of(bookmark_properties, told.as_ref())
}

fn version_of(bookmark_properties: &[String], told: Option<&KeyRule>) -> Option<String> {
    match bookmark_properties {
        [only] => Some(only.clone()),
        _ => told.and_then(|told| told.version.clone()),
    }
}

fn names_in(schema: &Value) -> Vec<&str> {
    let properties = schema["properties"].as_object();
    properties
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// The stream that has the parts of a stream's records, and the property that says whose they are, as
/// they are usually called: `things` have `thing_parts` with a `thing_id`.
#[must_use]
pub fn parts_of(stream: &str) -> Option<(String, String)> {
    let one = stream.strip_suffix('s').filter(|one| !one.is_empty())?;
    Some((format!("{one}_parts"), format!("{one}{OF_ID}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(key: &[&str], version: Option<&str>) -> KeyRule {
        KeyRule {
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            version: version.map(str::to_owned),
        }
    }

    #[test]
    fn records_tell_their_keys() {
        for (record, expected) in [
            (
                r#"{"type":"x","id":1,"owner_id":2,"updated_at":3}"#,
                Some(rule(&["id"], Some("updated_at"))),
            ),
            (
                r#"{"id":1,"updated_at":3,"thing_id":2,"thing_updated_at":4}"#,
                Some(rule(&["id"], Some("thing_updated_at"))),
            ),
            (
                r#"{"thing_id":2,"thing_updated_at":4,"other_id":5}"#,
                Some(rule(&["thing_id"], Some("thing_updated_at"))),
            ),
            (r#"{"other_id":5}"#, Some(rule(&["other_id"], None))),
            (r#"{"a_id":5,"b_id":6}"#, None),
            (r#"{"name":"x"}"#, None),
            ("torn", None),
        ] {
            assert_eq!(KeyRule::of_record(record), expected, "{record}");
        }
    }

    #[test]
    fn what_records_don_t_tell_is_remembered() {
        let remembered = |key: &[&str], bookmark: &[&str], properties: &[&str]| {
            let texts = |names: &[&str]| -> Vec<String> {
                names.iter().map(|name| (*name).to_owned()).collect()
            };
            let properties: Map<String, Value> = properties
                .iter()
                .map(|name| ((*name).to_owned(), json!({})))
                .collect();
            let schema = json!({ "properties": properties });
            KeyRule::to_remember(&texts(key), &texts(bookmark), &schema)
        };
        let usual = ["id", "updated_at"];
        assert_eq!(remembered(&["id"], &["updated_at"], &usual), None);
        assert_eq!(remembered(&["id"], &[], &usual), None);
        assert_eq!(remembered(&["id"], &[], &[]), None);
        assert_eq!(remembered(&[], &[], &usual), None);
        assert_eq!(
            remembered(&["call_id"], &[], &["call_id", "call_updated_at"]),
            None
        );
        let composite = rule(&["contact_id", "id"], None);
        let found = remembered(&["contact_id", "id"], &[], &["contact_id", "id"]);
        assert_eq!(found, Some(composite.clone()));
        let other = remembered(&["id"], &["created_at"], &["id", "created_at"]);
        assert_eq!(other, Some(rule(&["id"], Some("created_at"))));
        let mut document = Map::new();
        document.insert("s".to_owned(), composite.document());
        document.insert("odd".to_owned(), json!(7));
        assert_eq!(KeyRule::all_of(&document), [("s".to_owned(), composite)]);
    }
}
