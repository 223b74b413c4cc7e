//! Plain threads that do jobs side by side; each job's result is waited for where it is needed. A
//! job that panics says so in its result, and its thread goes on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::cli::Failure;
use crate::cli::stop::{NotReceived, Stop};
use crate::tap::fault::Fault;

type Job = Box<dyn FnOnce() + Send>;

/// The threads, as many as there was work for at once. They end when this is dropped and their jobs
/// are done.
#[derive(Debug)]
pub struct Workers {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    /// Jobs that wait or are being done.
    unfinished: Arc<AtomicUsize>,
    threads: Mutex<usize>,
    most: usize,
}

/// The result of a job, when it comes. A job that isn't begun when this is dropped never is.
#[derive(Debug)]
pub struct WorkTicket<T> {
    result: Receiver<Result<T, String>>,
    _wanted: Arc<()>,
}

impl Workers {
    /// At most `most` threads, which are started when they are needed.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        Self {
            jobs,
            queue: Arc::new(Mutex::new(queue)),
            unfinished: Arc::default(),
            threads: Mutex::new(0),
            most,
        }
    }

    /// Starts another thread where all have something to do.
    fn start_if_needed(&self) {
        let unfinished = self.unfinished.fetch_add(1, Ordering::AcqRel) + 1;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if *threads >= unfinished.min(self.most) {
            return;
        }
        let queue = Arc::clone(&self.queue);
        let unfinished = Arc::clone(&self.unfinished);
        let work = move || {
            loop {
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                match job {
                    Ok(job) => job(),
                    Err(_) => break,
                }
                unfinished.fetch_sub(1, Ordering::AcqRel);
            }
        };
        let started = thread::Builder::new()
            .name("details".to_owned())
            .spawn(work);
        match started {
            Ok(_) => *threads += 1,
            // Those that there are do it.
            Err(error) if *threads > 0 => tracing::debug!("no further thread: {error}"),
            Err(error) => tracing::error!("no thread can be started: {error}"),
        }
    }

    /// Hands over a job.
    pub fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> WorkTicket<T> {
        let (sender, result) = mpsc::sync_channel(1);
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        let job = Box::new(move || {
            if is_wanted.strong_count() == 0 {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(job)).map_err(words_of);
            // Nobody waits for it any more when reading has stopped.
            let _ = sender.send(result);
        });
        self.start_if_needed();
        // The queue outlives this sender, so there is always one to take the job.
        let _ = self.jobs.send(job);
        WorkTicket {
            result,
            _wanted: wanted,
        }
    }
}

impl<T> WorkTicket<T> {
    /// Waits for the result, unless a signal comes first. A job that panicked ends the run: what else
    /// it left half done nobody knows.
    pub fn wait(self, stop: &Stop) -> Result<T, Fault> {
        match stop.receive(&self.result, None) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(words)) => Err(died(&words)),
            Err(NotReceived::Stopped(signal)) => Err(Fault::signal(signal)),
            Err(NotReceived::Late | NotReceived::SenderEnded) => Err(died("it left no word")),
        }
    }
}

/// The fault of a thread that panicked with these words.
#[must_use]
pub fn died(words: &str) -> Fault {
    Fault::Abort(
        Failure::failed(format_args!("a thread of this program died: {words}"))
            .hint("this is a fault of the program: please report it with the log"),
    )
}

/// What a panic said.
#[must_use]
pub fn words_of(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => match panic.downcast::<&str>() {
            Ok(words) => (*words).to_owned(),
            Err(_) => "it left no word".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_job_that_nobody_waits_for_is_not_begun() {
        let workers = Workers::new(1);
        let (go, gate) = mpsc::channel::<()>();
        let first = workers.submit(move || gate.recv());
        let was_begun = Arc::new(AtomicBool::new(false));
        let begin = Arc::clone(&was_begun);
        drop(workers.submit(move || begin.store(true, Ordering::Relaxed)));
        let last = workers.submit(|| ());
        go.send(()).unwrap();
        let stop = Stop::default();
        first.wait(&stop).unwrap().unwrap();
        last.wait(&stop).unwrap();
        assert!(!was_begun.load(Ordering::Relaxed));
    }

    #[test]
    fn a_job_that_panics_is_a_failure_in_words_and_its_thread_goes_on() {
        let workers = Workers::new(1);
        let stop = Stop::default();
        let died = workers.submit(|| -> u32 { panic!("out of {}", "luck") });
        let Err(Fault::Abort(failure)) = died.wait(&stop) else {
            panic!("it must fail");
        };
        assert!(failure.to_string().contains("out of luck"), "{failure}");
        assert_eq!(workers.submit(|| 7).wait(&stop).ok(), Some(7));
    }
}
