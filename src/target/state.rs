//! The tap's state as the destination keeps it: an object a stream, each one a Singer state of its
//! own, so that people and `--read-state` need no other format.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::object_name::{StateOwner, StatePathTemplate};
use super::store::{Store, StoreError, StoreErrorKind, Stored};
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
}

/// State objects that are to be written.
#[derive(Debug)]
pub struct Changes {
    documents: Vec<(StateOwner, Value)>,
}

impl StateObjects {
    /// Reads all state objects of a destination.
    pub fn read(store: &Store, template: &StatePathTemplate) -> Result<Self, StoreError> {
        let mut stored = BTreeMap::new();
        for name in store.list(template.prefix())? {
            if let Some(owner) = template.owner_of(&name)
                && let Some(object) = store.read(&name)?
            {
                stored.insert(owner, object);
            }
        }
        Ok(Self {
            store: store.clone(),
            template: template.clone(),
            stored,
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

    /// What has to be written so that the objects say the same as `state`, a JSON object or null.
    /// Streams that it does not name keep theirs.
    pub fn changes(&self, state: &str) -> Result<Changes, Failure> {
        let state: Value = serde_json::from_str(state).map_err(Failure::failed)?;
        let mut documents = Vec::new();
        let mut others = Map::new();
        let Value::Object(keys) = state else {
            return Ok(Changes { documents });
        };
        for (key, value) in keys {
            match value {
                Value::Object(bookmarks) if key == BOOKMARKS => {
                    for (stream, bookmark) in bookmarks {
                        let document = json!({ BOOKMARKS: { stream.as_str(): bookmark } });
                        documents.push((StateOwner::Stream(stream), document));
                    }
                }
                Value::Null if key == BOOKMARKS => {}
                _ if key == CURRENTLY_SYNCING => {}
                value => {
                    others.insert(key, value);
                }
            }
        }
        if !others.is_empty() {
            documents.push((StateOwner::Tap, Value::Object(others)));
        }
        let mut changed = Vec::new();
        for (owner, document) in documents {
            let same = match self.stored.get(&owner) {
                Some(stored) => Value::Object(self.parse(&owner, stored)?) == document,
                None => false,
            };
            if !same {
                changed.push((owner, document));
            }
        }
        Ok(Changes { documents: changed })
    }

    /// Writes changed objects, unless another run was there first.
    pub fn write(&mut self, changes: Changes) -> Result<(), Failure> {
        for (owner, document) in changes.documents {
            let name = self.template.render(&owner);
            let content = format!("{document:#}\n").into_bytes();
            let known = self.stored.get(&owner).map(|stored| &stored.version);
            let version = self
                .store
                .replace(&name, &content, known)
                .map_err(write_fault)?;
            tracing::info!("wrote {}", self.store.place_of(&name));
            self.stored.insert(owner, Stored { content, version });
        }
        Ok(())
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

fn write_fault(error: StoreError) -> Failure {
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
        let failure = Failure::failed(&error);
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
