//! The catalog: which streams a tap has, and which of their properties a user wants.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::breadcrumb::{is_at, names_in};
use super::projection::Projection;

/// The document that `--discover` prints and `--catalog` reads.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Catalog {
    /// The streams, parents before their children.
    pub streams: Vec<CatalogStream>,
}

/// One stream of a catalog.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CatalogStream {
    /// The name the tap knows the stream by.
    pub tap_stream_id: String,
    /// The name in messages.
    #[serde(default)]
    pub stream: String,
    /// JSON Schema of a record.
    #[serde(default)]
    pub schema: Value,
    /// What is known and wanted of the stream (empty breadcrumb) and of each property.
    #[serde(default)]
    pub metadata: Vec<MetadataEntry>,
    /// Names of the properties that identify a record.
    #[serde(default)]
    pub key_properties: Vec<String>,
    /// `INCREMENTAL` or `FULL_TABLE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_method: Option<String>,
    /// The property that bookmarks are made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_key: Option<String>,
    /// The old place of selection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<bool>,
}

/// Metadata of the stream or of one property.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct MetadataEntry {
    /// `[]`, or a path such as `["properties", "source", "properties", "author"]`.
    pub breadcrumb: Vec<String>,
    /// `inclusion`, `selected` and the like.
    pub metadata: Map<String, Value>,
}

/// What discovery says of a stream, from which its catalog entry is built.
#[derive(Debug)]
pub struct Discovered<'a> {
    /// The stream's name.
    pub name: &'a str,
    /// JSON Schema of a record.
    pub schema: Value,
    /// The properties that identify a record.
    pub key: &'a [&'a str],
    /// The property that bookmarks are made of, of an incremental stream.
    pub replication_key: Option<&'a str>,
    /// Whether a bookmark says how far it was read.
    pub is_incremental: bool,
    /// The stream that this one is read along with.
    pub parent: Option<&'a str>,
    /// Whether it is read when nobody chooses.
    pub selected_by_default: bool,
}

impl CatalogStream {
    /// The entry of a stream that was discovered, with metadata for every property.
    #[must_use]
    pub fn discovered(stream: Discovered<'_>) -> Self {
        let method = if stream.is_incremental {
            "INCREMENTAL"
        } else {
            "FULL_TABLE"
        };
        let mut about = Map::new();
        about.insert("inclusion".into(), json!("available"));
        about.insert(
            "selected-by-default".into(),
            json!(stream.selected_by_default),
        );
        about.insert("table-key-properties".into(), json!(stream.key));
        about.insert("forced-replication-method".into(), json!(method));
        if let Some(key) = stream.replication_key {
            about.insert("valid-replication-keys".into(), json!([key]));
        }
        if let Some(parent) = stream.parent {
            about.insert("parent-tap-stream-id".into(), json!(parent));
        }
        let mut metadata = vec![MetadataEntry {
            breadcrumb: Vec::new(),
            metadata: about,
        }];
        let automatic =
            |name: &str| stream.key.contains(&name) || Some(name) == stream.replication_key;
        describe_properties(&stream.schema, &mut Vec::new(), &automatic, &mut metadata);
        Self {
            tap_stream_id: stream.name.to_owned(),
            stream: stream.name.to_owned(),
            schema: stream.schema,
            metadata,
            key_properties: stream.key.iter().map(ToString::to_string).collect(),
            replication_method: Some(method.to_owned()),
            replication_key: stream.replication_key.map(str::to_owned),
            selected: None,
        }
    }

    /// Whether the user wants this stream: `selected`, else `selected-by-default`, else yes.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        let about = self.metadata_of(&[]);
        if inclusion(about) == Some("unsupported") {
            return false;
        }
        flag(about, "selected")
            .or(self.selected)
            .or_else(|| flag(about, "selected-by-default"))
            .unwrap_or(true)
    }

    /// Whether the user asks for every record anew, though the stream has bookmarks.
    #[must_use]
    pub fn wants_full_table(&self) -> bool {
        let chosen = self
            .metadata_of(&[])
            .and_then(|about| about.get("replication-method"))
            .and_then(Value::as_str)
            .or(self.replication_method.as_deref());
        chosen == Some("FULL_TABLE")
    }

    /// What is left out of the stream's records because it isn't selected.
    #[must_use]
    pub fn projection(&self) -> Projection {
        let mut projection = Projection::default();
        self.leave_out_unselected(&self.schema, &mut Vec::new(), &mut projection);
        // What the schema doesn't know may be in the data all the same.
        for entry in &self.metadata {
            let path = names_in(&entry.breadcrumb);
            if !path.is_empty() && !self.is_property_selected(&path) {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                projection.leave_out(&names);
            }
        }
        projection
    }

    /// The properties of a record that the user has selected by name.
    #[must_use]
    pub fn chosen_properties(&self) -> Vec<String> {
        let chosen = self.metadata.iter().filter_map(|entry| {
            let [name] = &names_in(&entry.breadcrumb)[..] else {
                return None;
            };
            let is_chosen = flag(Some(&entry.metadata), "selected") == Some(true);
            is_chosen.then(|| name.clone())
        });
        chosen.collect()
    }

    /// Declares a property of records that wasn't. One that is `automatic` can't be deselected.
    pub fn declare(&mut self, name: &str, schema: Value, is_automatic: bool) {
        let Some(properties) = self.schema["properties"].as_object_mut() else {
            return;
        };
        if properties.contains_key(name) {
            return;
        }
        properties.insert(name.to_owned(), schema);
        let inclusion = if is_automatic {
            "automatic"
        } else {
            "available"
        };
        self.metadata.push(MetadataEntry {
            breadcrumb: vec!["properties".to_owned(), name.to_owned()],
            metadata: Map::from_iter([("inclusion".to_owned(), json!(inclusion))]),
        });
    }

    /// Leaves out the property at `path`, and all that is in it, whatever else is said of it.
    pub fn deselect(&mut self, path: &[String]) {
        self.metadata
            .retain(|entry| !is_at(&entry.breadcrumb, path));
        self.metadata.push(MetadataEntry {
            breadcrumb: path
                .iter()
                .flat_map(|name| ["properties".to_owned(), name.clone()])
                .collect(),
            metadata: Map::from_iter([("selected".to_owned(), json!(false))]),
        });
    }

    /// The schema without the properties that aren't selected.
    #[must_use]
    pub fn selected_schema(&self) -> Value {
        let mut schema = self.schema.clone();
        self.prune(&mut schema, &mut Vec::new());
        schema
    }

    fn leave_out_unselected(
        &self,
        schema: &Value,
        path: &mut Vec<String>,
        projection: &mut Projection,
    ) {
        if schema["items"].is_object() {
            self.leave_out_unselected(&schema["items"], path, projection);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            path.push(name.clone());
            if self.is_property_selected(path) {
                self.leave_out_unselected(property, path, projection);
            } else {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                projection.leave_out(&names);
            }
            path.pop();
        }
    }

    fn prune(&self, schema: &mut Value, path: &mut Vec<String>) {
        if let Some(items) = schema.get_mut("items") {
            self.prune(items, path);
        }
        let Some(Value::Object(properties)) = schema.get_mut("properties") else {
            return;
        };
        properties.retain(|name, property| {
            path.push(name.clone());
            let selected = self.is_property_selected(path);
            if selected {
                self.prune(property, path);
            }
            path.pop();
            selected
        });
    }

    /// Whether a property whose parents are selected is so too. Keys and the replication key always
    /// are, whatever a catalog says: without them a record can't be placed.
    fn is_property_selected(&self, path: &[String]) -> bool {
        if let [name] = path
            && (self.key_properties.contains(name) || self.replication_key.as_ref() == Some(name))
        {
            return true;
        }
        let about = self.metadata_of(path);
        match inclusion(about) {
            Some("unsupported") => false,
            Some("automatic") => true,
            _ => flag(about, "selected")
                .or_else(|| flag(about, "selected-by-default"))
                .unwrap_or(true),
        }
    }

    fn metadata_of(&self, path: &[String]) -> Option<&Map<String, Value>> {
        let entry = self
            .metadata
            .iter()
            .find(|entry| is_at(&entry.breadcrumb, path))?;
        Some(&entry.metadata)
    }
}

fn describe_properties(
    schema: &Value,
    breadcrumb: &mut Vec<String>,
    automatic: &dyn Fn(&str) -> bool,
    metadata: &mut Vec<MetadataEntry>,
) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let inclusion = if breadcrumb.is_empty() && automatic(name) {
            "automatic"
        } else {
            "available"
        };
        breadcrumb.push("properties".into());
        breadcrumb.push(name.clone());
        metadata.push(MetadataEntry {
            breadcrumb: breadcrumb.clone(),
            metadata: Map::from_iter([("inclusion".into(), json!(inclusion))]),
        });
        describe_properties(property, breadcrumb, automatic, metadata);
        breadcrumb.truncate(breadcrumb.len() - 2);
    }
}

fn inclusion(metadata: Option<&Map<String, Value>>) -> Option<&str> {
    metadata?.get("inclusion")?.as_str()
}

fn flag(metadata: Option<&Map<String, Value>>, name: &str) -> Option<bool> {
    metadata?.get(name)?.as_bool()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contacts() -> CatalogStream {
        CatalogStream::discovered(Discovered {
            name: "contacts",
            schema: json!({"type": "object", "properties": {
                "id": {"type": "string"},
                "updated_at": {"type": "integer"},
                "name": {"type": "string"},
                "location": {"type": "object", "properties": {"city": {}, "country": {}}},
            }}),
            key: &["id"],
            replication_key: Some("updated_at"),
            is_incremental: true,
            parent: None,
            selected_by_default: true,
        })
    }

    fn with(breadcrumb: &[&str], name: &str, value: bool) -> CatalogStream {
        let mut stream = contacts();
        let entry = stream
            .metadata
            .iter_mut()
            .find(|entry| entry.breadcrumb == breadcrumb)
            .unwrap();
        entry.metadata.insert(name.into(), json!(value));
        stream
    }

    fn projected(stream: &CatalogStream) -> String {
        let record =
            r#"{"id":"1","updated_at":2,"name":"n","location":{"city":"c","country":"d"}}"#;
        let mut out = String::new();
        stream.projection().copy(record, &mut out).unwrap();
        out
    }

    #[test]
    fn every_property_has_metadata_nested_ones_too() {
        let breadcrumbs: Vec<String> = contacts()
            .metadata
            .iter()
            .map(|entry| entry.breadcrumb.join("."))
            .collect();
        assert_eq!(
            breadcrumbs,
            [
                "",
                "properties.id",
                "properties.updated_at",
                "properties.name",
                "properties.location",
                "properties.location.properties.city",
                "properties.location.properties.country",
            ]
        );
    }

    #[test]
    fn a_stream_is_selected_by_metadata_then_by_the_old_key_then_by_default() {
        assert!(contacts().is_selected());
        assert!(!with(&[], "selected", false).is_selected());
        assert!(!with(&[], "selected-by-default", false).is_selected());
        let mut old = with(&[], "selected-by-default", false);
        old.selected = Some(true);
        assert!(old.is_selected());
    }

    #[test]
    fn keys_stay_though_they_are_deselected() {
        for key in ["id", "updated_at"] {
            let stream = with(&["properties", key], "selected", false);
            assert!(stream.projection().keeps_all(), "{key}");
        }
    }

    #[test]
    fn a_deselected_property_goes_from_the_record_and_the_schema() {
        let stream = with(
            &["properties", "location", "properties", "city"],
            "selected",
            false,
        );
        assert_eq!(
            projected(&stream),
            r#"{"id":"1","updated_at":2,"name":"n","location":{"country":"d"}}"#
        );
        let location = &stream.selected_schema()["properties"]["location"];
        assert_eq!(location["properties"], json!({"country": {}}));
    }

    #[test]
    fn what_the_schema_does_not_know_can_be_deselected_too_and_in_arrays() {
        let mut stream = contacts();
        for breadcrumb in [
            vec!["properties", "unknown"],
            vec!["properties", "tags", "items", "properties", "name"],
            vec!["properties", "id"],
        ] {
            stream
                .metadata
                .retain(|entry| entry.breadcrumb != breadcrumb);
            stream.metadata.push(MetadataEntry {
                breadcrumb: breadcrumb.into_iter().map(str::to_owned).collect(),
                metadata: Map::from_iter([("selected".to_owned(), json!(false))]),
            });
        }
        let mut out = String::new();
        let record = r#"{"id":"1","unknown":2,"tags":[{"id":"t","name":"n"}]}"#;
        stream.projection().copy(record, &mut out).unwrap();
        assert_eq!(out, r#"{"id":"1","tags":[{"id":"t"}]}"#);
    }

    #[test]
    fn a_deselected_parent_takes_its_properties_along() {
        let stream = with(&["properties", "location"], "selected", false);
        assert_eq!(
            projected(&stream),
            r#"{"id":"1","updated_at":2,"name":"n"}"#
        );
    }
}
