//! Which streams a run reads and what of their records it emits: the table of streams, narrowed by
//! a catalog or by `--stream`, and by what is excluded.

use serde_json::Value;

use super::exclusions::{Exclusions, no_such_stream};
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
    /// Names of the properties that the catalog selects in so many words.
    pub chosen: Vec<String>,
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
        is_incremental: stream.is_incremental(),
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
        is_incremental: false,
        parent: Some(parent.name),
        selected_by_default: child.selected_by_default,
    })
}

/// What to do for a catalog, or, where `names` are given, for those streams and their children; in
/// either case without what is excluded.
pub fn plan(
    catalog: Option<&Catalog>,
    names: &[String],
    exclusions: &Exclusions,
) -> Result<Vec<Plan>, Failure> {
    for name in names {
        if !streams::names().any(|known| known == name) {
            return Err(no_such_stream(name));
        }
        if exclusions.leaves_out(name) {
            tracing::warn!("stream {name} is named by --stream, but excluded: it is not read");
        }
    }
    if let Some(catalog) = catalog {
        for entry in &catalog.streams {
            if !streams::names().any(|known| known == entry.tap_stream_id) {
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
        let is_excluded = exclusions.leaves_out(stream.name);
        let own = choose(catalog, names, is_named, discovered(stream))?;
        let own = exclusions.narrow(own);
        let mut children = Vec::new();
        for child in stream.children {
            if is_excluded && !names.iter().any(|name| name == child.name) {
                continue;
            }
            let comes_along = is_named && child.selected_by_default == stream.selected_by_default;
            let is_named = comes_along || names.iter().any(|name| name == child.name);
            let chosen = choose(catalog, names, is_named, discovered_child(stream, child))?;
            if let Some(entry) = exclusions.narrow(chosen) {
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
                .is_some_and(|entry| stream.is_incremental() && entry.wants_full_table()),
            output: own.map(|entry| Output::of(stream.name, &entry)),
            children,
        });
    }
    if plans.is_empty() && !exclusions.is_empty() {
        return Err(
            Failure::usage("nothing is left to be read: what is chosen is excluded").hint(
                "`exclude` and --exclude say what is not read, --stream and the catalog what is",
            ),
        );
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
            chosen: entry.chosen_properties(),
            projection: entry.projection(),
        }
    }
}
