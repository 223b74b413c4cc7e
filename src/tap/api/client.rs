//! The one place that talks HTTP: authentication, pace, retries, and what a status means.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, Response};
use ureq::tls::{RootCerts, TlsConfig};

use super::error;
use super::pace::{Budget, Pace, until_reset};
use crate::cli::Failure;
use crate::cli::stop::Stop;
use crate::tap::config::Config;
use crate::tap::fault::Fault;

/// Pause before the second try of a request; each further one doubles it.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// No pause of our own making is longer.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// No pause that a server asks for is longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);
/// More than any page of the API; an answer that never ends must not fill the memory.
const LARGEST_BODY: u64 = 512 << 20;

/// The client, shared by all threads.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    pace: Pace,
    config: Config,
    stop: Stop,
    /// Why the token was refused, once it was: no more is asked with it.
    refusal: OnceLock<String>,
    requests: AtomicU64,
    retries: AtomicU64,
    nanoseconds_in_requests: AtomicU64,
}

/// A request to the configured host.
#[derive(Clone, Debug)]
pub enum ApiRequest {
    /// GET of a path with its query.
    Get(String),
    /// POST of a JSON body to a path.
    Post(String, Vec<u8>),
}

/// An answer that can't be what the API meant to say, such as a cut or empty body: asked for again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadAnswer(pub String);

impl From<serde_json::Error> for BadAnswer {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("the answer isn't the JSON expected ({error})"))
    }
}

/// How many requests were made so far, and how they went.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestCounts {
    /// All requests, retries among them.
    pub requests: u64,
    /// Requests that repeated a failed one.
    pub retries: u64,
    /// Time spent in requests, summed over threads.
    pub in_requests: Duration,
    /// Time spent waiting for the rate limit, summed over threads.
    pub waited: Duration,
}

impl RequestCounts {
    /// What came on top of `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            retries: self.retries - earlier.retries,
            in_requests: self.in_requests.saturating_sub(earlier.in_requests),
            waited: self.waited.saturating_sub(earlier.waited),
        }
    }
}

/// What one try came to.
enum Try<T> {
    Done(T),
    Again {
        why: String,
        pause: Pause,
    },
    /// What was asked for there is one of, and somebody else has it.
    InUse(String),
    Failed(Fault),
}

/// What came of a request that isn't repeated, since the server may have acted on it.
#[derive(Debug)]
pub enum Once<T> {
    /// It was answered.
    Done(T),
    /// It failed on the way or in the server, and nobody knows how far it came.
    Lost(String),
    /// What it asks for there is one of, and somebody else has it.
    InUse(String),
}

enum Pause {
    /// Only this request waits, longer each time. `is_overload` counts towards smaller pages.
    Backoff { is_overload: bool },
    /// The server said how long, of this request.
    Asked(Duration),
    /// The budget is used up: every thread is held back already.
    WithEveryone,
}

impl Client {
    /// A client for the configured host.
    #[must_use]
    pub fn new(config: Config, stop: Stop) -> Self {
        // Page requests run beside the detail requests, and their connection stays open too.
        let connections = config.concurrency + 2;
        let timeout = Some(config.request_timeout);
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .timeout_connect(timeout)
            .timeout_send_request(timeout)
            .timeout_send_body(timeout)
            .timeout_recv_response(timeout)
            .timeout_recv_body(timeout)
            .user_agent(&config.user_agent)
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            );
        if config.is_loopback {
            builder = builder.proxy(None);
        }
        Self {
            agent: builder.build().into(),
            pace: Pace::new(config.request_interval),
            config,
            stop,
            refusal: OnceLock::new(),
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            nanoseconds_in_requests: AtomicU64::new(0),
        }
    }

    /// The settings it works by.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The signals it gives way to.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// What was asked so far.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        RequestCounts {
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            in_requests: Duration::from_nanos(self.nanoseconds_in_requests.load(Ordering::Relaxed)),
            waited: self.pace.waited(),
        }
    }

    /// Requests that the API's current window still allows, where it says so.
    #[must_use]
    pub fn budget_left(&self) -> Option<u32> {
        self.pace.remaining()
    }

    /// Sends a request until `accept` takes the body of a 200, at most `max_attempts` times.
    pub fn send<T>(
        &self,
        request: &ApiRequest,
        accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<T, Fault> {
        self.send_shrinking(|_| request.clone(), accept)
            .map(|(answer, _)| answer)
    }

    /// The same for a request that may be too much for the server: `build` is told how often the
    /// page is to be halved, which rises by one with every second failure of the server's. Returns
    /// that number too.
    pub fn send_shrinking<T>(
        &self,
        build: impl Fn(u32) -> ApiRequest,
        mut accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<(T, u32), Fault> {
        let mut overloads = 0;
        let mut attempt = 1;
        loop {
            let halvings = overloads / 2;
            let request = build(halvings);
            let (why, pause) = match self.try_once(&request, attempt, &mut accept)? {
                Try::Done(answer) => return Ok((answer, halvings)),
                Try::Failed(fault) => return Err(fault),
                Try::InUse(why) => return Err(Fault::Stream(why)),
                Try::Again { why, pause } => (why, pause),
            };
            if attempt >= self.config.max_attempts {
                return Err(Fault::Stream(format!(
                    "{request} failed {attempt} times, at last with: {why}"
                )));
            }
            tracing::warn!(
                "{request} failed (try {attempt} of {}): {why}",
                self.config.max_attempts
            );
            overloads += u32::from(matches!(pause, Pause::Backoff { is_overload: true }));
            self.pause(&pause, attempt)?;
            attempt += 1;
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends a request once; again only where the rate limit kept the server from acting on it.
    pub fn send_once<T>(
        &self,
        request: &ApiRequest,
        mut accept: impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<Once<T>, Fault> {
        let mut attempt = 1;
        loop {
            let why = match self.try_once(request, attempt, &mut accept)? {
                Try::Done(answer) => return Ok(Once::Done(answer)),
                Try::InUse(why) => return Ok(Once::InUse(why)),
                Try::Failed(fault) => return Err(fault),
                Try::Again {
                    why,
                    pause: Pause::WithEveryone,
                } if attempt < self.config.max_attempts => why,
                Try::Again { why, pause } => {
                    self.pause(&pause, attempt)?;
                    return Ok(Once::Lost(format!("{request} failed: {why}")));
                }
            };
            tracing::warn!("{request} failed (try {attempt}): {why}");
            attempt += 1;
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits before a request is made again.
    fn pause(&self, pause: &Pause, attempt: u32) -> Result<(), Fault> {
        match pause {
            Pause::Backoff { .. } => self.sleep(backoff(attempt)),
            Pause::Asked(duration) => self.sleep(*duration),
            Pause::WithEveryone => Ok(()),
        }
    }

    fn try_once<T>(
        &self,
        request: &ApiRequest,
        attempt: u32,
        accept: &mut impl FnMut(Vec<u8>) -> Result<T, BadAnswer>,
    ) -> Result<Try<T>, Fault> {
        let permit = self.pace.permit(&self.stop).map_err(Fault::signal)?;
        if let Some(message) = self.refusal.get() {
            return Err(unauthorized(message));
        }
        let started = Instant::now();
        let answer = self.exchange(request);
        let duration = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds_in_requests
            .fetch_add(duration, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (status, headers, body) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return Ok(Try::Again {
                    why: error.to_string(),
                    pause: Pause::Backoff {
                        is_overload: matches!(error, ureq::Error::Timeout(_)),
                    },
                });
            }
        };
        tracing::debug!(
            "{request}: {status} with {} bytes in {:.3} s",
            body.len(),
            started.elapsed().as_secs_f64()
        );
        let budget = budget_of(&headers);
        if status == 429 {
            let asked = pause_of_rate_limit(&headers, budget);
            self.pace.pause(asked.unwrap_or_else(|| backoff(attempt)));
        }
        permit.answered(budget);
        Ok(match status {
            200..=299 => match accept(body) {
                Ok(answer) => Try::Done(answer),
                Err(bad) => Try::Again {
                    why: bad.to_string(),
                    pause: Pause::Backoff { is_overload: false },
                },
            },
            429 => Try::Again {
                why: "rate limit exceeded (429)".into(),
                pause: Pause::WithEveryone,
            },
            408 | 425 | 500..=599 => Try::Again {
                why: error::describe(status, &body),
                pause: match retry_after(&headers) {
                    Some(duration) => Pause::Asked(duration),
                    None => Pause::Backoff { is_overload: true },
                },
            },
            _ if error::has_code(&body, "scroll_exists") => Try::InUse(format!(
                "{request} failed: {}",
                error::describe(status, &body)
            )),
            _ => Try::Failed(self.permanent(request, status, &headers, &body)),
        })
    }

    fn exchange(&self, request: &ApiRequest) -> Result<(u16, HeaderMap, Vec<u8>), ureq::Error> {
        let response = match request {
            ApiRequest::Get(path) => {
                let request = self.head("GET", path).body(())?;
                self.agent.run(request)
            }
            ApiRequest::Post(path, body) => {
                let request = self
                    .head("POST", path)
                    .header("Content-Type", "application/json")
                    .body(body.as_slice())?;
                self.agent.run(request)
            }
        };
        let (parts, mut body) = Response::into_parts(response?);
        let body = body.with_config().limit(LARGEST_BODY).read_to_vec()?;
        Ok((parts.status.as_u16(), parts.headers, body))
    }

    fn head(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.config.base_url))
            .header(
                "Authorization",
                format!("Bearer {}", self.config.access_token.expose_secret()),
            )
            .header("Accept", "application/json")
            .header("Intercom-Version", &self.config.api_version)
    }

    /// What a status that trying again won't change means.
    fn permanent(
        &self,
        request: &ApiRequest,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Fault {
        let described = error::describe(status, body);
        let message = format!("{request} failed: {described}");
        match status {
            300..=399 => {
                let location = header(headers, "location").unwrap_or("an unnamed place");
                Fault::Stream(format!(
                    "{request} was redirected to {location}, which is not followed, since the \
                     token is for {} only; check `region` and `base_url`",
                    self.config.base_url
                ))
            }
            401 => unauthorized(self.refusal.get_or_init(|| message)),
            403 => Fault::Stream(format!(
                "{message}; the token lacks the permission for this, or the workspace's plan does"
            )),
            404 => Fault::Gone { message },
            _ => Fault::Stream(message),
        }
    }

    /// Sleeps, but not through a signal.
    pub fn sleep(&self, pause: Duration) -> Result<(), Fault> {
        let until = Instant::now() + pause;
        loop {
            if let Some(signal) = self.stop.received() {
                return Err(Fault::signal(signal));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}

impl std::fmt::Display for ApiRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Get(path) => write!(formatter, "GET {path}"),
            Self::Post(path, _) => write!(formatter, "POST {path}"),
        }
    }
}

fn unauthorized(message: &str) -> Fault {
    Fault::Abort(
        Failure::failed(message).hint(
            "check `access_token`: it may be revoked or belong to another region than `region`",
        ),
    )
}

/// Doubles with every try; jitter keeps threads that failed together from coming back together.
fn backoff(attempt: u32) -> Duration {
    let full = FIRST_BACKOFF
        .saturating_mul(1 << (attempt - 1).min(16))
        .min(LONGEST_BACKOFF);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn budget_of(headers: &HeaderMap) -> Budget {
    let number = |name| header(headers, name)?.trim().parse().ok();
    Budget {
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        reset: header(headers, "x-ratelimit-reset").and_then(|text| text.trim().parse().ok()),
        server_time: header(headers, "date").and_then(http_date),
    }
}

/// How long a 429 asks everyone to wait, where it says so.
fn pause_of_rate_limit(headers: &HeaderMap, budget: Budget) -> Option<Duration> {
    let reset = budget
        .reset
        .map(|reset| until_reset(reset, budget.server_time));
    match (retry_after(headers), reset) {
        (Some(asked), Some(reset)) => Some(asked.max(reset)),
        (asked, reset) => asked.or(reset),
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header(headers, "retry-after")?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => until_reset(
            http_date(text)?,
            header(headers, "date").and_then(http_date),
        ),
    };
    Some(pause.min(LONGEST_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<u64> {
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    u64::try_from(date.timestamp()).ok()
}
