//! The one way out of a run, and the keeper of the state: each stream hands over its messages in whole
//! lines, and puts its bookmarks into the state once what they cover is handed over, so that no STATE
//! is ever ahead of its data.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::singer::outgoing::MessageWriter;
use crate::singer::state::State;
use crate::tap::fault::Fault;

/// Where the messages of all streams go.
#[derive(Debug)]
pub struct Outlet<W: Write> {
    inner: Mutex<Inner<W>>,
    state_interval: Duration,
}

#[derive(Debug)]
struct Inner<W: Write> {
    out: W,
    state: State,
    last_state_at: Instant,
    /// Whether the state has changed since it was last written.
    has_changed: bool,
}

impl<W: Write> Outlet<W> {
    /// Writes to `out` and goes on from `state`; while streams are read, there is `state_interval`
    /// between two STATEs.
    pub fn new(out: W, state: State, state_interval: Duration) -> Self {
        Self {
            inner: Mutex::new(Inner {
                out,
                state,
                last_state_at: Instant::now(),
                has_changed: false,
            }),
            state_interval,
        }
    }

    /// The time between two STATEs.
    #[must_use]
    pub fn state_interval(&self) -> Duration {
        self.state_interval
    }

    /// The state as of what is handed over.
    #[must_use]
    pub fn last_state(&self) -> State {
        self.inner().state.clone()
    }

    /// Takes whole lines, which are empty then.
    pub fn take(&self, lines: &mut Vec<u8>) -> Result<(), Fault> {
        self.inner().write(lines)
    }

    /// Takes whole lines, and has the bookmarks put into the state that they were the last of.
    pub fn take_with_bookmarks(
        &self,
        lines: &mut Vec<u8>,
        change: impl FnOnce(&mut State),
    ) -> Result<(), Fault> {
        let mut inner = self.inner();
        inner.write(lines)?;
        change(&mut inner.state);
        inner.has_changed = true;
        Ok(())
    }

    /// Writes the state where it has changed, if it is time for it.
    pub fn state_if_due(&self) -> Result<(), Fault> {
        let mut inner = self.inner();
        if inner.has_changed && inner.last_state_at.elapsed() >= self.state_interval {
            return inner.write_state();
        }
        Ok(())
    }

    /// Writes the state.
    pub fn state(&self) -> Result<(), Fault> {
        self.inner().write_state()
    }

    fn inner(&self) -> MutexGuard<'_, Inner<W>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Inner<W> {
    fn write(&mut self, lines: &mut Vec<u8>) -> Result<(), Fault> {
        let written = self.out.write_all(lines).and_then(|()| self.out.flush());
        lines.clear();
        written.map_err(|error| Fault::output(&error))
    }

    fn write_state(&mut self) -> Result<(), Fault> {
        self.last_state_at = Instant::now();
        self.has_changed = false;
        let mut line = MessageWriter::new(Vec::new());
        line.state(&self.state)
            .map_err(|error| Fault::output(&error))?;
        self.write(line.out())
    }
}
