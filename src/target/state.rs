//! The tap's state as the destination keeps it: an object a stream, each one a Singer state of its
//! own, so that people and `--read-state` need no other format; and one for the top-level keys, of
//! all taps that have any. Which values are this run's to store is said in `claim.rs`.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use super::claim::{BOOKMARKS, Claim, Claims, TapState};
use super::keys::KeyRule;
use super::side_by_side::side_by_side;
use super::state_changes::{BookmarkChange, Changes, Merge, Other, Written};
use super::state_name::{StateOwner, StatePathTemplate};
use super::state_place::{StatePlace, document_of};
use super::store::{Generation, Store, Stored};
use crate::cli::nearest::slip_of;
use crate::cli::{Failure, foreign};

/// The state objects of a destination as they were when they were read or written last.
#[derive(Debug)]
pub struct StateObjects {
    place: StatePlace,
    stored: BTreeMap<StateOwner, Found>,
    claims: Claims,
    /// Top-level keys that this run's STATEs have had.
    had_keys: HashSet<String>,
    /// What SCHEMAs have said of the keys of their streams.
    keys: HashMap<String, Option<KeyRule>>,
}

/// What an owner's object holds.
#[derive(Debug)]
struct Found {
    object: Stored,
    /// Whether it has the name that an earlier version gave it: one of today's name is made beside it.
    is_old: bool,
}

impl Found {
    /// The ticket for replacing the object of today's name, if there is one.
    fn version(&self) -> Option<&Generation> {
        (!self.is_old).then_some(&self.object.version)
    }
}

impl StateObjects {
    /// Reads all state objects of a destination.
    pub fn read(store: &Store, template: &StatePathTemplate) -> Result<Self, Failure> {
        let place = StatePlace {
            store: store.clone(),
            template: template.clone(),
        };
        let entries = store.entries(template.prefix())?;
        let candidates = entries
            .iter()
            .filter_map(|entry| template.candidate(entry))
            .collect();
        let found = side_by_side(candidates, |candidate| -> Result<_, Failure> {
            let Some(object) = store.read(&candidate.name)? else {
                return Ok(None);
            };
            let owner = match candidate.owner {
                Some(owner) => owner,
                None => place.owner_by_content(&candidate.name, &object.content)?,
            };
            let is_old = candidate.is_old;
            Ok(Some((owner, Found { object, is_old })))
        })?;
        let mut stored = BTreeMap::new();
        for (owner, found) in found.into_iter().flatten() {
            if found.is_old {
                stored.entry(owner).or_insert(found);
            } else {
                stored.insert(owner, found);
            }
        }
        Ok(Self {
            place,
            stored,
            claims: Claims::default(),
            had_keys: HashSet::new(),
            keys: HashMap::new(),
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let is_state = |owner: &&StateOwner| **owner != StateOwner::Keys;
        self.stored.keys().filter(is_state).count()
    }

    /// Whether some of those streams can only be slips of the pen. One that merely has no state yet
    /// isn't known from one that never will: it is told.
    pub fn look_for(&self, streams: &[String]) -> Result<(), Failure> {
        let known = || {
            self.stored.keys().filter_map(|owner| match owner {
                StateOwner::Stream(stream) => Some(stream.as_str()),
                StateOwner::Tap | StateOwner::Keys => None,
            })
        };
        let there_is = if known().next().is_none() {
            "no state of any stream is stored".to_owned()
        } else {
            let names: Vec<&str> = known().collect();
            format!("states are stored of {}", foreign::told(&names.join(", ")))
        };
        for stream in streams {
            if known().any(|known| known == stream) {
                continue;
            }
            if let Some(meant) = slip_of(stream, known()) {
                return Err(Failure::usage(format_args!(
                    "no state is stored of a stream {stream}"
                ))
                .hint(format_args!(
                    "did you mean {}? {there_is}",
                    foreign::told(meant)
                )));
            }
            tracing::info!("no state is stored of {stream} yet; {there_is}");
        }
        Ok(())
    }

    /// All of them as one Singer state; of the streams only those named, if any are.
    pub fn merged(&self, streams: &[String]) -> Result<Value, Failure> {
        let mut state = Map::new();
        let mut bookmarks = Map::new();
        for (owner, stored) in &self.stored {
            let wanted = match owner {
                StateOwner::Stream(stream) => streams.is_empty() || streams.contains(stream),
                StateOwner::Tap => true,
                StateOwner::Keys => false,
            };
            if !wanted {
                continue;
            }
            let mut document = self.place.parse(owner, &stored.object.content)?;
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
        self.claims.loads(stream);
    }

    /// Takes note of the run's first STATE.
    pub fn receive_first(&mut self, state: &str) -> Result<(), Failure> {
        let first = TapState::parse(state)?;
        self.had_keys.extend(first.others.keys().cloned());
        self.claims.began_with(first);
        Ok(())
    }

    /// What has to be written so that the objects say the same as `state`, a JSON object or null,
    /// as far as it is this run's to say. What it does not name stays.
    pub fn changes(&mut self, state: &str) -> Result<Changes, Failure> {
        let state = TapState::parse(state)?;
        let mut changes = Vec::new();
        for (stream, bookmark) in &state.bookmarks {
            changes.extend(self.change_of_stream(stream, bookmark, &state)?);
        }
        let merges = [self.changes_of_others(&state)?, self.changes_of_keys()?];
        let merges = merges.into_iter().flatten().collect();
        self.had_keys
            .extend(state.others.into_iter().map(|(key, _)| key));
        Ok(Changes::new(self.place.clone(), changes, merges))
    }

    fn change_of_stream(
        &self,
        stream: &str,
        bookmark: &Value,
        state: &TapState,
    ) -> Result<Option<BookmarkChange>, Failure> {
        let owner = StateOwner::Stream(stream.to_owned());
        let first = self.claims.first_bookmark(stream);
        let claim = self.claims.claim(stream, bookmark, first, state);
        let mut known = None;
        if let Some(stored) = self.stored.get(&owner) {
            let document = Value::Object(self.place.parse(&owner, &stored.object.content)?);
            if document == document_of(stream, bookmark) {
                return Ok(None);
            }
            if !claim.replaces(document[BOOKMARKS].get(stream), bookmark) {
                let place = self.place.name_of(&owner);
                tracing::info!(
                    "{place} stays as it is: this run has not read its stream, and its STATE repeats another bookmark"
                );
                return Ok(None);
            }
            known = stored.version().cloned();
        }
        Ok(Some(BookmarkChange {
            stream: stream.to_owned(),
            bookmark: bookmark.clone(),
            first: first.cloned(),
            claim,
            is_reset: false,
            known,
        }))
    }

    fn changes_of_others(&self, state: &TapState) -> Result<Option<Merge>, Failure> {
        let (version, document) = self.shared(&StateOwner::Tap)?;
        let known = version.map(|version| (version, document.clone()));
        let mut merge = Merge::into(StateOwner::Tap, known);
        for (key, value) in &state.others {
            let before = document.get(key);
            if before == Some(value) {
                continue;
            }
            let first = self.claims.first_other(key);
            let claim = self.claims.claim_of_other(key, value, first);
            if claim.replaces(before, value) {
                merge.set(Other {
                    key: key.clone(),
                    value: value.clone(),
                    claim,
                    is_stream: self.claims.has_loaded(key),
                    first: first.cloned(),
                });
            }
        }
        // What this run's tap had and has no more; what it never had is another tap's.
        merge.removed = document
            .keys()
            .filter(|key| self.had_keys.contains(*key) && !state.others.contains_key(*key))
            .cloned()
            .collect();
        Ok((!merge.is_empty()).then_some(merge))
    }

    /// The stored bookmark of a stream.
    pub fn bookmark_of(&self, stream: &str) -> Result<Option<Value>, Failure> {
        let owner = StateOwner::Stream(stream.to_owned());
        let Some(found) = self.stored.get(&owner) else {
            return Ok(None);
        };
        let document = self.place.parse(&owner, &found.object.content)?;
        Ok(document
            .get(BOOKMARKS)
            .and_then(|bookmarks| bookmarks.get(stream))
            .cloned())
    }

    /// The ticket for replacing a stream's object.
    pub fn version_of(&self, stream: &str) -> Option<Generation> {
        let owner = StateOwner::Stream(stream.to_owned());
        self.stored.get(&owner)?.version().cloned()
    }

    /// An object that streams or taps share, and the ticket for replacing it.
    pub fn shared(
        &self,
        owner: &StateOwner,
    ) -> Result<(Option<Generation>, Map<String, Value>), Failure> {
        match self.stored.get(owner) {
            None => Ok((None, Map::new())),
            Some(found) => {
                let document = self.place.parse(owner, &found.object.content)?;
                Ok((Some(found.object.version.clone()), document))
            }
        }
    }

    /// Takes note of what a SCHEMA says of a stream's key; `None` where its records tell the same.
    pub fn knows_key(&mut self, stream: &str, rule: Option<KeyRule>) {
        self.keys.insert(stream.to_owned(), rule);
    }

    /// What is remembered of the keys of streams.
    pub fn keys(&self) -> Result<HashMap<String, KeyRule>, Failure> {
        let (_, document) = self.shared(&StateOwner::Keys)?;
        Ok(KeyRule::all_of(&document).into_iter().collect())
    }

    fn changes_of_keys(&self) -> Result<Option<Merge>, Failure> {
        let (version, document) = self.shared(&StateOwner::Keys)?;
        let known = version.map(|version| (version, document.clone()));
        let mut merge = Merge::into(StateOwner::Keys, known);
        for (stream, rule) in &self.keys {
            let value = rule.as_ref().map(KeyRule::document);
            match (document.get(stream), value) {
                (Some(_), None) => merge.removed.push(stream.clone()),
                (stored, Some(value)) if stored != Some(&value) => merge.set(Other {
                    key: stream.clone(),
                    value,
                    claim: Claim::Ours,
                    is_stream: false,
                    first: None,
                }),
                _ => {}
            }
        }
        Ok((!merge.is_empty()).then_some(merge))
    }

    /// Changes that somebody has asked for.
    pub fn edited(&self, streams: Vec<BookmarkChange>, merges: Vec<Merge>) -> Changes {
        Changes::new(self.place.clone(), streams, merges)
    }

    /// Takes note of what the objects are now.
    pub fn wrote(&mut self, written: Written) {
        let found = |object| Found {
            object,
            is_old: false,
        };
        let written = written.into_iter();
        self.stored
            .extend(written.map(|(owner, object)| (owner, found(object))));
    }
}
