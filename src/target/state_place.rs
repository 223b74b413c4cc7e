//! Where state objects are, and what one holds.

use serde_json::{Map, Value, json};

use super::claim::BOOKMARKS;
use super::state_name::{StateOwner, StatePathTemplate};
use super::store::{Store, StoreError, StoreErrorKind};
use crate::cli::Failure;
use crate::cli::failure::with_causes;

/// Where state objects are. Clones share it.
#[derive(Clone, Debug)]
pub struct StatePlace {
    pub store: Store,
    pub template: StatePathTemplate,
}

impl StatePlace {
    /// How a user would write an object's place.
    pub fn name_of(&self, owner: &StateOwner) -> String {
        self.store.place_of(&self.template.render(owner))
    }

    /// The content of a state object, which may be anything.
    pub fn parse(&self, owner: &StateOwner, content: &[u8]) -> Result<Map<String, Value>, Failure> {
        let fault = |reason: &str| no_state(&self.name_of(owner), reason);
        let document =
            serde_json::from_slice(content).map_err(|error| fault(&error.to_string()))?;
        let Value::Object(document) = document else {
            return Err(fault("it is not a JSON object"));
        };
        let has_bookmarks = match document.get(BOOKMARKS) {
            Some(bookmarks) => bookmarks.is_object(),
            None => document.is_empty(),
        };
        if !has_bookmarks && matches!(owner, StateOwner::Stream(_)) {
            return Err(fault("it has no object `bookmarks`"));
        }
        Ok(document)
    }

    /// Whose an object is whose name was cut.
    pub fn owner_by_content(&self, name: &str, content: &[u8]) -> Result<StateOwner, Failure> {
        let document: Value = serde_json::from_slice(content).unwrap_or_default();
        let streams = document[BOOKMARKS].as_object();
        streams
            .into_iter()
            .flat_map(Map::keys)
            .map(|stream| StateOwner::Stream(stream.clone()))
            .find(|owner| self.template.render(owner) == name)
            .ok_or_else(|| {
                no_state(
                    &self.store.place_of(name),
                    "it has no bookmark of the stream that it is named for",
                )
            })
    }
}

/// The content of a stream's state object.
pub fn document_of(stream: &str, bookmark: &Value) -> Value {
    json!({ BOOKMARKS: { stream: bookmark } })
}

fn no_state(place: &str, reason: &str) -> Failure {
    Failure::failed(format_args!(
        "the state object {place} is no Singer state: {reason}"
    ))
    .hint("put back an earlier version of it, or delete it to have its stream read from the start")
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = with_causes(&error);
        let failure = match error.kind {
            StoreErrorKind::Misconfigured => Failure::usage(message),
            _ => Failure::failed(message),
        };
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
