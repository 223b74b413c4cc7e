//! Which streams a run reads and what of their records it emits: the table of streams, narrowed by
//! a catalog or by `--stream`.

use serde_json::Value;

use super::streams::{self, Child, Stream};
use crate::cli::Failure;
use crate::singer::catalog::{Catalog, CatalogStream, Discovered};
use crate::singer::projection::Projection;

/// What is to be done with one stream of the table.
#[derive(Debug)]
pub struct Plan {
    /// The row of the table.
    pub stream: &'static Stream,
    /// How its own records are emitted, if they are.
    pub output: Option<Output>,
    /// The children to be read along with it.
    pub children: Vec<(&'static Child, Output)>,
    /// Whether bookmarks are to be passed over.
    pub is_full_table: bool,
}

/// How the records of a stream, or of a child stream, are emitted.
#[derive(Clone, Debug)]
pub struct Output {
    /// The stream's name.
    pub name: &'static str,
    /// The schema, without what isn't selected.
    pub schema: Value,
    /// Names of the key's properties.
    pub key_properties: Vec<String>,
    /// Names of the bookmark's properties.
    pub bookmark_properties: Vec<String>,
    /// What is left out of the records.
    pub projection: Projection,
}

/// The catalog of everything there is.
#[must_use]
pub fn discover() -> Catalog {
    let mut streams = Vec::new();
    for stream in streams::all() {
        streams.push(discovered(stream));
        streams.extend(
            stream
                .children
                .iter()
                .map(|child| discovered_child(stream, child)),
        );
    }
    Catalog { streams }
}

fn discovered(stream: &Stream) -> CatalogStream {
    CatalogStream::discovered(Discovered {
        name: stream.name,
        schema: (stream.schema)(),
        key: stream.key,
        replication_key: stream.replication_key,
        parent: None,
        selected_by_default: stream.selected_by_default,
    })
}

fn discovered_child(parent: &Stream, child: &Child) -> CatalogStream {
    CatalogStream::discovered(Discovered {
        name: child.name,
        schema: (child.schema)(),
        key: child.key,
        replication_key: None,
        parent: Some(parent.name),
        selected_by_default: child.selected_by_default,
    })
}

/// What to do for a catalog, or, where `names` are given, for those streams and their children.
pub fn plan(catalog: Option<&Catalog>, names: &[String]) -> Result<Vec<Plan>, Failure> {
    for name in names {
        if !all_names().any(|known| known == name) {
            return Err(unknown_stream(name));
        }
    }
    if let Some(catalog) = catalog {
        for entry in &catalog.streams {
            if !all_names().any(|known| known == entry.tap_stream_id) {
                tracing::warn!(
                    "the catalog's stream {} is unknown to this tap and is left out",
                    entry.tap_stream_id
                );
            }
        }
    }
    let mut plans = Vec::new();
    for stream in streams::all() {
        let is_named = names.iter().any(|name| name == stream.name);
        let own = choose(catalog, names, is_named, discovered(stream))?;
        let mut children = Vec::new();
        for child in stream.children {
            let comes_along = is_named && child.selected_by_default == stream.selected_by_default;
            let is_named = comes_along || names.iter().any(|name| name == child.name);
            let chosen = choose(catalog, names, is_named, discovered_child(stream, child))?;
            if let Some(entry) = chosen {
                children.push((child, Output::of(child.name, &entry)));
            }
        }
        if own.is_none() && children.is_empty() {
            continue;
        }
        plans.push(Plan {
            stream,
            is_full_table: own
                .as_ref()
                .is_some_and(|entry| stream.replication_key.is_some() && entry.wants_full_table()),
            output: own.map(|entry| Output::of(stream.name, &entry)),
            children,
        });
    }
    Ok(plans)
}

/// The entry by which a stream is emitted: the catalog's, else the discovered one; none where it
/// isn't chosen.
fn choose(
    catalog: Option<&Catalog>,
    names: &[String],
    is_named: bool,
    discovered: CatalogStream,
) -> Result<Option<CatalogStream>, Failure> {
    let given = catalog.map(|catalog| {
        catalog
            .streams
            .iter()
            .find(|entry| entry.tap_stream_id == discovered.tap_stream_id)
    });
    let is_chosen = match (given, names.is_empty()) {
        (_, false) => is_named,
        (Some(entry), true) => entry.is_some_and(CatalogStream::is_selected),
        (None, true) => discovered.is_selected(),
    };
    if !is_chosen {
        return Ok(None);
    }
    let Some(entry) = given.flatten() else {
        return Ok(Some(discovered));
    };
    let mut entry = entry.clone();
    if let Some(key) = &entry.replication_key
        && discovered.replication_key.as_ref() != Some(key)
    {
        return Err(Failure::usage(format_args!(
            "the catalog's replication key {key} of stream {} can't be used; it must be {}",
            discovered.tap_stream_id,
            discovered.replication_key.as_deref().unwrap_or("absent")
        )));
    }
    // Keys are what the tap knows them to be, whatever a hand-written catalog leaves out.
    entry.key_properties = discovered.key_properties;
    entry.replication_key = discovered.replication_key;
    if !entry.schema.is_object() {
        entry.schema = discovered.schema;
    }
    Ok(Some(entry))
}

impl Plan {
    /// Everything that is emitted: of the stream itself, if it is, then of its children.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        let children = self.children.iter().map(|(_, output)| output);
        self.output.iter().chain(children)
    }

    /// The property that bookmarks are made of; the usual one for a stream that has none.
    #[must_use]
    pub fn replication_key(&self) -> &'static str {
        self.stream.replication_key.unwrap_or("updated_at")
    }
}

impl Output {
    fn of(name: &'static str, entry: &CatalogStream) -> Self {
        Self {
            name,
            schema: entry.selected_schema(),
            key_properties: entry.key_properties.clone(),
            bookmark_properties: entry.replication_key.iter().cloned().collect(),
            projection: entry.projection(),
        }
    }
}

fn all_names() -> impl Iterator<Item = &'static str> {
    streams::all().flat_map(|stream| {
        std::iter::once(stream.name).chain(stream.children.iter().map(|child| child.name))
    })
}

fn unknown_stream(name: &str) -> Failure {
    let failure = Failure::usage(format_args!("there is no stream {name}"));
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    match all_names().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= nearest.len() / 2 => failure.hint(format_args!(
            "did you mean {nearest}? `tap-intercom --discover` shows them all"
        )),
        _ => failure.hint("`tap-intercom --discover` shows them all"),
    }
}
