//! Which STATE is safe: objects first, then the state objects, then the line on stdout.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::sink::{Limits, Sink};
use super::state::StateObjects;
use super::writer::{ObjectWriter, Workshop, finish_all};
use crate::cli::Failure;

/// Objects that are opened by a commit and finished before the next ones are opened.
const FINISHED_TOGETHER: usize = 32;

/// Knows the newest STATE and what has been committed.
#[derive(Debug)]
pub struct Committer {
    state_objects: StateObjects,
    /// The newest STATE's value, as it came.
    newest_state: String,
    /// Whether `newest_state` has not been committed yet.
    is_pending: bool,
    last_commit: Instant,
    interval: Duration,
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
        }
    }

    /// Takes note of a stream that this run loads.
    pub fn loads(&mut self, stream: &str) {
        self.state_objects.loads(stream);
    }

    /// Takes a STATE that covers all records before it.
    pub fn receive(&mut self, state: &str) -> Result<(), Failure> {
        self.state_objects.receive(state)?;
        self.newest_state.clear();
        self.newest_state.push_str(state);
        self.is_pending = true;
        Ok(())
    }

    /// Whether a STATE waits and it has been long since the last commit.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.is_pending && self.last_commit.elapsed() >= self.interval
    }

    /// Stores all that STATEs cover, then the newest of them.
    pub fn commit(
        &mut self,
        sinks: &mut [Sink],
        workshop: &Workshop,
        limits: &Limits,
    ) -> Result<(), Failure> {
        // Before anything appears: a state that can't be written must not leave data behind.
        let changes = if self.is_pending {
            Some(self.state_objects.changes(&self.newest_state)?)
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
        finish(objects, workshop)?;
        if let Some(changes) = changes {
            self.state_objects.write(changes)?;
            print_line(&self.newest_state)?;
            self.is_pending = false;
        }
        self.last_commit = Instant::now();
        Ok(())
    }
}

fn finish(objects: Vec<ObjectWriter>, workshop: &Workshop) -> Result<(), Failure> {
    for name in finish_all(objects)? {
        tracing::info!("wrote {}", workshop.store.place_of(&name));
    }
    Ok(())
}

/// Writes one line to stdout, at once.
pub fn print_line(line: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::failed(format_args!("can't write to stdout: {error}")))
}
