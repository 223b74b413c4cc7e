//! The one place that talks HTTP: authentication, pace, retries, and what a status means.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::body::{BodyFault, WholeBody};
use super::headers::{budget_of, pause_of_rate_limit};
use super::job_slots::JobSlots;
use super::memory::{Memory, Turn};
use super::pace::{Pace, Purpose};
use super::page_time::PageTime;
use super::tally::RequestTally;
use super::tries::{BACKOFF_OF_RATE_LIMIT, LONGEST_REFUSED, Past, Pause, Try};
use super::unreachable;
use crate::cli::Failure;
use crate::cli::foreign::told;
use crate::cli::stop::Stop;
use crate::http::agent::{Agent, AgentSettings, BodyTimeout, Timeouts};
use crate::http::obstacle::{Obstacle, obstacle};
use crate::http::words::describe;
use crate::tap::config::Config;
use crate::tap::fault::Fault;
use crate::tap::time;

pub use super::job_slots::JobSlot;
pub use super::request::{ApiRequest, BadAnswer, Effort, FileSlot};
pub use super::tally::RequestCounts;
pub use super::tries::Once;

/// Requests are small.
const OUTPUT_BUFFER_BYTES: usize = 16 << 10;
/// Tries at most, while no answer of the API ever came and nobody is there.
const MOST_TRIES_AT_NOBODY: u32 = 4;

/// The client. All of a run share its connections, its pace and what it has learned; the requests of
/// each stream are counted apart.
#[derive(Debug)]
pub struct Client {
    pub(super) common: Arc<Common>,
    pub(super) tally: Arc<RequestTally>,
    /// The version of the API that is asked for, where it isn't the setting's.
    pub(super) api_version: Option<&'static str>,
}

/// What all of a run share.
#[derive(Debug)]
pub(super) struct Common {
    pub agent: Agent,
    pub pace: Pace,
    pub page_time: PageTime,
    pub memory: Memory,
    job_slots: JobSlots,
    pub config: Config,
    pub stop: Stop,
    /// Why the token was refused, once it was: no more is asked with it.
    pub refusal: OnceLock<String>,
    /// When `/me` last told that the token is good.
    pub token_was_good: Mutex<Option<Instant>>,
    /// When something of a resource (the first part of a path) last got through the rate limit.
    got_through: Mutex<HashMap<String, Instant>>,
    /// By how many seconds the API's clock is ahead of this machine's.
    pub clock_ahead: AtomicI64,
    /// Held by who asks for the API's time.
    pub asking_the_time: Mutex<()>,
    pub answers: AtomicU64,
}

impl Client {
    /// A client for the configured host.
    pub fn new(config: Config, stop: Stop) -> Result<Self, Failure> {
        let timeout = config.request_timeout;
        let agent = Agent::new(AgentSettings {
            base_url: config.base_url.clone(),
            user_agent: config.user_agent.clone(),
            connections: config.concurrency,
            output_buffer_bytes: OUTPUT_BUFFER_BYTES,
            timeouts: Timeouts {
                connect: timeout,
                answer: timeout,
                body: BodyTimeout::Whole(timeout),
            },
            stop: stop.clone(),
        })?;
        Ok(Self {
            common: Arc::new(Common {
                agent,
                pace: Pace::new(config.request_interval, config.concurrency),
                page_time: PageTime::default(),
                memory: Memory::default(),
                job_slots: JobSlots::default(),
                config,
                stop,
                refusal: OnceLock::new(),
                token_was_good: Mutex::new(None),
                got_through: Mutex::default(),
                clock_ahead: AtomicI64::new(0),
                asking_the_time: Mutex::default(),
                answers: AtomicU64::new(0),
            }),
            tally: Arc::default(),
            api_version: None,
        })
    }

    /// The same client for another stream, whose requests are counted on their own.
    #[must_use]
    pub fn for_another_stream(&self) -> Self {
        Self {
            common: Arc::clone(&self.common),
            tally: Arc::default(),
            api_version: None,
        }
    }

    /// The same client, also counting as this one, for what only that version of the API has.
    #[must_use]
    pub fn in_version(&self, api_version: Option<&'static str>) -> Self {
        Self {
            common: Arc::clone(&self.common),
            tally: Arc::clone(&self.tally),
            api_version,
        }
    }

    /// The settings it works by.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.common.config
    }

    /// The signals it gives way to.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.common.stop
    }

    /// The memory of large answers.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.common.memory
    }

    /// What was asked so far for this stream.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        self.tally.counts()
    }

    /// Waits for one of `most` slots for jobs of a kind on the server.
    pub fn job_slot(&self, kind: &'static str, most: usize) -> Result<JobSlot<'_>, Fault> {
        let slot = self.common.job_slots.take(kind, most, &self.common.stop);
        slot.map_err(Fault::signal)
    }

    /// The effort that is made for what a stream can't do without.
    #[must_use]
    pub fn full_effort(&self) -> Effort<'static> {
        Effort {
            attempts: self.common.config.max_attempts,
            is_detail: false,
            turn: None,
        }
    }

    /// Sends a request until `accept` takes the body of a 200, at most `max_attempts` times.
    pub fn send<T>(
        &self,
        request: &ApiRequest,
        accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<T, Fault> {
        self.try_hard(request, &self.full_effort(), accept)
    }

    /// The same with another effort.
    pub fn try_hard<T>(
        &self,
        request: &ApiRequest,
        effort: &Effort<'_>,
        accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<T, Fault> {
        self.send_shrinking(effort, |_| request.clone(), accept)
            .map(|(answer, _)| answer)
    }

    /// The same for a request that may be too much for the server: `build` is told how often the
    /// page is to be halved, which rises by one with every second failure of the server's. Returns
    /// that number too.
    pub fn send_shrinking<T>(
        &self,
        effort: &Effort<'_>,
        build: impl Fn(u32) -> ApiRequest,
        mut accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<(T, u32), Fault> {
        let mut past = Past::default();
        loop {
            let halvings = past.overloads / 2;
            let request = build(halvings);
            let (why, pause) = match self.try_once(&request, past.tries, effort, &mut accept)? {
                Try::Done(answer) => return Ok((answer, halvings)),
                Try::Failed { fault, .. } => return Err(fault),
                Try::TooMany(asked) => {
                    self.wait_for_budget(&request, &mut past, asked)?;
                    continue;
                }
                Try::Unusable { why, checksum } => {
                    if past.is_final(checksum) && effort.is_detail {
                        return Err(Fault::Stream(format!(
                            "{request} gives the same unusable answer again and again: {why}"
                        )));
                    }
                    (why, Pause::OURS)
                }
                Try::Again { why, pause } => (why, pause),
            };
            past.tries += 1;
            if past.tries >= effort.attempts {
                return Err(Fault::Stream(format!(
                    "{request} failed {} times, at last with: {why}",
                    past.tries
                )));
            }
            tracing::warn!(
                "{request} failed (try {} of {}): {why}",
                past.tries,
                effort.attempts
            );
            past.overloads += u32::from(pause.is_overload);
            self.sleep(pause.after(past.tries))?;
            self.tally.repeated();
        }
    }

    /// Sends a request once; again only where the rate limit kept the server from acting on it. Where
    /// it is lost, a pause follows that grows with `losses`, the number of those before.
    pub fn send_once<T>(
        &self,
        request: &ApiRequest,
        losses: u32,
        mut accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<Once<T>, Fault> {
        let mut past = Past::default();
        loop {
            let (why, pause) =
                match self.try_once(request, losses, &self.full_effort(), &mut accept)? {
                    Try::Done(answer) => return Ok(Once::Done(answer)),
                    Try::Failed {
                        fault,
                        words: Some(words),
                    } => return Ok(Once::Error { words, fault }),
                    Try::Failed { fault, .. } => return Err(fault),
                    Try::TooMany(asked) => {
                        self.wait_for_budget(request, &mut past, asked)?;
                        continue;
                    }
                    Try::Unusable { why, .. } => (why, Pause::OURS),
                    Try::Again { why, pause } => (why, pause),
                };
            self.sleep(pause.after(losses + 1))?;
            return Ok(Once::Lost(format!("{request} failed: {why}")));
        }
    }

    /// Holds everyone back after a refusal by the rate limit. A request is given up when nothing of
    /// its resource got through for long.
    fn wait_for_budget(
        &self,
        request: &ApiRequest,
        past: &mut Past,
        asked: Option<Duration>,
    ) -> Result<(), Fault> {
        let got_through = lock(&self.common.got_through)
            .get(request.resource())
            .copied();
        if past.is_refused_for_long(Instant::now(), got_through) {
            return Err(Fault::Stream(format!(
                "{request} was refused {} times by the rate limit, and nothing got through for {} \
                 minutes",
                past.refusals,
                LONGEST_REFUSED.as_secs() / 60
            )));
        }
        tracing::warn!("{request} has to wait: rate limit exceeded (429)");
        let ours = BACKOFF_OF_RATE_LIMIT.pause(past.refusals);
        self.common.pace.pause(asked.unwrap_or_default().max(ours));
        self.tally.repeated();
        Ok(())
    }

    fn try_once<T>(
        &self,
        request: &ApiRequest,
        tries_before: u32,
        effort: &Effort<'_>,
        accept: &mut impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<Try<T>, Fault> {
        let turn = effort.turn;
        let asked = Instant::now();
        let purpose = Purpose::of(effort);
        let permit = self.common.pace.permit(purpose, &self.common.stop);
        let mut permit = permit.map_err(Fault::signal)?;
        self.tally.waited_since(asked);
        if let Some(message) = self.common.refusal.get() {
            return Err(unauthorized(message));
        }
        let started = Instant::now();
        let answer = self.exchange(request, turn, &mut permit);
        self.tally.requested_since(started);
        let (status, headers, body) = match answer {
            Ok(answer) => answer,
            Err(BodyFault::Stopped(signal)) => return Err(Fault::signal(signal)),
            Err(BodyFault::Lost(error)) => {
                permit.lost();
                drop(permit);
                return self.lost(&error, tries_before + 1);
            }
        };
        tracing::debug!(
            "{request}: {status} with {} bytes in {:.3} s",
            body.bytes.len(),
            started.elapsed().as_secs_f64()
        );
        self.common.answers.fetch_add(1, Ordering::Relaxed);
        let budget = budget_of(&headers);
        if let Some(there) = budget.server_time.and_then(|time| i64::try_from(time).ok()) {
            self.learn_the_clock(there - time::now().get());
        }
        // Whether the token is refused is known before anything else is asked with it.
        let _doubt = (status == 401).then(|| self.common.pace.doubt());
        let pending = (status == 429).then(|| Try::of_pending_jobs(request, &body.bytes));
        let pending = pending.flatten();
        let is_healthy = pending.is_some() || !matches!(status, 408 | 429 | 500..);
        if is_healthy && purpose == Purpose::Page {
            self.common.page_time.met(started.elapsed());
        }
        permit.answered(budget, is_healthy);
        drop(permit);
        if let Some(failed) = pending {
            return Ok(failed);
        }
        if status == 429 {
            return Ok(Try::TooMany(pause_of_rate_limit(&headers, budget)));
        }
        lock(&self.common.got_through).insert(request.resource().to_owned(), Instant::now());
        let WholeBody {
            bytes,
            held,
            room: _room,
        } = body;
        if (200..=299).contains(&status) {
            let checksum = crc32c::crc32c(&bytes);
            return Ok(match accept(bytes) {
                Ok(answer) => Try::Done(answer),
                Err(bad) => {
                    give_back(turn, held);
                    Try::Unusable {
                        why: bad.to_string(),
                        checksum,
                    }
                }
            });
        }
        give_back(turn, held);
        self.judge(request, status, &headers, &bytes)
    }

    /// What a request that got no answer came to.
    fn lost<T>(&self, error: &ureq::Error, tries: u32) -> Result<Try<T>, Fault> {
        let why = told(&describe(error));
        if self.common.answers.load(Ordering::Relaxed) == 0
            && let Some(obstacle) = obstacle(error)
        {
            let most = MOST_TRIES_AT_NOBODY.min(self.common.config.max_attempts);
            if obstacle == Obstacle::Certificate || tries >= most {
                let failure = unreachable::failure(obstacle, &self.common.config.base_url, &why);
                return Err(Fault::Abort(failure));
            }
        }
        Ok(Try::Again {
            why,
            pause: Pause {
                asked: None,
                is_overload: matches!(error, ureq::Error::Timeout(_)),
            },
        })
    }

    /// Sleeps, but not through a signal.
    pub fn sleep(&self, pause: Duration) -> Result<(), Fault> {
        self.common.stop.wait(pause).map_err(Fault::signal)
    }
}

pub(super) fn unauthorized(message: &str) -> Fault {
    Fault::Abort(
        Failure::failed(message).hint(
            "check `access_token`: it may be revoked or belong to another region than `region`",
        ),
    )
}

fn give_back(turn: Option<&Turn>, held: u64) {
    if let Some(turn) = turn {
        turn.give_back(held);
    }
}

/// The guard of a mutex, also after a panic.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
