//! Which STATE is safe: objects first, then the state objects, then the line on stdout.
//!
//! A commit goes on in a thread of its own while the next records are read: the disk or the network
//! takes its time, and so would the tap behind the pipe. There is one at a time.

use std::io::Write as _;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::claim::TapState;
use super::keys::KeyRule;
use super::side_by_side::side_by_side;
use super::sink::{Limits, Sink};
use super::state::StateObjects;
use super::state_changes::{Changes, Written};
use super::writer::{ObjectWriter, Workshop};
use crate::cli::Failure;

/// Objects that are opened by a commit and finished before the next ones are opened.
const FINISHED_TOGETHER: usize = 32;

/// How long a list may keep its file open, and with it all commits.
const LONGEST_LIST: Duration = Duration::from_hours(1);

/// Knows the newest STATE and what has been committed.
#[derive(Debug)]
pub struct Committer {
    /// As of the last commit that has ended.
    state_objects: StateObjects,
    /// The newest STATE's value, as it came; empty before the first one.
    newest_state: String,
    /// Whether no commit has begun that includes `newest_state`.
    is_pending: bool,
    last_commit: Instant,
    interval: Duration,
    under_way: Option<JoinHandle<Result<Written, Failure>>>,
}

/// Objects that are to appear, and what may be said once they have.
struct Commit {
    objects: Vec<ObjectWriter>,
    /// The state objects to write, and the line to print.
    state: Option<(Changes, String)>,
    workshop: Workshop,
}

impl Committer {
    /// Nothing is to be committed yet.
    #[must_use]
    pub fn new(state_objects: StateObjects, interval: Duration) -> Self {
        Self {
            state_objects,
            newest_state: String::new(),
            is_pending: false,
            last_commit: Instant::now(),
            interval,
            under_way: None,
        }
    }

    /// Takes note of a stream that this run loads.
    pub fn loads(&mut self, stream: &str) {
        self.state_objects.loads(stream);
    }

    /// Takes note of what a SCHEMA says of a stream's key; `None` where its records tell the same.
    pub fn knows_key(&mut self, stream: &str, rule: Option<KeyRule>) {
        self.state_objects.knows_key(stream, rule);
    }

    /// Takes a STATE that covers all records before it.
    pub fn receive(&mut self, state: &str) -> Result<(), Failure> {
        if self.newest_state.is_empty() {
            self.state_objects.receive_first(state)?;
        }
        self.newest_state.clear();
        self.newest_state.push_str(state);
        self.is_pending = true;
        Ok(())
    }

    /// What is stored of the tap's state, as of the last commit that has ended.
    #[must_use]
    pub fn state(&self) -> Option<Value> {
        self.state_objects.merged(&[]).ok()
    }

    /// Whether a STATE waits and it has been long since the last commit.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.is_pending && self.last_commit.elapsed() >= self.interval
    }

    /// Whether it has been so long that nothing is waited for any more.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.is_pending && self.last_commit.elapsed() >= self.interval.max(LONGEST_LIST)
    }

    /// Whether the newest STATE says something of a stream.
    #[must_use]
    pub fn names(&self, stream: &str) -> bool {
        TapState::parse(&self.newest_state).is_ok_and(|state| state.names(stream))
    }

    /// Begins to store all that STATEs cover, then the newest of them, once the commit before has
    /// ended. [`Committer::wait`] tells how it went.
    pub fn commit(
        &mut self,
        sinks: &mut [Sink],
        workshop: &Workshop,
        limits: &Limits,
    ) -> Result<(), Failure> {
        self.wait()?;
        // Before anything appears: a state that can't be written must not leave data behind.
        let state = if self.is_pending {
            let changes = self.state_objects.changes(&self.newest_state)?;
            Some((changes, self.newest_state.clone()))
        } else {
            None
        };
        // Objects that are open already are sealed first, so that all send what they have left.
        let (open, unopened): (Vec<_>, Vec<_>) =
            sinks.iter_mut().partition(|sink| sink.holds_objects());
        let mut objects = Vec::new();
        for sink in open {
            objects.extend(sink.take_covered(workshop, limits)?);
        }
        // Each object is a thread and a file or a session: thousands of streams take turns.
        for sink in unopened {
            if objects.len() >= FINISHED_TOGETHER {
                finish(std::mem::take(&mut objects), workshop)?;
            }
            objects.extend(sink.take_covered(workshop, limits)?);
        }
        let commit = Commit {
            objects,
            state,
            workshop: workshop.clone(),
        };
        self.under_way = Some(std::thread::spawn(|| commit.run()));
        self.is_pending = false;
        self.last_commit = Instant::now();
        if workshop.is_crowded() {
            self.wait()?;
        }
        Ok(())
    }

    /// Tells whether the commit under way has failed already.
    pub fn check(&mut self) -> Result<(), Failure> {
        match &self.under_way {
            Some(commit) if commit.is_finished() => self.wait(),
            _ => Ok(()),
        }
    }

    /// Waits until the commit under way has ended.
    pub fn wait(&mut self) -> Result<(), Failure> {
        match self.under_way.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => {
                self.state_objects.wrote(result?);
                Ok(())
            }
            Some(Err(_)) => Err(Failure::failed("a committing thread ended unexpectedly")),
        }
    }
}

impl Drop for Committer {
    /// After a failure elsewhere: what is being made final may still become so.
    fn drop(&mut self) {
        if let Err(failure) = self.wait() {
            tracing::error!("{failure}");
        }
    }
}

impl Commit {
    fn run(self) -> Result<Written, Failure> {
        finish(self.objects, &self.workshop)?;
        let Some((changes, line)) = self.state else {
            return Ok(Written::default());
        };
        let written = changes.write()?;
        print_line(&line)?;
        Ok(written)
    }
}

fn finish(objects: Vec<ObjectWriter>, workshop: &Workshop) -> Result<(), Failure> {
    side_by_side(objects, |object| -> Result<(), Failure> {
        let (stream, bytes) = (Arc::clone(&object.stream), object.bytes);
        let place = workshop.store.place_of(&object.finish()?);
        tracing::info!("wrote {place}");
        workshop.tally.stored(&stream, &place, bytes);
        Ok(())
    })
    .map(drop)
}

/// Writes one line to stdout, at once.
pub fn print_line(line: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::failed(format_args!("can't write to stdout: {error}")))
}
