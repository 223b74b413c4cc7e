//! State objects on their way: compare-and-swap, and what happens where another run was there first.

use serde_json::{Map, Value, json};

use super::claim::{BOOKMARKS, Claim};
use super::side_by_side::side_by_side;
use super::state_name::{Candidate, StateOwner};
use super::state_place::{StatePlace, document_of};
use super::store::{Generation, StoreError, StoreErrorKind, Stored};
use crate::cli::Failure;

/// How often the top-level keys are merged anew with what other runs have just written.
const MAX_MERGES: usize = 50;

/// What state objects have become.
pub type Written = Vec<(StateOwner, Stored)>;

/// State objects that are to be written.
#[derive(Debug)]
pub struct Changes {
    place: StatePlace,
    streams: Vec<BookmarkChange>,
    merges: Vec<Merge>,
}

/// A stream's bookmark that is to be stored.
#[derive(Debug)]
pub struct BookmarkChange {
    pub stream: String,
    pub bookmark: Value,
    /// What it was in the run's first STATE.
    pub first: Option<Value>,
    pub claim: Claim,
    /// Whether the stream is to be left without a bookmark.
    pub is_reset: bool,
    /// What the object was; `None`: there was none.
    pub known: Option<Generation>,
}

/// Top-level keys of an object that are to be stored among those of other taps.
#[derive(Debug)]
pub struct Merge {
    owner: StateOwner,
    set: Vec<Other>,
    /// Keys that this run's tap has no more.
    pub removed: Vec<String>,
    known: Option<(Generation, Map<String, Value>)>,
}

/// A top-level key that is to be stored.
#[derive(Debug)]
pub struct Other {
    pub key: String,
    pub value: Value,
    pub claim: Claim,
    /// Whether it is called like a stream that this run has loaded.
    pub is_stream: bool,
    /// What it was in the run's first STATE.
    pub first: Option<Value>,
}

impl Changes {
    /// What is to be written, and where.
    pub fn new(place: StatePlace, streams: Vec<BookmarkChange>, merges: Vec<Merge>) -> Self {
        Self {
            place,
            streams,
            merges,
        }
    }

    /// Writes them, unless another run was there first, and gives what the objects are now.
    pub fn write(self) -> Result<Written, Failure> {
        let place = &self.place;
        let mut written = side_by_side(self.streams, |change| -> Result<_, Failure> {
            let stored = change.write(place)?;
            Ok(stored.map(|stored| (StateOwner::Stream(change.stream), stored)))
        })?;
        for merge in self.merges {
            let owner = merge.owner.clone();
            let stored = merge.write(place)?;
            written.push(stored.map(|stored| (owner, stored)));
        }
        Ok(written.into_iter().flatten().collect())
    }
}

/// What becomes of a bookmark where another run has written the object meanwhile.
enum Outcome {
    Replace,
    GiveWay,
    Fail,
}

impl BookmarkChange {
    /// Gives what the object is now, as far as that is known.
    fn write(&self, place: &StatePlace) -> Result<Option<Stored>, Failure> {
        let owner = StateOwner::Stream(self.stream.clone());
        let name = place.template.render(&owner);
        // Of a name that was cut, only the bookmark in it says whose it is.
        let tells_stream = |found: Candidate| found.owner.is_some();
        let is_told = place.template.candidate(&name).is_some_and(tells_stream);
        let document = if self.is_reset && is_told {
            json!({ BOOKMARKS: {} })
        } else {
            document_of(&self.stream, &self.bookmark)
        };
        let content = format!("{document:#}\n").into_bytes();
        let version = match place.store.replace(&name, &content, self.known.as_ref()) {
            Err(conflict) if conflict.kind == StoreErrorKind::Conflict => {
                let theirs = place.store.read(&name)?;
                match self.outcome(place, &owner, theirs.as_ref()) {
                    Outcome::Replace => {}
                    Outcome::GiveWay => return Ok(theirs),
                    Outcome::Fail => return Err(conflict_fault(conflict)),
                }
                let version = theirs.as_ref().map(|theirs| &theirs.version);
                let replaced = place.store.replace(&name, &content, version);
                replaced.map_err(conflict_fault)?
            }
            written => written?,
        };
        tracing::info!("wrote {}", place.store.place_of(&name));
        Ok(Some(Stored { content, version }))
    }

    fn outcome(&self, place: &StatePlace, owner: &StateOwner, theirs: Option<&Stored>) -> Outcome {
        // What can't be read is no bookmark that this run knows.
        let document = theirs.and_then(|theirs| place.parse(owner, &theirs.content).ok());
        let theirs = document
            .as_ref()
            .and_then(|document| document.get(BOOKMARKS)?.get(&self.stream));
        let Some(theirs) = theirs else {
            return match self.claim {
                Claim::Ours => Outcome::Fail,
                Claim::Perhaps | Claim::Repeated => Outcome::GiveWay,
            };
        };
        let is_repeated = self.known.is_none() && self.first.as_ref() == Some(theirs);
        match self.claim {
            // The other run only repeats what this run began with.
            Claim::Ours if is_repeated => Outcome::Replace,
            Claim::Ours => Outcome::Fail,
            claim if claim.replaces(Some(theirs), &self.bookmark) => Outcome::Replace,
            _ => Outcome::GiveWay,
        }
    }
}

impl Merge {
    /// No key yet; `known` is what the object was and what it held, `None`: there was none.
    pub fn into(owner: StateOwner, known: Option<(Generation, Map<String, Value>)>) -> Self {
        Self {
            owner,
            set: Vec::new(),
            removed: Vec::new(),
            known,
        }
    }

    /// Adds a key that is to be stored.
    pub fn set(&mut self, other: Other) {
        self.set.push(other);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }

    /// Gives what the object is now, if it was written.
    fn write(mut self, place: &StatePlace) -> Result<Option<Stored>, Failure> {
        let name = place.template.render(&self.owner);
        let (mut version, mut document) = self.known.take().unzip();
        for _ in 0..MAX_MERGES {
            let before = document.unwrap_or_default();
            let merged = self.merged(&before);
            if merged == before {
                return Ok(None);
            }
            let content = format!("{:#}\n", Value::Object(merged)).into_bytes();
            match place.store.replace(&name, &content, version.as_ref()) {
                Ok(version) => {
                    tracing::info!("wrote {}", place.store.place_of(&name));
                    return Ok(Some(Stored { content, version }));
                }
                Err(error) if error.kind == StoreErrorKind::Conflict => {
                    let theirs = place.store.read(&name)?;
                    let now = match &theirs {
                        Some(theirs) => place.parse(&self.owner, &theirs.content)?,
                        None => Map::new(),
                    };
                    self.yield_to(&before, &now, error)?;
                    version = theirs.map(|theirs| theirs.version);
                    document = Some(now);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let place = place.store.place_of(&name);
        Err(Failure::failed(format_args!(
            "{place} is changed by other runs all the time"
        )))
    }

    fn merged(&self, document: &Map<String, Value>) -> Map<String, Value> {
        let mut merged = document.clone();
        for other in &self.set {
            merged.insert(other.key.clone(), other.value.clone());
        }
        for key in &self.removed {
            merged.remove(key);
        }
        merged
    }

    /// Another run has made of the object what it is `now`: its keys are its own.
    fn yield_to(
        &mut self,
        before: &Map<String, Value>,
        now: &Map<String, Value>,
        conflict: StoreError,
    ) -> Result<(), Failure> {
        let is_theirs = |key: &String| now.get(key) != before.get(key);
        self.removed.retain(|key| !is_theirs(key));
        let lost = self.set.iter().any(|other| {
            let theirs = now.get(&other.key);
            other.is_stream
                && is_theirs(&other.key)
                && theirs != other.first.as_ref()
                && theirs != Some(&other.value)
        });
        if lost {
            return Err(conflict_fault(conflict));
        }
        self.set.retain(|other| {
            !is_theirs(&other.key) || other.claim.replaces(now.get(&other.key), &other.value)
        });
        Ok(())
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
