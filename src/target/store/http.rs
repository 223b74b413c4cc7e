//! One request to the storage service: credentials, time-outs, what a status means, how long to
//! wait before trying again.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use ureq::http::{HeaderMap, Method, Request, StatusCode};
use ureq::{AsSendBody, SendBody};

use super::auth::{TokenError, Tokens};
use super::blocks::Joined;
use super::error::StoreError;
use super::stored::ServiceRequests;
use crate::cli::foreign::told;
use crate::cli::stop::Stop;
use crate::http::agent::{Agent, AgentSettings, BodyTimeout, Timeouts};
use crate::http::obstacle::{Obstacle, UNTRUSTED_HINT, obstacle};
use crate::http::patience::{Backoff, GivenUp, Patience};
use crate::http::words::describe;
use crate::target::config::BucketConfig;

const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(30),
};
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Answers are metadata, listings and state objects.
const MAX_REPLY_BYTES: u64 = 1 << 30;
const IDLE_CONNECTIONS: usize = 64;
/// Objects go by in pieces of this size.
const OUTPUT_BUFFER_BYTES: usize = 128 << 10;
/// How long nobody may be there, while nothing was ever answered: a container's network, or a service
/// beside it, may come up late.
const FIRST_ANSWER: Duration = Duration::from_secs(8);

/// Talks to one endpoint, and to no other host. Shared by all threads.
#[derive(Debug)]
pub struct StorageClient {
    agent: Agent,
    /// Scheme, host and port.
    endpoint: String,
    user_project: Option<String>,
    tokens: Option<Tokens>,
    retry_deadline: Duration,
    asked_first: OnceLock<Instant>,
    has_answered: AtomicBool,
    traffic: Arc<Traffic>,
    stop: Stop,
}

#[derive(Debug, Default)]
struct Traffic {
    requests: AtomicU64,
    retries: AtomicU64,
    waited_ms: AtomicU64,
}

/// A request whose body can be sent again.
#[derive(Clone, Debug)]
pub struct StorageCall<'a> {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    /// In pieces that follow each other.
    pub body: &'a [&'a [u8]],
}

/// What the service answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// How one try went.
#[derive(Debug)]
pub enum Attempt {
    /// The service answered.
    Reply(Reply),
    /// No answer, for a reason that may pass.
    Broken(String),
}

impl StorageClient {
    /// `tokens` must be `None` for a plain-http endpoint.
    pub fn new(
        config: &BucketConfig,
        tokens: Option<Tokens>,
        stop: &Stop,
    ) -> Result<Self, StoreError> {
        let (endpoint, request_timeout) = (&config.endpoint, config.request_timeout);
        let agent = Agent::new(AgentSettings {
            base_url: endpoint.clone(),
            user_agent: concat!("target-gcs/", env!("CARGO_PKG_VERSION")).to_owned(),
            connections: IDLE_CONNECTIONS,
            output_buffer_bytes: OUTPUT_BUFFER_BYTES,
            timeouts: Timeouts {
                connect: CONNECT_TIMEOUT.min(request_timeout),
                answer: request_timeout,
                body: BodyTimeout::Standstill(request_timeout),
            },
            stop: stop.clone(),
        })?;
        Ok(Self {
            agent,
            endpoint: endpoint.clone(),
            user_project: config.user_project.clone(),
            tokens,
            retry_deadline: config.retry_deadline,
            asked_first: OnceLock::new(),
            has_answered: AtomicBool::new(false),
            traffic: Arc::default(),
            stop: stop.clone(),
        })
    }

    /// Sends a request once, or twice when a token was refused.
    pub fn once(&self, call: &StorageCall<'_>) -> Result<Attempt, StoreError> {
        self.once_within(call, None)
    }

    /// The same, for something that is worth no more time than this.
    pub fn once_within(
        &self,
        call: &StorageCall<'_>,
        time: Option<Duration>,
    ) -> Result<Attempt, StoreError> {
        let Some(tokens) = &self.tokens else {
            return self.send(call, &HeaderMap::new(), time);
        };
        let authorized = |call| match tokens.authorization(time) {
            Ok(authorization) => self
                .send(call, &authorization.headers, time)
                .map(|attempt| (attempt, authorization.generation)),
            Err(TokenError::Transient(reason)) => Ok((Attempt::Broken(reason), 0)),
            Err(TokenError::Permanent(error)) => Err(error),
        };
        let (attempt, generation) = authorized(call)?;
        if !matches!(&attempt, Attempt::Reply(reply) if reply.status == StatusCode::UNAUTHORIZED) {
            return Ok(attempt);
        }
        tokens.renew(generation)?;
        authorized(call).map(|(attempt, _)| attempt)
    }

    /// What was asked of the service so far.
    pub fn asked(&self) -> ServiceRequests {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServiceRequests {
            requests: count(&self.traffic.requests),
            retries: count(&self.traffic.retries),
            waited: Duration::from_millis(count(&self.traffic.waited_ms)),
        }
    }

    /// The signals it gives way to.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Sends a request until it gets an answer that trying again would not change.
    pub fn send_with_retries(
        &self,
        call: &StorageCall<'_>,
        what: &str,
    ) -> Result<Reply, StoreError> {
        self.send_patiently(call, what, &mut self.retries())
    }

    /// The same with an allowance of retries that other requests share.
    pub fn send_patiently(
        &self,
        call: &StorageCall<'_>,
        what: &str,
        retries: &mut Retries,
    ) -> Result<Reply, StoreError> {
        loop {
            let reason = match self.once(call)? {
                Attempt::Reply(reply) if is_transient(reply.status) => {
                    retries.heed(&reply);
                    format!("the service answered {}", reply.explain())
                }
                Attempt::Reply(reply) => return Ok(reply),
                Attempt::Broken(reason) => reason,
            };
            retries.wait(what, &reason)?;
        }
    }

    /// A fresh allowance of retries.
    pub fn retries(&self) -> Retries {
        Retries {
            patience: Patience::new(BACKOFF, self.retry_deadline, &self.stop),
            traffic: Arc::clone(&self.traffic),
        }
    }

    fn send(
        &self,
        call: &StorageCall<'_>,
        authorization: &HeaderMap,
        time: Option<Duration>,
    ) -> Result<Attempt, StoreError> {
        self.asked_first.get_or_init(Instant::now);
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        match self.try_send(call, authorization, time) {
            Ok(reply) => {
                self.has_answered.store(true, Ordering::Relaxed);
                Ok(Attempt::Reply(reply))
            }
            Err(error) => match self.lasting(&error) {
                Some(fault) => Err(fault.caused_by(error)),
                None => Ok(Attempt::Broken(told(&describe(&error)))),
            },
        }
    }

    /// What won't pass: a fault on this side, while nothing was ever answered.
    fn lasting(&self, error: &ureq::Error) -> Option<StoreError> {
        if self.has_answered.load(Ordering::Relaxed) {
            return None;
        }
        let waited = self.asked_first.get()?.elapsed();
        let endpoint = &self.endpoint;
        match obstacle(error)? {
            Obstacle::Certificate => Some(
                StoreError::failed(format_args!("the certificate of {endpoint} isn't trusted"))
                    .hint(UNTRUSTED_HINT),
            ),
            Obstacle::Nobody if waited < FIRST_ANSWER.min(self.retry_deadline) => None,
            Obstacle::Nobody => Some(
                StoreError::failed(format_args!("{endpoint} can't be reached")).hint(
                    "check the setting `endpoint` where it is set, the network, and the proxy \
                     (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) where one is needed",
                ),
            ),
        }
    }

    fn try_send(
        &self,
        call: &StorageCall<'_>,
        authorization: &HeaderMap,
        time: Option<Duration>,
    ) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder().method(call.method.clone()).uri(format!(
            "{}{}",
            self.endpoint,
            self.billed(&call.target)
        ));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in authorization {
            let mut value = value.clone();
            value.set_sensitive(name == AUTHORIZATION);
            request = request.header(name, value);
        }
        let takes_body = call.method == Method::POST || call.method == Method::PUT;
        match call.body {
            _ if !takes_body => self.run(request.body(())?, time),
            [] => self.run(request.body(&b""[..])?, time),
            [only] => self.run(request.body(*only)?, time),
            pieces => {
                let length: usize = pieces.iter().map(|piece| piece.len()).sum();
                let mut joined = Joined::new(pieces);
                let body = SendBody::from_reader(&mut joined);
                self.run(request.header(CONTENT_LENGTH, length).body(body)?, time)
            }
        }
    }

    /// The path and query with the project that is billed; a session knows it from its beginning.
    fn billed<'a>(&self, target: &'a str) -> Cow<'a, str> {
        match &self.user_project {
            Some(project) if !target.contains("upload_id=") => {
                let joint = if target.contains('?') { '&' } else { '?' };
                let project = utf8_percent_encode(project, NON_ALPHANUMERIC);
                Cow::Owned(format!("{target}{joint}userProject={project}"))
            }
            _ => Cow::Borrowed(target),
        }
    }

    fn run(
        &self,
        request: Request<impl AsSendBody>,
        time: Option<Duration>,
    ) -> Result<Reply, ureq::Error> {
        let mut response = match time {
            None => self.agent.run(request),
            Some(time) => self.agent.run_within(request, time),
        }?;
        let body = response
            .body_mut()
            .with_config()
            .limit(MAX_REPLY_BYTES)
            .read_to_vec()?;
        let (parts, _) = response.into_parts();
        Ok(Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The status and the service's own words, if it has any.
    pub fn explain(&self) -> String {
        let words = told(&self.words_at("/error/message"));
        if words.is_empty() {
            self.status.to_string()
        } else {
            format!("{} ({words})", self.status)
        }
    }

    /// The service's word for why, such as `forbidden`, and its sentence.
    pub fn reason(&self) -> String {
        self.words_at("/error/errors/0/reason") + " " + &self.words_at("/error/message")
    }

    fn words_at(&self, pointer: &str) -> String {
        let document: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let words = document
            .as_ref()
            .and_then(|body| body.pointer(pointer)?.as_str());
        words.unwrap_or_default().to_owned()
    }
}

/// Whether the same request may get a better answer later.
pub fn is_transient(status: StatusCode) -> bool {
    (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

/// An allowance of tries without progress.
#[derive(Debug)]
pub struct Retries {
    patience: Patience,
    traffic: Arc<Traffic>,
}

impl Retries {
    /// Starts anew: there was progress.
    pub fn reset(&mut self) {
        self.patience.reset();
    }

    /// Notes how long the service asks to be left alone.
    pub fn heed(&mut self, reply: &Reply) {
        self.patience.heed(&reply.headers);
    }

    /// Waits for the next try, or fails when time is up: sooner when a signal has come.
    pub fn wait(&mut self, what: &str, reason: &str) -> Result<(), StoreError> {
        let pause = self
            .patience
            .next_pause()
            .map_err(|given_up| match given_up {
                GivenUp::Stopping => StoreError::failed(format_args!(
                    "can't {what}: {reason}, and the run is to stop"
                )),
                GivenUp::TimeIsUp { tries, seconds } => {
                    let word = if tries == 1 { "try" } else { "tries" };
                    StoreError::failed(format_args!(
                    "can't {what}: {reason}, and {tries} {word} in {seconds} seconds did not help"
                ))
                .hint("the storage service or the way to it is failing; run again later")
                }
            })?;
        tracing::warn!(
            "can't {what} yet: {reason}; trying again in {:.1} seconds",
            pause.as_secs_f64()
        );
        self.traffic.retries.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        self.patience.wait(pause);
        let waited = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.traffic.waited_ms.fetch_add(waited, Ordering::Relaxed);
        Ok(())
    }
}
