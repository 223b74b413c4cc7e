//! The tap's state as the destination keeps it: an object a stream, each one a Singer state of its
//! own, so that people and `--read-state` need no other format.
//!
//! A tap repeats in each STATE the bookmarks of streams that it does not read in this run, as they
//! were when it began. Runs of other streams may have moved them since, so a bookmark is *ours* to
//! write only when a SCHEMA of its stream has come, or when it has changed since the run's first
//! STATE (some taps call bookmarks otherwise than streams). One that is not ours is written only
//! where there is no object yet, and gives way to whoever writes it meanwhile.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::object_name::{StateOwner, StatePathTemplate};
use super::side_by_side::side_by_side;
use super::store::{Store, StoreError, StoreErrorKind, Stored, Version};
use crate::cli::Failure;

const BOOKMARKS: &str = "bookmarks";
/// Where an interrupted tap was; worth nothing to the next run.
const CURRENTLY_SYNCING: &str = "currently_syncing";

/// The state objects of a destination as they were when they were read or written last.
#[derive(Debug)]
pub struct StateObjects {
    store: Store,
    template: StatePathTemplate,
    stored: BTreeMap<StateOwner, Stored>,
    /// The streams that this run has received a SCHEMA of.
    loaded: HashSet<String>,
    /// The bookmarks of the run's first STATE.
    first: Option<Map<String, Value>>,
}

/// State objects that are to be written.
#[derive(Debug)]
pub struct Changes {
    documents: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    owner: StateOwner,
    document: Value,
    /// Whether this run has made the bookmark, and not only repeats it.
    is_ours: bool,
}

impl StateObjects {
    /// Reads all state objects of a destination.
    pub fn read(store: &Store, template: &StatePathTemplate) -> Result<Self, StoreError> {
        let stored = side_by_side(
            store.list(template.prefix())?,
            |name| -> Result<_, StoreError> {
                let Some(owner) = template.owner_of(&name) else {
                    return Ok(None);
                };
                let object = store.read(&name)?;
                Ok(object.map(|object| (owner, object)))
            },
        )?;
        Ok(Self {
            store: store.clone(),
            template: template.clone(),
            stored: stored.into_iter().flatten().collect(),
            loaded: HashSet::new(),
            first: None,
        })
    }

    /// All of them as one Singer state; of the streams only those named, if any are.
    pub fn merged(&self, streams: &[String]) -> Result<Value, Failure> {
        let mut state = Map::new();
        let mut bookmarks = Map::new();
        for (owner, stored) in &self.stored {
            let wanted = match owner {
                StateOwner::Stream(stream) => streams.is_empty() || streams.contains(stream),
                StateOwner::Tap => true,
            };
            if !wanted {
                continue;
            }
            let mut document = self.parse(owner, stored)?;
            if let Some(Value::Object(found)) = document.remove(BOOKMARKS) {
                bookmarks.extend(found);
            }
            state.extend(document);
        }
        if !bookmarks.is_empty() {
            state.insert(BOOKMARKS.to_owned(), Value::Object(bookmarks));
        }
        Ok(Value::Object(state))
    }

    /// Takes note of a SCHEMA: the stream's bookmark is this run's to write.
    pub fn loads(&mut self, stream: &str) {
        if !self.loaded.contains(stream) {
            self.loaded.insert(stream.to_owned());
        }
    }

    /// Takes note of the run's first STATE.
    pub fn receive_first(&mut self, state: &str) -> Result<(), Failure> {
        self.first = Some(bookmarks_of(state)?);
        Ok(())
    }

    /// What has to be written so that the objects say the same as `state`, a JSON object or null,
    /// as far as it is this run's to say. Streams that it does not name keep theirs.
    pub fn changes(&self, state: &str) -> Result<Changes, Failure> {
        let mut changes = Changes {
            documents: Vec::new(),
        };
        for (stream, bookmark) in bookmarks_of(state)? {
            let is_ours = self.loaded.contains(&stream)
                || self
                    .first
                    .as_ref()
                    .is_none_or(|first| first.get(&stream) != Some(&bookmark));
            let document = json!({ BOOKMARKS: { stream.as_str(): bookmark } });
            let owner = StateOwner::Stream(stream);
            self.compare(&mut changes, owner, document, is_ours)?;
        }
        let mut others = parse_state(state)?;
        others.remove(CURRENTLY_SYNCING);
        if matches!(others.get(BOOKMARKS), Some(Value::Object(_) | Value::Null)) {
            others.remove(BOOKMARKS);
        }
        if !others.is_empty() {
            self.compare(&mut changes, StateOwner::Tap, Value::Object(others), true)?;
        }
        Ok(changes)
    }

    /// Adds a document that differs from what is stored.
    fn compare(
        &self,
        changes: &mut Changes,
        owner: StateOwner,
        document: Value,
        is_ours: bool,
    ) -> Result<(), Failure> {
        if let Some(stored) = self.stored.get(&owner) {
            if Value::Object(self.parse(&owner, stored)?) == document {
                return Ok(());
            }
            if !is_ours {
                let place = self.store.place_of(&self.template.render(&owner));
                tracing::info!(
                    "{place} stays as it is: this run has not read its stream, and its STATE repeats another bookmark"
                );
                return Ok(());
            }
        }
        changes.documents.push(Change {
            owner,
            document,
            is_ours,
        });
        Ok(())
    }

    /// Writes changed objects, unless another run was there first.
    pub fn write(&mut self, changes: Changes) -> Result<(), Failure> {
        let written = side_by_side(changes.documents, |change| -> Result<_, Failure> {
            let stored = self.write_one(&change)?;
            Ok(stored.map(|stored| (change.owner, stored)))
        })?;
        self.stored.extend(written.into_iter().flatten());
        Ok(())
    }

    /// Gives what the object is now.
    fn write_one(&self, change: &Change) -> Result<Option<Stored>, Failure> {
        let name = self.template.render(&change.owner);
        let content = format!("{:#}\n", change.document).into_bytes();
        let known = self.stored.get(&change.owner).map(|stored| &stored.version);
        let version = match self.store.replace(&name, &content, known) {
            Err(conflict) if conflict.kind == StoreErrorKind::Conflict => {
                let theirs = self.store.read(&name)?;
                if !change.is_ours {
                    return Ok(theirs);
                }
                self.replace_repeated(change, &name, &content, theirs, conflict)
            }
            written => written.map_err(Failure::from),
        }?;
        tracing::info!("wrote {}", self.store.place_of(&name));
        Ok(Some(Stored { content, version }))
    }

    /// Another run has written the object. That is no conflict where it only repeats what this run
    /// began with.
    fn replace_repeated(
        &self,
        change: &Change,
        name: &str,
        content: &[u8],
        theirs: Option<Stored>,
        conflict: StoreError,
    ) -> Result<Version, Failure> {
        let StateOwner::Stream(stream) = &change.owner else {
            return Err(conflict_fault(conflict));
        };
        let began_with = self.first.as_ref().and_then(|first| first.get(stream));
        if let (None, Some(began_with), Some(theirs)) =
            (self.stored.get(&change.owner), began_with, theirs)
        {
            let repeated = json!({ BOOKMARKS: { stream.as_str(): began_with } });
            // What can't be read is certainly not what this run began with.
            if self
                .parse(&change.owner, &theirs)
                .is_ok_and(|theirs| Value::Object(theirs) == repeated)
            {
                return self
                    .store
                    .replace(name, content, Some(&theirs.version))
                    .map_err(conflict_fault);
            }
        }
        Err(conflict_fault(conflict))
    }

    fn parse(&self, owner: &StateOwner, stored: &Stored) -> Result<Map<String, Value>, Failure> {
        let fault = |reason: &str| {
            let place = self.store.place_of(&self.template.render(owner));
            Failure::failed(format_args!("the state object {place} is no Singer state: {reason}")).hint(
                "put back an earlier version of it, or delete it to have its stream read from the start",
            )
        };
        let document =
            serde_json::from_slice(&stored.content).map_err(|error| fault(&error.to_string()))?;
        let Value::Object(document) = document else {
            return Err(fault("it is not a JSON object"));
        };
        let has_bookmarks = match document.get(BOOKMARKS) {
            Some(bookmarks) => bookmarks.is_object(),
            None => *owner == StateOwner::Tap || document.is_empty(),
        };
        if !has_bookmarks && *owner != StateOwner::Tap {
            return Err(fault("it has no object `bookmarks`"));
        }
        Ok(document)
    }
}

fn parse_state(state: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(state).map_err(Failure::failed)? {
        Value::Object(state) => Ok(state),
        _ => Ok(Map::new()),
    }
}

fn bookmarks_of(state: &str) -> Result<Map<String, Value>, Failure> {
    match parse_state(state)?.remove(BOOKMARKS) {
        Some(Value::Object(bookmarks)) => Ok(bookmarks),
        _ => Ok(Map::new()),
    }
}

fn conflict_fault(error: StoreError) -> Failure {
    let conflict = error.kind == StoreErrorKind::Conflict;
    let failure = Failure::from(error);
    if conflict {
        return failure.hint(
            "two runs write the same streams: let one end before the next begins; the data of this run is stored and will be read again",
        );
    }
    failure
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = match error.kind {
            StoreErrorKind::Misconfigured => Failure::usage(&error),
            _ => Failure::failed(&error),
        };
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
