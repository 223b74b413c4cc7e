//! Jobs that a run may have on the server at once, of each kind: who comes first has the next slot that
//! gets free, so that none starves beside another that begins job after job.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::cli::stop::{LOOK_UP, Stop};

/// The slots of all kinds.
#[derive(Debug, Default)]
pub struct JobSlots {
    queues: Mutex<HashMap<&'static str, Queue>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    waiting: VecDeque<u64>,
    next: u64,
}

/// The right to have one job on the server, until it is dropped.
#[derive(Debug)]
pub struct JobSlot<'a> {
    slots: &'a JobSlots,
    kind: &'static str,
}

impl JobSlots {
    /// Waits for one of `most` slots for jobs of a kind. An error is the signal that ended the wait.
    pub fn take(&self, kind: &'static str, most: usize, stop: &Stop) -> Result<JobSlot<'_>, i32> {
        let mut queues = self.queues();
        let queue = queues.entry(kind).or_default();
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back(number);
        loop {
            let queue = queues.entry(kind).or_default();
            if queue.taken < most && queue.waiting.front() == Some(&number) {
                queue.waiting.pop_front();
                queue.taken += 1;
                // Whoever is next may have a slot, too.
                self.changed.notify_all();
                return Ok(JobSlot { slots: self, kind });
            }
            if let Some(signal) = stop.received() {
                queue.waiting.retain(|waiting| *waiting != number);
                return Err(signal);
            }
            let waited = self.changed.wait_timeout(queues, LOOK_UP);
            (queues, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<&'static str, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for JobSlot<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.slots.queues().get_mut(self.kind) {
            queue.taken -= 1;
        }
        self.slots.changed.notify_all();
    }
}
