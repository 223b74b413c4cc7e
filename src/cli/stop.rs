//! SIGTERM and SIGINT as a value: who waits is woken by it, who works looks at it between two steps,
//! and what hangs all the same ends with the process.
//!
//! One clock begins with the signal. Until [`Stop::deadline`] a program may finish what it has
//! promised, until [`Stop::last_deadline`] it may clear up, and soon after that the process ends,
//! whatever it was waiting for. That is safe at any moment, since nothing is told before it is done.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;

use super::Failure;

/// How long a wait that a signal can't wake goes on before it looks for one.
pub const LOOK_UP: Duration = Duration::from_millis(100);

/// From the signal on: what has been promised may still be finished.
const WORK: Duration = Duration::from_secs(6);
/// From the signal on: what was begun may still be cancelled.
pub const CLEARING_UP: Duration = Duration::from_secs(8);
/// From the signal on: the end, for schedulers kill after ten seconds.
const END: Duration = Duration::from_secs(9);
/// How long the last words may take: the log may be what hangs.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The signal that asked the program to stop, if any. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    first: OnceLock<Received>,
    is_broken_off: AtomicBool,
    interruptions: Mutex<Vec<Interruption>>,
    came: Condvar,
}

#[derive(Clone, Copy, Debug)]
struct Received {
    number: i32,
    at: Instant,
}

struct Interruption {
    after: Duration,
    action: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.first, formatter)
    }
}

/// SIGTERM and SIGINT as they come.
#[cfg(unix)]
struct Signals(signal_hook::iterator::Signals);

#[cfg(unix)]
impl Signals {
    fn catch() -> io::Result<Self> {
        signal_hook::iterator::Signals::new([SIGTERM, SIGINT]).map(Self)
    }

    fn each(mut self, mut heed: impl FnMut(i32)) {
        for number in self.0.forever() {
            heed(number);
        }
    }
}

/// The same where signals can't wake a thread: what has come is looked up now and then.
#[cfg(not(unix))]
struct Signals([(i32, Arc<AtomicBool>); 2]);

#[cfg(not(unix))]
impl Signals {
    fn catch() -> io::Result<Self> {
        let signals = Self([SIGTERM, SIGINT].map(|number| (number, Arc::default())));
        for (number, has_come) in &signals.0 {
            signal_hook::flag::register(*number, Arc::clone(has_come))?;
        }
        Ok(signals)
    }

    fn each(self, mut heed: impl FnMut(i32)) {
        loop {
            for (number, has_come) in &self.0 {
                if has_come.swap(false, Ordering::AcqRel) {
                    heed(*number);
                }
            }
            thread::sleep(LOOK_UP);
        }
    }
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReceived {
    /// A signal of this number came first.
    Stopped(i32),
    /// Nothing came in time.
    Late,
    /// Nothing will come any more: the sender has ended.
    SenderEnded,
}

impl Stop {
    /// Catches SIGTERM and SIGINT from here on. All of them are one wish, for a terminal and a
    /// supervisor may both send theirs; only a second SIGINT ends the process at once.
    pub fn install() -> io::Result<Self> {
        let signals = Signals::catch()?;
        let stop = Self::default();
        let noticed = stop.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let mut is_interrupted = false;
                signals.each(|number| {
                    if number == SIGINT && std::mem::replace(&mut is_interrupted, true) {
                        // It doesn't return; if it did, the first signal would still be heeded.
                        let _ = low_level::emulate_default_handler(SIGINT);
                    }
                    noticed.notice(number);
                });
            })?;
        Ok(stop)
    }

    /// The number of the signal that came, or `None`. Without one, it is 0 once the program's own work
    /// was broken off.
    #[must_use]
    pub fn received(&self) -> Option<i32> {
        let signal = self.shared.first.get().map(|received| received.number);
        let is_broken_off = self.shared.is_broken_off.load(Ordering::Acquire);
        signal.or(is_broken_off.then_some(0))
    }

    /// Nothing can go on, for whatever reason: wakes everyone who waits, as a signal does, but sets no
    /// deadline.
    pub fn break_off(&self) {
        // Under the lock of those who are about to wait.
        let _interruptions = self.interruptions();
        self.shared.is_broken_off.store(true, Ordering::Release);
        self.shared.came.notify_all();
    }

    /// Until when what has been promised may still be finished; `None` before a signal came.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.shared.first.get().map(|received| received.at + WORK)
    }

    /// What is left until [`Stop::deadline`]; `None` before a signal came.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(Instant::now()))
    }

    /// Until when what was begun may still be cancelled; `None` before a signal came.
    #[must_use]
    pub fn last_deadline(&self) -> Option<Instant> {
        let received = self.shared.first.get()?;
        Some(received.at + CLEARING_UP)
    }

    /// Waits, but not through a signal: the error is the number of one that has come.
    pub fn wait(&self, pause: Duration) -> Result<(), i32> {
        let begun = Instant::now();
        let mut interruptions = self.interruptions();
        loop {
            if let Some(number) = self.received() {
                return Err(number);
            }
            let left = pause.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            (interruptions, _) = self
                .shared
                .came
                .wait_timeout(interruptions, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for what another thread sends, but not through a signal, and no longer than `patience`.
    pub fn receive<T>(
        &self,
        receiver: &Receiver<T>,
        patience: Option<Duration>,
    ) -> Result<T, NotReceived> {
        let begun = Instant::now();
        loop {
            let left = patience.map(|patience| patience.saturating_sub(begun.elapsed()));
            let pause = left.map_or(LOOK_UP, |left| left.min(LOOK_UP));
            match receiver.recv_timeout(pause) {
                Ok(value) => return Ok(value),
                Err(RecvTimeoutError::Disconnected) => return Err(NotReceived::SenderEnded),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(number) = self.received() {
                return Err(NotReceived::Stopped(number));
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Err(NotReceived::Late);
            }
        }
    }

    /// Does `action` so long after a signal, if one comes: for what waits where no signal is heard.
    pub fn interrupt(&self, after: Duration, action: impl FnOnce() + Send + 'static) {
        self.interruptions().push(Interruption {
            after,
            action: Box::new(action),
        });
    }

    fn notice(&self, number: i32) {
        let received = Received {
            number,
            at: Instant::now(),
        };
        {
            // Under the lock of those who are about to wait.
            let _interruptions = self.interruptions();
            if self.shared.first.set(received).is_err() {
                return;
            }
        }
        self.shared.came.notify_all();
        let stop = self.clone();
        thread::spawn(move || stop.see_to_the_end(received));
    }

    /// Interrupts what is to be interrupted, and in the end the process.
    fn see_to_the_end(&self, received: Received) {
        let sleep_until = |after: Duration| {
            thread::sleep(after.saturating_sub(received.at.elapsed()));
        };
        let mut interruptions = std::mem::take(&mut *self.interruptions());
        interruptions.sort_by_key(|interruption| interruption.after);
        for interruption in interruptions {
            sleep_until(interruption.after);
            (interruption.action)();
        }
        sleep_until(END);
        let failure = Failure::signal(received.number);
        let code = i32::from(failure.exit_code());
        thread::spawn(move || {
            tracing::error!(
                "{failure}, and given up after {} seconds: something still hung then",
                END.as_secs()
            );
        });
        thread::sleep(LAST_WORDS);
        low_level::exit(code);
    }

    fn interruptions(&self) -> MutexGuard<'_, Vec<Interruption>> {
        self.shared
            .interruptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn without_a_signal_waits_pass() {
        let stop = Stop::default();
        assert_eq!(stop.wait(Duration::from_millis(1)), Ok(()));
        let (sender, receiver) = sync_channel(1);
        let soon = Some(Duration::from_millis(1));
        assert_eq!(stop.receive(&receiver, soon), Err(NotReceived::Late));
        sender.send(7).unwrap();
        assert_eq!(stop.receive(&receiver, None), Ok(7));
        drop(sender);
        let ended = Err(NotReceived::SenderEnded);
        assert_eq!(stop.receive(&receiver, None), ended);
        assert_eq!(stop.remaining(), None);
    }

    #[test]
    fn what_is_broken_off_wakes_who_waits_and_sets_no_deadline() {
        let stop = Stop::default();
        let waiting = stop.clone();
        let waiter = thread::spawn(move || waiting.wait(Duration::from_mins(10)));
        stop.break_off();
        assert_eq!(waiter.join().unwrap(), Err(0));
        assert_eq!(stop.received(), Some(0));
        assert_eq!(stop.remaining(), None);
    }

    #[test]
    fn a_signal_wakes_who_waits_and_sets_the_deadline() {
        let stop = Stop::default();
        let waiting = stop.clone();
        let waiter = thread::spawn(move || waiting.wait(Duration::from_mins(10)));
        let signal = Received {
            number: SIGTERM,
            at: Instant::now(),
        };
        {
            let _interruptions = stop.interruptions();
            stop.shared.first.set(signal).unwrap();
        }
        stop.shared.came.notify_all();
        assert_eq!(waiter.join().unwrap(), Err(SIGTERM));
        assert_eq!(stop.received(), Some(SIGTERM));
        assert!(stop.remaining().unwrap() <= WORK);
        let (_sender, receiver) = sync_channel::<()>(1);
        let stopped = Err(NotReceived::Stopped(SIGTERM));
        assert_eq!(stop.receive(&receiver, None), stopped);
    }
}
