//! What users say must not be read: streams, and properties of records by dotted path. All of it is
//! checked at start, whatever the run then reads, since a slip of the pen would let through what was
//! to be left out.

use serde_json::{Map, Value};

use super::streams::{self, Child, Stream};
use crate::cli::Failure;
use crate::cli::nearest::{each_name, nearest};
use crate::singer::catalog::CatalogStream;

/// What is not read.
#[derive(Debug, Default)]
pub struct Exclusions {
    streams: Vec<&'static str>,
    /// With the stream that each is a property of.
    properties: Vec<(&'static str, Vec<String>)>,
}

impl Exclusions {
    /// Reads names of streams and paths such as `contacts.location.city`, one by one or with commas
    /// between them.
    pub fn parse(given: &[String]) -> Result<Self, Failure> {
        let mut exclusions = Self::default();
        for text in each_name(given) {
            let (stream, rest) = match text.split_once('.') {
                Some((stream, rest)) => (stream, Some(rest)),
                None => (text, None),
            };
            let Some(stream) = find(stream) else {
                return Err(no_such_stream(stream));
            };
            let path = rest.map_or_else(Vec::new, |rest| stream.path(rest));
            if path.is_empty() {
                exclusions.streams.push(stream.name);
            } else {
                stream.check(text, &path)?;
                exclusions.properties.push((stream.name, path));
            }
        }
        Ok(exclusions)
    }

    /// Whether everything may be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.properties.is_empty()
    }

    /// Whether that stream is not read.
    #[must_use]
    pub fn leaves_out(&self, stream: &str) -> bool {
        self.streams.contains(&stream)
    }

    /// The entry by which a stream is emitted, without what is excluded; none where it is itself.
    #[must_use]
    pub fn narrow(&self, entry: Option<CatalogStream>) -> Option<CatalogStream> {
        let mut entry = entry?;
        if self.leaves_out(&entry.tap_stream_id) {
            return None;
        }
        for (stream, path) in &self.properties {
            if *stream == entry.tap_stream_id {
                entry.deselect(path);
            }
        }
        Some(entry)
    }
}

/// The fault of a name that no stream has.
#[must_use]
pub fn no_such_stream(name: &str) -> Failure {
    let failure = Failure::usage(format_args!("there is no stream {name}"));
    match nearest(name, streams::names()) {
        Some(meant) => failure.hint(format_args!(
            "did you mean {meant}? `tap-intercom --discover` shows them all"
        )),
        None => failure.hint("`tap-intercom --discover` shows them all"),
    }
}

/// What there is to know of a stream of whose records a property is left out.
struct Described {
    name: &'static str,
    schema: fn() -> Value,
    key: &'static [&'static str],
    replication_key: Option<&'static str>,
}

fn find(name: &str) -> Option<Described> {
    for stream in streams::all() {
        if stream.name == name {
            return Some(Described::stream(stream));
        }
        if let Some(child) = stream.children.iter().find(|child| child.name == name) {
            return Some(Described::child(child));
        }
    }
    None
}

impl Described {
    fn stream(stream: &Stream) -> Self {
        Self {
            name: stream.name,
            schema: stream.schema,
            key: stream.key,
            replication_key: stream.replication_key,
        }
    }

    fn child(child: &Child) -> Self {
        Self {
            name: child.name,
            schema: child.schema,
            key: child.key,
            replication_key: None,
        }
    }

    /// The names that lead to a property. Where none is declared, records are flat and their names may
    /// have points in them.
    fn path(&self, text: &str) -> Vec<String> {
        match inside(&(self.schema)()) {
            Inside::Anything => vec![text.to_owned()],
            Inside::Properties(_) | Inside::Nothing => text.split('.').map(str::to_owned).collect(),
        }
    }

    /// Whether records of the stream may have that property, and can do without it.
    fn check(&self, text: &str, path: &[String]) -> Result<(), Failure> {
        if let [name] = path
            && (self.key.contains(&name.as_str()) || self.replication_key == Some(name))
        {
            return Err(Failure::usage(format_args!(
                "{text} can't be excluded: without it a record can't be placed"
            ))
            .hint("exclude the stream as a whole, or leave the property to it"));
        }
        let schema = (self.schema)();
        let mut place = &schema;
        for name in path {
            let declared = match inside(place) {
                Inside::Anything => return Ok(()),
                Inside::Nothing => None,
                Inside::Properties(properties) => Some(properties),
            };
            if let Some(property) = declared.and_then(|properties| properties.get(name)) {
                place = property;
                continue;
            }
            let names = declared.into_iter().flat_map(Map::keys);
            return Err(self.no_such_property(text, name, names.map(String::as_str)));
        }
        Ok(())
    }

    fn no_such_property<'a>(
        &self,
        text: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Failure {
        let failure = Failure::usage(format_args!(
            "{text} can't be excluded: there is no property {name} there"
        ));
        let all = format!(
            "schemas/{0}.json and `--discover` show those of {0}",
            self.name
        );
        match nearest(name, known) {
            Some(meant) => failure.hint(format_args!("did you mean {meant}? {all}")),
            None => failure.hint(all),
        }
    }
}

/// What may be in a value of some schema.
enum Inside<'a> {
    Properties(&'a Map<String, Value>),
    /// Whatever people define.
    Anything,
    Nothing,
}

/// A path leads through arrays to the properties of their elements.
fn inside(schema: &Value) -> Inside<'_> {
    if schema["items"].is_object() {
        return inside(&schema["items"]);
    }
    // Where none is declared, which there are is the workspace's to say.
    if let Some(properties) = schema["properties"].as_object()
        && !properties.is_empty()
    {
        return Inside::Properties(properties);
    }
    let is = |kind: &str| match &schema["type"] {
        Value::String(only) => only == kind,
        Value::Array(kinds) => kinds.iter().any(|it| it == kind),
        _ => true,
    };
    if is("object") || is("array") {
        Inside::Anything
    } else {
        Inside::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Exclusions, String> {
        Exclusions::parse(&[text.to_owned()]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_a_path_leads_to_must_be_there() {
        for stream in streams::all() {
            let properties = (stream.schema)();
            for name in properties["properties"]
                .as_object()
                .into_iter()
                .flat_map(Map::keys)
            {
                let is_key = stream.key.contains(&name.as_str())
                    || stream.replication_key == Some(name.as_str());
                let path = format!("{}.{name}", stream.name);
                assert_eq!(parsed(&path).is_err(), is_key, "{path}");
                let typo = format!("{path}_x");
                assert!(parsed(&typo).is_err(), "{typo}");
            }
        }
    }
}
