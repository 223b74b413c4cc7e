//! Where those stand for whom exports are read: from when on each needs rows, which of them it has
//! already, and where it stands once a window is emitted.

use std::collections::{HashMap, VecDeque};

use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Bookmark;
use crate::tap::read::exported::{Exported, Job, MOST_EMITTED, hash_of};
use crate::tap::read::places::{Outputs, Place};
use crate::tap::read::reading::Reading;
use crate::tap::time::{DAY, EpochSeconds, Seconds};

/// How many rows of one window are remembered while the next is read.
const MOST_OF_A_WINDOW: usize = 500_000;

/// All who stand somewhere.
pub struct Standings<'a> {
    all: Vec<Standing<'a>>,
    /// What becomes of the rows that are read now.
    window: ExportWindow,
}

/// What becomes of a window's rows after it.
#[derive(Clone, Copy, Debug)]
pub struct ExportWindow {
    /// Whether another window follows in this run.
    pub is_followed: bool,
    /// Whether the next run exports its rows again.
    pub is_exported_again: bool,
}

struct Standing<'a> {
    place: &'a Place,
    /// Rows from here on are needed.
    start: EpochSeconds,
    /// Rows that earlier runs emitted, and how often.
    before: HashMap<u64, u32>,
    /// Rows of the window before, and how often: where the server exports whole days, of the
    /// workspace's timezone, those of the day in which one window ends and the next begins are in both.
    window_before: HashMap<u64, u32>,
    /// Rows of this window, the oldest first.
    window: VecDeque<u64>,
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
            let before = counted(place.bookmark.exported.emitted.iter().copied());
            all.push(Standing {
                place,
                start,
                before,
                window_before: HashMap::new(),
                window: VecDeque::new(),
                emitted: VecDeque::new(),
                bookmark: place.bookmark.clone(),
            });
        }
        Ok(Self {
            all,
            window: ExportWindow {
                is_followed: true,
                is_exported_again: false,
            },
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

    /// For whom a window up to there is. One that an earlier run began may reach further back than is
    /// needed now, where `start_date` has moved meanwhile.
    pub fn wanted(&self, until: EpochSeconds) -> Outputs {
        let who = self.all.iter().filter(|standing| standing.start < until);
        who.fold(Outputs::default(), |all, standing| {
            all.with(standing.place.outputs)
        })
    }

    /// Another window begins to be read.
    pub fn begin(&mut self, window: ExportWindow) {
        self.window = window;
        for standing in &mut self.all {
            standing.window_before = counted(standing.window.drain(..));
        }
    }

    /// Whether a row wasn't emitted to those outputs before.
    pub fn is_new(&mut self, outputs: Outputs, kind: &str, json: &str) -> bool {
        let window = self.window;
        let mut all = self.all.iter_mut();
        let Some(standing) = all.find(|standing| standing.place.outputs.has(outputs)) else {
            return false;
        };
        let is_known = !standing.before.is_empty() || !standing.window_before.is_empty();
        if !window.is_followed && !window.is_exported_again && !is_known {
            return true;
        }
        let hash = hash_of(kind, json);
        if window.is_followed {
            remember(&mut standing.window, hash, MOST_OF_A_WINDOW);
        }
        let is_of_before = take(&mut standing.window_before, hash);
        if window.is_exported_again && !is_of_before {
            remember(&mut standing.emitted, hash, MOST_EMITTED);
        }
        !is_of_before && !take(&mut standing.before, hash)
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

    /// Where everyone stands once the window up to `until` is emitted, and with it what lies before
    /// `settled`.
    pub fn marks(
        &mut self,
        until: EpochSeconds,
        settled: EpochSeconds,
        is_last: bool,
    ) -> Vec<Place> {
        for standing in &mut self.all {
            standing.bookmark.exported.job = None;
            if standing.start >= until {
                continue;
            }
            let bookmark = &mut standing.bookmark;
            bookmark.replication_key_value = bookmark.replication_key_value.max(Some(settled));
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
        let replication_key_value = self
            .all
            .iter()
            .map(|one| one.bookmark.replication_key_value);
        place.bookmark.replication_key_value = replication_key_value.max().flatten();
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

fn counted(hashes: impl Iterator<Item = u64>) -> HashMap<u64, u32> {
    let mut counted = HashMap::new();
    for hash in hashes {
        *counted.entry(hash).or_default() += 1;
    }
    counted
}

/// Takes one row out of those that were emitted, if it is among them.
fn take(emitted: &mut HashMap<u64, u32>, hash: u64) -> bool {
    match emitted.get_mut(&hash) {
        Some(times) if *times > 0 => {
            *times -= 1;
            true
        }
        _ => false,
    }
}

fn remember(rows: &mut VecDeque<u64>, hash: u64, most: usize) {
    rows.push_back(hash);
    if rows.len() > most {
        rows.pop_front();
    }
}
