//! What of the pages read is to be emitted, for whom, and where they stand then.

use std::collections::HashMap;

use super::reading::{Batch, Reading};
use crate::tap::read::bookmark::{Bookmark, Hole, Resume};
use crate::tap::read::page::Row;
use crate::tap::read::places::{Outputs, Place};
use crate::tap::read::seen::{Moment, Seen};
use crate::tap::time::{EpochSeconds, Seconds};

/// Pages without anything new that a run may cost time and again.
const MOST_PAGES_FOR_NOTHING: u32 = 3;
/// A row that changes while it is read is at most so much older than the run, as clocks differ.
const CLOCK_MARGIN: Seconds = 60;
/// So many places that couldn't be had are remembered, the newest.
const MOST_HOLES: usize = 1_000;

/// Lets records through that lie within the bounds and weren't emitted yet, in this run or before.
pub struct Sieve<'a> {
    reading: &'a Reading<'a>,
    /// The newest instant met.
    newest: Option<EpochSeconds>,
    /// The newest instant that counts, where it was decided before.
    decided: Option<EpochSeconds>,
    /// Up to where a reading in order is settled: nothing below is still to come.
    settled: Settled,
    outputs: Vec<Output>,
    /// The newest versions met of rows that changed since this run began: of answers that are asked for at
    /// once, one that came before may be taken behind them, and holds older versions.
    changed: HashMap<String, EpochSeconds>,
    /// What couldn't be had, oldest first.
    holes: Vec<Hole>,
    /// How many pages were read.
    pub pages: u32,
    /// More of them than this make the bookmark move though nothing was new.
    pub most_pages_for_nothing: u32,
}

/// What is known of a reading's order.
#[derive(Clone, Copy, Debug)]
enum Settled {
    /// It has none: nothing is settled before the end.
    AtTheEnd,
    /// Everything up to here.
    UpTo(Option<EpochSeconds>),
}

/// What was emitted for those who stand at one place, in this run or before, and may be met again by
/// the next.
struct Output {
    lower: Option<EpochSeconds>,
    seen: Seen,
    has_emitted: bool,
}

impl<'a> Sieve<'a> {
    /// A sieve that knows what runs before emitted.
    pub fn new(reading: &'a Reading<'a>) -> Self {
        let emitted = |place: &Place| Output {
            lower: reading.lower_bound_of(place),
            seen: place.bookmark.seen.clone(),
            has_emitted: false,
        };
        Self {
            reading,
            newest: None,
            decided: None,
            settled: Settled::AtTheEnd,
            outputs: reading.places.iter().map(emitted).collect(),
            changed: HashMap::new(),
            holes: holes_of(reading.places),
            pages: 0,
            most_pages_for_nothing: MOST_PAGES_FOR_NOTHING,
        }
    }

    /// Makes the bookmark this in the end, whatever is met: what is newer is the next run's to find.
    pub fn decide(&mut self, newest: Option<EpochSeconds>) {
        self.decided = newest;
    }

    /// From now on, reading goes from older to newer, and everything up to here is settled.
    pub fn settle(&mut self, up_to: Option<EpochSeconds>) {
        self.settled = Settled::UpTo(up_to);
    }

    /// Forgets what was emitted and won't be met again, by this run or the next: nothing below `settled`
    /// is still to come.
    pub fn forget_below(&mut self, settled: EpochSeconds) {
        let from = self.remembered_from(settled);
        for emitted in &mut self.outputs {
            emitted.seen.forget_before(from);
        }
    }

    /// From now on, nothing is settled before the end.
    pub fn settle_at_the_end(&mut self) {
        self.settled = Settled::AtTheEnd;
    }

    /// The rows that are to be emitted, between `lower`, inclusive, and `upper`, exclusive.
    pub fn take(
        &mut self,
        mut rows: Vec<Row>,
        lower: Option<EpochSeconds>,
        upper: Option<EpochSeconds>,
    ) -> Vec<Row> {
        let end = self.reading.client.config().end_date;
        rows.retain_mut(|row| {
            if let Some(replication_key_value) = row.replication_key_value {
                let is_beyond =
                    |bound: Option<_>| bound.is_some_and(|bound| replication_key_value >= bound);
                if lower > Some(replication_key_value) || is_beyond(upper) || is_beyond(end) {
                    return false;
                }
                if self.lowest_bound() > Some(replication_key_value) {
                    return false;
                }
                self.newest = self.newest.max(Some(replication_key_value));
                if self.is_outdated(&row.id, replication_key_value) {
                    return false;
                }
            }
            self.is_new(row)
        });
        rows
    }

    /// The rows that are to be emitted of those between two instants, inclusive, which were passed over
    /// by a run before.
    pub fn take_passed_over(
        &mut self,
        mut rows: Vec<Row>,
        from: EpochSeconds,
        to: EpochSeconds,
    ) -> Vec<Row> {
        let moment = self.moment();
        rows.retain_mut(|row| {
            let is_within = row
                .replication_key_value
                .is_some_and(|at| (from..=to).contains(&at));
            let version = row.version();
            row.wanted = Outputs::default();
            for (emitted, place) in self.outputs.iter_mut().zip(self.reading.places) {
                // What lies above the bound is met in its turn.
                let is_below = emitted.lower > row.replication_key_value;
                if is_within && is_below && !emitted.seen.contains(&row.id, version) {
                    emitted.seen.insert(&row.id, version, moment);
                    row.wanted = row.wanted.with(place.outputs);
                }
            }
            !row.wanted.is_empty()
        });
        rows
    }

    /// Takes out what couldn't be had by runs before, to be asked for again.
    pub fn take_holes(&mut self) -> Vec<Hole> {
        std::mem::take(&mut self.holes)
    }

    /// Remembers what couldn't be had. What was known keeps its age.
    pub fn leave(&mut self, holes: Vec<Hole>) {
        for mut hole in holes {
            self.holes.retain(|known| {
                let is_same = known.meets(&hole);
                if is_same {
                    hole.from = hole.from.min(known.from);
                    hole.to = hole.to.max(known.to);
                    hole.since = hole.since.min(known.since);
                    hole.ending = hole.ending.shared(known.ending);
                }
                !is_same
            });
            self.holes.push(hole);
        }
        self.holes.sort_by_key(|hole| hole.from);
        let surplus = self.holes.len().saturating_sub(MOST_HOLES);
        self.holes.drain(..surplus);
    }

    fn lowest_bound(&self) -> Option<EpochSeconds> {
        let bounds = self.outputs.iter().map(|emitted| emitted.lower);
        bounds.min().flatten()
    }

    /// Whether a newer version of the row was met.
    fn is_outdated(&mut self, id: &str, version: EpochSeconds) -> bool {
        if version < self.reading.started() - CLOCK_MARGIN {
            return self.changed.get(id).is_some_and(|met| *met > version);
        }
        let met = self.changed.entry(id.to_owned()).or_insert(version);
        *met = version.max(*met);
        *met > version
    }

    /// Whether some output lacks this version of a row; says in the row which.
    fn is_new(&mut self, row: &mut Row) -> bool {
        let version = row.version();
        let moment = self.moment();
        row.wanted = Outputs::default();
        for (emitted, place) in self.outputs.iter_mut().zip(self.reading.places) {
            let is_below = row
                .replication_key_value
                .is_some_and(|replication_key_value| emitted.lower > Some(replication_key_value));
            if is_below || emitted.seen.contains(&row.id, version) {
                continue;
            }
            emitted.seen.insert(&row.id, version, moment);
            emitted.has_emitted = true;
            row.wanted = row.wanted.with(place.outputs);
        }
        !row.wanted.is_empty()
    }

    /// From where on later runs may meet again what was emitted, if the bookmark is at that instant.
    fn remembered_from(&self, bookmark: EpochSeconds) -> EpochSeconds {
        let below = bookmark - self.reading.client.config().lookback_seconds;
        let wanted = self.reading.remembered_from;
        wanted.map_or(below, |wanted| wanted.min(below))
    }

    fn moment(&self) -> Moment {
        let lookback = self.reading.client.config().lookback_seconds;
        let end = self.position();
        let oldest = match self.settled {
            Settled::AtTheEnd => end,
            Settled::UpTo(up_to) => up_to
                .or(self.lowest_bound())
                .unwrap_or(EpochSeconds::EPOCH)
                .min(end),
        };
        Moment {
            now: self.reading.started(),
            lookback,
            from: self.remembered_from(oldest),
        }
    }

    /// Where everyone stands who has come further, all up to `position` being emitted.
    pub fn marks_in_progress(&self, position: EpochSeconds) -> Vec<Place> {
        let position = position.min(self.reading.newest_bookmark());
        // What goes on from here asks for nothing below, but the run after that may look back there.
        let mut marks = Vec::new();
        for (emitted, place) in self.outputs.iter().zip(self.reading.places) {
            if !emitted.has_emitted || self.reading.known(place) >= Some(position) {
                continue;
            }
            marks.push(Place {
                outputs: place.outputs,
                bookmark: Bookmark {
                    replication_key_value: Some(position),
                    in_progress: true,
                    seen: emitted.seen.since(self.remembered_from(position)),
                    holes: self.holes.clone(),
                    ..place.bookmark.clone()
                },
            });
        }
        marks
    }

    /// Where an unfinished reading of numbered pages goes on.
    pub fn marks_of_pages(&self, page: u32, total_count: Option<u64>) -> Vec<Place> {
        let Some(newest) = self.reached() else {
            return Vec::new();
        };
        let outputs = self.outputs.iter().zip(self.reading.places);
        outputs
            .filter(|(emitted, _)| emitted.has_emitted)
            .map(|(emitted, place)| Place {
                outputs: place.outputs,
                bookmark: Bookmark {
                    resume: Some(Resume {
                        page,
                        replication_key_value: newest,
                        total_count,
                    }),
                    seen: emitted.seen.since(self.remembered_from(newest)),
                    ..place.bookmark.clone()
                },
            })
            .collect()
    }

    /// The end of reading: no rows, and where everyone stands when all is read; nothing of those for
    /// whom there was nothing new, so that the state stays as it is.
    pub fn end(&self) -> Batch {
        let outputs = self.outputs.iter().zip(self.reading.places);
        let finals = outputs.map(|(emitted, place)| {
            let bookmark = self.final_bookmark(emitted, place);
            let has_changed = place.bookmark.holes != self.holes;
            let changed = || Bookmark {
                holes: self.holes.clone(),
                ..place.bookmark.clone()
            };
            (place, bookmark.or_else(|| has_changed.then(changed)))
        });
        let finals: Vec<(&Place, Option<Bookmark>)> = finals.collect();
        Batch {
            marks: self.joined(&finals).unwrap_or_else(|| {
                let moved = finals.into_iter().filter_map(|(place, bookmark)| {
                    let outputs = place.outputs;
                    bookmark.map(|bookmark| Place { outputs, bookmark })
                });
                moved.collect()
            }),
            holes: self.holes.len() as u64,
            ..Batch::default()
        }
    }

    /// Those who stood apart have all read to the end, and stand together from here on.
    fn joined(&self, finals: &[(&Place, Option<Bookmark>)]) -> Option<Vec<Place>> {
        if finals.len() < 2 {
            return None;
        }
        let mut all = Vec::new();
        for (place, bookmark) in finals {
            all.push((place.outputs, bookmark.as_ref().unwrap_or(&place.bookmark)));
        }
        let top = all
            .iter()
            .map(|(_, bookmark)| bookmark.replication_key_value)
            .max()?;
        let config = self.reading.client.config();
        // What lies beyond the end of this run was read for some of them only.
        if config.end_date.is_some() && top > config.end_date {
            return None;
        }
        let own = all.iter().find(|(outputs, _)| outputs.has(Outputs::OWN));
        let mut bookmark = own.or(all.first())?.1.clone();
        let mut outputs = Outputs::default();
        // What one has and the other lacks, since this reading didn't meet it, is still to come.
        for ((some, _), emitted) in all.iter().zip(&self.outputs) {
            outputs = outputs.with(*some);
            bookmark.seen.keep_shared(&emitted.seen, emitted.lower);
        }
        bookmark.seen = match top {
            Some(top) => bookmark.seen.since(self.remembered_from(top)),
            None => bookmark.seen,
        };
        bookmark.replication_key_value = top;
        bookmark.in_progress = false;
        bookmark.resume = None;
        bookmark.holes.clone_from(&self.holes);
        Some(vec![Place { outputs, bookmark }])
    }

    fn final_bookmark(&self, emitted: &Output, place: &Place) -> Option<Bookmark> {
        let before = &place.bookmark;
        let is_ahead = self.reading.is_ahead(place);
        let is_unfinished = before.in_progress || before.resume.is_some();
        let is_over = self.is_look_back_over();
        let mut reached = if emitted.has_emitted || is_unfinished || is_ahead {
            self.reached()
        } else if self.pages > self.most_pages_for_nothing && is_over {
            Some(self.reading.newest_bookmark())
        } else {
            return None;
        };
        let seen_from =
            |from: Option<_>| from.map(|from| emitted.seen.since(self.remembered_from(from)));
        // What can't all be remembered would be emitted by every run that looks back at it.
        if is_over && seen_from(reached).is_some_and(|seen| seen.is_overfull()) {
            reached = Some(self.reading.newest_bookmark());
        }
        // The bookmark never goes back, but for one that was in the future.
        let ahead = is_ahead.then(|| self.reading.newest_bookmark());
        let replication_key_value = reached.max(self.reading.known(place)).or(ahead);
        if replication_key_value.is_none() && !emitted.seen.has_undated() {
            return None;
        }
        Some(Bookmark {
            replication_key_value,
            in_progress: false,
            resume: None,
            seen: seen_from(replication_key_value).unwrap_or_else(|| emitted.seen.clone()),
            holes: self.holes.clone(),
            ..before.clone()
        })
    }

    /// Whether a run that looks back from this one's start meets nothing of what this one met.
    fn is_look_back_over(&self) -> bool {
        let lookback = self.reading.client.config().lookback_seconds;
        let next_lower = self.reading.newest_bookmark() - lookback;
        self.newest.is_none_or(|newest| newest < next_lower)
    }

    /// How far the bookmark has come, once anything was met.
    pub fn reached(&self) -> Option<EpochSeconds> {
        let newest = self.decided.or(self.newest)?;
        Some(newest.min(self.reading.newest_bookmark()))
    }

    /// How far the bookmark may go for what was read so far.
    fn position(&self) -> EpochSeconds {
        self.reached()
            .unwrap_or_else(|| self.reading.newest_bookmark())
    }
}

/// What couldn't be had for some output or other.
fn holes_of(places: &[Place]) -> Vec<Hole> {
    let mut holes: Vec<Hole> = Vec::new();
    for hole in places.iter().flat_map(|place| &place.bookmark.holes) {
        if !holes.contains(hole) {
            holes.push(hole.clone());
        }
    }
    holes.sort_by_key(|hole| hole.from);
    holes
}
