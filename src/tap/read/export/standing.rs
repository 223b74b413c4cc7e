//! Where those stand for whom exports are read: from when on each needs rows, which of them it has
//! already, and where it stands once a window is emitted.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Bookmark;
use crate::tap::read::exported::{Exported, Job, MOST_EMITTED};
use crate::tap::read::places::{Outputs, Place};
use crate::tap::read::reading::Reading;
use crate::tap::time::{DAY, EpochSeconds, Seconds};

/// All who stand somewhere.
pub struct Standings<'a> {
    all: Vec<Standing<'a>>,
    /// Whether rows that are read now will be exported to the next run again.
    is_remembering: bool,
}

struct Standing<'a> {
    place: &'a Place,
    /// Rows from here on are needed.
    start: EpochSeconds,
    /// Rows that earlier runs emitted, and how often.
    before: HashMap<u64, u32>,
    /// Rows that the next run may meet again, the oldest first.
    emitted: VecDeque<u64>,
    bookmark: Bookmark,
}

impl<'a> Standings<'a> {
    /// By the state; who has no bookmark begins where the run does, or at the `beginning`.
    pub fn new(
        reading: &Reading<'a>,
        beginning: impl Fn() -> Result<EpochSeconds, Fault>,
    ) -> Result<Self, Fault> {
        let config = reading.client.config();
        let look_back = DAY * Seconds::from(config.export_lookback_days);
        let mut all = Vec::new();
        for place in reading.places {
            let known = reading.known(place);
            let start = match known {
                Some(bookmark) if place.bookmark.in_progress => bookmark,
                Some(bookmark) => {
                    let start = config.start_date.filter(|start| *start <= bookmark);
                    start.map_or(bookmark - look_back, |start| {
                        start.max(bookmark - look_back)
                    })
                }
                None => match config.start_date {
                    Some(start) => start,
                    None => beginning()?,
                },
            };
            let mut before = HashMap::new();
            for hash in &place.bookmark.exported.emitted {
                *before.entry(*hash).or_default() += 1;
            }
            all.push(Standing {
                place,
                start,
                before,
                emitted: VecDeque::new(),
                bookmark: place.bookmark.clone(),
            });
        }
        Ok(Self {
            all,
            is_remembering: false,
        })
    }

    /// The job that an earlier run began for all of them.
    pub fn job(&self) -> Option<Job> {
        let job = |standing: &Standing<'_>| standing.place.bookmark.exported.job.clone();
        let first = job(self.all.first()?)?;
        self.all
            .iter()
            .all(|standing| job(standing).as_ref() == Some(&first))
            .then_some(first)
    }

    /// From when on anybody needs rows.
    pub fn start(&self) -> EpochSeconds {
        let starts = self.all.iter().map(|standing| standing.start);
        starts.min().unwrap_or(EpochSeconds::EPOCH)
    }

    /// Where the window from `from` on ends: none is longer than `longest`, and each is for the same of
    /// them throughout. Where one doesn't hold everything, what is exported again is a window of its own.
    pub fn window(
        &self,
        from: EpochSeconds,
        end: EpochSeconds,
        longest: Seconds,
        again_from: EpochSeconds,
    ) -> EpochSeconds {
        let mut until = end.min(from + longest);
        if until < end && again_from > from {
            until = until.min(again_from);
        }
        let starts = self.all.iter().map(|standing| standing.start);
        let next = starts.filter(|start| *start > from).min();
        next.map_or(until, |next| until.min(next))
    }

    /// For whom a window from there on is.
    pub fn wanted(&self, from: EpochSeconds) -> Outputs {
        let who = self.all.iter().filter(|standing| standing.start <= from);
        who.fold(Outputs::default(), |all, standing| {
            all.with(standing.place.outputs)
        })
    }

    /// Says whether rows that are read now will be exported to the next run again.
    pub fn remember_rows(&mut self, is_remembering: bool) {
        self.is_remembering = is_remembering;
    }

    /// Whether a row wasn't emitted by earlier runs to those outputs.
    pub fn is_new(&mut self, outputs: Outputs, kind: &str, json: &str) -> bool {
        let mut all = self.all.iter_mut();
        let Some(standing) = all.find(|standing| standing.place.outputs.has(outputs)) else {
            return false;
        };
        if !self.is_remembering && standing.before.is_empty() {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        (kind, json).hash(&mut hasher);
        let hash = hasher.finish();
        if self.is_remembering {
            standing.emitted.push_back(hash);
            if standing.emitted.len() > MOST_EMITTED {
                standing.emitted.pop_front();
            }
        }
        match standing.before.get_mut(&hash) {
            Some(times) if *times > 0 => {
                *times -= 1;
                false
            }
            _ => true,
        }
    }

    /// Where everyone stands now that a job is begun: where they did, and waiting for it.
    pub fn marks_of_job(&mut self, job: &Job) -> Vec<Place> {
        let mut marks = Vec::new();
        for standing in &mut self.all {
            standing.bookmark.exported.job = Some(job.clone());
            marks.push(standing.mark());
        }
        marks
    }

    /// Where everyone stands once the window from `from` on is emitted, up to `until`.
    pub fn marks(&mut self, from: EpochSeconds, until: EpochSeconds, is_last: bool) -> Vec<Place> {
        for standing in &mut self.all {
            standing.bookmark.exported.job = None;
            if standing.start > from {
                continue;
            }
            let bookmark = &mut standing.bookmark;
            bookmark.updated_at = bookmark.updated_at.max(Some(until));
            bookmark.in_progress = !is_last;
            if is_last {
                bookmark.exported.emitted = standing.emitted.iter().copied().collect();
            }
        }
        if is_last {
            return self.together();
        }
        self.all.iter().map(Standing::mark).collect()
    }

    /// All have read to the end, and stand together from here on.
    fn together(&self) -> Vec<Place> {
        let own = self
            .all
            .iter()
            .find(|one| one.place.outputs.has(Outputs::OWN));
        let Some(first) = own.or(self.all.first()) else {
            return Vec::new();
        };
        let mut place = first.mark();
        let updated_at = self.all.iter().map(|one| one.bookmark.updated_at);
        place.bookmark.updated_at = updated_at.max().flatten();
        place.bookmark.exported = Exported::default();
        for standing in &self.all {
            place.outputs = place.outputs.with(standing.place.outputs);
            place.bookmark.exported.emitted.extend(&standing.emitted);
        }
        vec![place]
    }
}

impl Standing<'_> {
    fn mark(&self) -> Place {
        Place {
            outputs: self.place.outputs,
            bookmark: self.bookmark.clone(),
        }
    }
}
