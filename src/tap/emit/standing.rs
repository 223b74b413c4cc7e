//! Where the outputs of a stream stand by the state, and the state once they have moved: a bookmark
//! says whom it covers, and no run moves the bookmark of something that it doesn't emit.

use crate::cli::Failure;
use crate::singer::state::State;
use crate::tap::plan::Plan;
use crate::tap::read::bookmark::{Awaited, Bookmark};
use crate::tap::read::places::{Outputs, Place};
use crate::tap::streams::{Child, ChildAnswer, ChildSource, Stream};
use crate::tap::time::{DAY, EpochSeconds, Seconds};

/// No clock is wrong by more: what lies further ahead is no bookmark.
pub const LONGEST_AHEAD: Seconds = DAY;

/// Where the outputs of one plan stand, as of what is written.
#[derive(Debug)]
pub struct Standing<'a> {
    plan: &'a Plan,
    /// Whether the state remembers it at all.
    is_remembered: bool,
    places: Vec<Place>,
    /// Where each of the plan's children stood, in their order.
    children_before: Vec<Bookmark>,
    /// What couldn't be had, as the state has it.
    awaited: Vec<Awaited>,
    /// The stream's bookmark as it was, and the children that it covered.
    before: Bookmark,
    covered_before: Vec<String>,
    /// Whether the state doesn't hold it yet.
    has_moved: bool,
}

impl<'a> Standing<'a> {
    /// Reads the state at the time `now`.
    pub fn of(plan: &'a Plan, state: &State, now: EpochSeconds) -> Result<Self, Failure> {
        let mut standing = Self {
            plan,
            is_remembered: plan.stream.is_incremental() && !plan.is_full_table,
            places: Place::beginning(),
            children_before: Vec::new(),
            awaited: Vec::new(),
            before: Bookmark::default(),
            covered_before: Vec::new(),
            has_moved: false,
        };
        if standing.is_remembered {
            standing.read(state, now)?;
        }
        Ok(standing)
    }

    fn read(&mut self, state: &State, now: EpochSeconds) -> Result<(), Failure> {
        let stream = self.plan.stream;
        let own = bookmark_of(stream.name, self.plan, state, now)?;
        if let Some(own) = &own {
            self.covered_before = match &own.covers {
                Some(covers) => covers.clone(),
                None => covered_by_default(stream),
            };
        }
        self.before = own.unwrap_or_default();
        self.places.clear();
        if self.plan.output.is_some() {
            self.places.push(Place {
                outputs: Outputs::OWN,
                bookmark: self.before.clone(),
            });
            self.awaited.clone_from(&self.before.awaited);
        }
        for (number, (child, _)) in self.plan.children.iter().enumerate() {
            let alone = bookmark_of(child.name, self.plan, state, now)?;
            let is_covered = self.covered_before.iter().any(|name| name == child.name);
            let is_further =
                |alone: &Bookmark| alone.replication_key_value > self.before.replication_key_value;
            let is_level =
                |alone: &Bookmark| alone.replication_key_value == self.before.replication_key_value;
            let bookmark = match alone {
                Some(alone) if !is_covered || is_further(&alone) => alone,
                Some(alone) if is_level(&alone) => {
                    // Both remember truly what was emitted of it, and what it lacks.
                    let mut bookmark = self.copy_for(child);
                    bookmark.seen.join(&alone.seen);
                    let others = alone.holes.into_iter();
                    let mut holes = bookmark.holes.clone();
                    holes.extend(others.filter(|hole| !bookmark.holes.contains(hole)));
                    bookmark.holes = holes;
                    join_awaited(&mut bookmark.awaited, alone.awaited);
                    bookmark
                }
                _ if is_covered => self.copy_for(child),
                _ => Bookmark::default(),
            };
            self.children_before.push(bookmark.clone());
            self.place(Outputs::child(number), child, bookmark);
        }
        Ok(())
    }

    /// Puts a child with those who stand where it does.
    fn place(&mut self, outputs: Outputs, child: &Child, bookmark: Bookmark) {
        self.awaited
            .retain(|entry| !is_of(entry, child, self.plan.stream));
        self.awaited.extend(bookmark.awaited.clone());
        let mut places = self.places.iter_mut();
        if let Some(place) = places.find(|place| is_same(&place.bookmark, &bookmark)) {
            place.outputs = place.outputs.with(outputs);
        } else {
            self.places.push(Place { outputs, bookmark });
        }
    }

    /// The stream's bookmark as it was, for a child that it covered.
    fn copy_for(&self, child: &Child) -> Bookmark {
        let awaited = self.before.awaited.iter();
        Bookmark {
            awaited: awaited
                .filter(|entry| is_of(entry, child, self.plan.stream))
                .cloned()
                .collect(),
            covers: None,
            others: serde_json::Map::new(),
            ..self.before.clone()
        }
    }

    /// Where they stand.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Whether the state remembers it at all.
    #[must_use]
    pub fn is_remembered(&self) -> bool {
        self.is_remembered
    }

    /// What is remembered of one output.
    #[must_use]
    pub fn bookmark_of(&self, output: Outputs) -> Option<&Bookmark> {
        let mut places = self.places.iter();
        let place = places.find(|place| place.outputs.has(output))?;
        Some(&place.bookmark)
    }

    /// What earlier runs couldn't have.
    #[must_use]
    pub fn awaited(&self) -> &[Awaited] {
        &self.awaited
    }

    /// Some have come further, and all up to there is written.
    pub fn come(&mut self, marks: Vec<Place>) {
        for mark in marks {
            self.places.retain(|place| !place.outputs.has(mark.outputs));
            self.places.push(mark);
            self.has_moved = true;
        }
    }

    /// A child was given up, and nothing of it had: it stays where it stood, so that its history comes
    /// once it may be had.
    pub fn give_up(&mut self, name: &str) {
        let mut children = self.plan.children.iter();
        let Some(number) = children.position(|(child, _)| child.name == name) else {
            return;
        };
        let Some(before) = self.children_before.get(number) else {
            return;
        };
        let outputs = Outputs::child(number);
        let mut places = self.places.iter();
        let stays = |place: &Place| is_same(&place.bookmark, before);
        if places.any(|place| place.outputs.has(outputs) && stays(place)) {
            return;
        }
        for place in &mut self.places {
            place.outputs = place.outputs.without(outputs);
        }
        self.places.retain(|place| !place.outputs.is_empty());
        self.places.push(Place {
            outputs,
            bookmark: before.clone(),
        });
    }

    /// Whether the state doesn't hold it all yet.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.has_moved
    }

    /// Puts it into the state, with what couldn't be had.
    pub fn store(&mut self, awaited: &[Awaited], state: &mut State) {
        self.has_moved = false;
        if !self.is_remembered {
            return;
        }
        self.awaited = awaited.to_vec();
        for place in &self.places {
            let is_own = self.plan.output.is_some() && place.outputs.has(Outputs::OWN);
            if is_own {
                self.store_own(place, state);
            }
            for (number, (child, _)) in self.plan.children.iter().enumerate() {
                if !place.outputs.has(Outputs::child(number)) {
                    continue;
                }
                if is_own {
                    state.remove_bookmark(child.name);
                } else {
                    self.store_child(child, &place.bookmark, state);
                }
            }
        }
    }

    fn store_own(&self, place: &Place, state: &mut State) {
        let stream = self.plan.stream;
        let mut bookmark = place.bookmark.clone();
        let is_apart = |child: &Child| {
            let mut children = self.plan.children.iter().enumerate();
            children.any(|(number, (one, _))| {
                one.name == child.name && !place.outputs.has(Outputs::child(number))
            })
        };
        let awaited = self.awaited.iter().filter(|entry| {
            let mut children = stream.children.iter();
            !children.any(|child| is_apart(child) && is_of(entry, child, stream))
        });
        bookmark.awaited = awaited.cloned().collect();
        let children = self.plan.children.iter().enumerate();
        let along = children
            .filter(|(number, _)| place.outputs.has(Outputs::child(*number)))
            .map(|(_, (child, _))| child.name.to_owned());
        let mut covers: Vec<String> = along.collect();
        if is_same(&self.before, &bookmark) {
            covers.extend(self.not_emitted().map(|child| child.name.to_owned()));
        } else {
            self.leave_behind(&mut bookmark.awaited, state);
        }
        bookmark.covers = (!stream.children.is_empty()).then_some(covers);
        state.set_bookmark(stream.name, bookmark.to_value(self.plan.replication_key()));
    }

    /// The stream moves on without children that stood where it did, since this run doesn't emit them:
    /// they stay there, under their own names.
    fn leave_behind(&self, awaited: &mut Vec<Awaited>, state: &mut State) {
        let stream = self.plan.stream;
        for child in self.not_emitted() {
            awaited.retain(|entry| !is_of(entry, child, stream));
            let alone = state.bookmark(child.name);
            let alone = Bookmark::parse(alone, self.plan.replication_key(), EpochSeconds::MAX);
            let is_further =
                |alone: Bookmark| alone.replication_key_value > self.before.replication_key_value;
            if !alone.is_ok_and(is_further) {
                self.store_bookmark(child, &self.copy_for(child), state);
            }
        }
    }

    /// The children that stood where the stream did, and aren't emitted by this run.
    fn not_emitted(&self) -> impl Iterator<Item = &'static Child> {
        let children = self.plan.stream.children.iter();
        children.filter(|child| {
            let mut emitted = self.plan.children.iter();
            let mut covered = self.covered_before.iter();
            covered.any(|name| name == child.name)
                && !emitted.any(|(one, _)| one.name == child.name)
        })
    }

    fn store_child(&self, child: &Child, bookmark: &Bookmark, state: &mut State) {
        let awaited = self.awaited.iter();
        let bookmark = Bookmark {
            awaited: awaited
                .filter(|entry| is_of(entry, child, self.plan.stream))
                .cloned()
                .collect(),
            covers: None,
            ..bookmark.clone()
        };
        self.store_bookmark(child, &bookmark, state);
    }

    fn store_bookmark(&self, child: &Child, bookmark: &Bookmark, state: &mut State) {
        state.set_bookmark(child.name, bookmark.to_value(self.plan.replication_key()));
    }
}

fn bookmark_of(
    name: &str,
    plan: &Plan,
    state: &State,
    now: EpochSeconds,
) -> Result<Option<Bookmark>, Failure> {
    let Some(value) = state.bookmark(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let key = plan.replication_key();
    let bookmark = Bookmark::parse(Some(value), key, now + LONGEST_AHEAD).map_err(|why| {
        Failure::usage(format_args!(
            "the bookmark of stream {name} in the state can't be used: {why}"
        ))
        .hint(format_args!(
            "mend or remove `bookmarks.{name}`; without it {name} is read anew"
        ))
    })?;
    if bookmark.is_foreign() {
        tracing::warn!(
            "the state's bookmark of {name} has no `{key}`; {name} is read from the start"
        );
    }
    Ok(Some(bookmark))
}

fn covered_by_default(stream: &Stream) -> Vec<String> {
    let children = stream.children.iter();
    children
        .filter(|child| child.selected_by_default)
        .map(|child| child.name.to_owned())
        .collect()
}

/// Adds what isn't there yet.
fn join_awaited(awaited: &mut Vec<Awaited>, others: Vec<Awaited>) {
    for other in others {
        let is_it = |one: &Awaited| (&one.what, &one.parent) == (&other.what, &other.parent);
        if !awaited.iter().any(is_it) {
            awaited.push(other);
        }
    }
}

/// Whether two stand at the same place, having emitted the same there.
fn is_same(one: &Bookmark, other: &Bookmark) -> bool {
    let place = |bookmark: &Bookmark| (bookmark.replication_key_value, bookmark.in_progress);
    place(one) == place(other)
        && one.scrolled_at == other.scrolled_at
        && one.resume == other.resume
        && one.seen == other.seen
        && one.holes == other.holes
        && one.exported == other.exported
}

/// Whether something that couldn't be had is of that child. Older states don't name it, and knew one
/// kind: what appears later.
fn is_of(entry: &Awaited, child: &Child, stream: &Stream) -> bool {
    match &entry.what {
        Some(what) => what == child.name,
        None => appears_later(stream).is_some_and(|later| later.name == child.name),
    }
}

fn appears_later(stream: &Stream) -> Option<&'static Child> {
    stream.children.iter().find(|child| {
        matches!(&child.source, ChildSource::Request(request)
            if matches!(request.answer, ChildAnswer::Transcript { .. }))
    })
}
