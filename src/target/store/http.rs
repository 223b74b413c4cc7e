//! One request to the storage service: credentials, time-outs, what a status means, how long to
//! wait before trying again.

use std::time::{Duration, Instant};

use ureq::http::header::{AUTHORIZATION, RETRY_AFTER};
use ureq::http::{HeaderMap, Method, Request, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody};

use super::StoreError;
use super::auth::{TokenError, Tokens};
use crate::cli::stop::Stop;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long failing requests are still tried again after a signal, and how soon.
const GRACE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE_WHEN_STOPPING: Duration = Duration::from_secs(1);
/// How long a signal may go unnoticed.
const LOOK_UP_INTERVAL: Duration = Duration::from_millis(100);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Answers are metadata, listings and state objects.
const MAX_REPLY_BYTES: u64 = 1 << 30;
const IDLE_CONNECTIONS: usize = 64;

/// Talks to one endpoint, and to no other host. Shared by all threads.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    /// Scheme, host and port.
    endpoint: String,
    tokens: Option<Tokens>,
    retry_deadline: Duration,
    stop: Stop,
}

/// A request whose body can be sent again.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: &'a [u8],
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

impl Client {
    /// `tokens` must be `None` for a plain-http endpoint.
    pub fn new(
        endpoint: &str,
        tokens: Option<Tokens>,
        request_timeout: Duration,
        retry_deadline: Duration,
        stop: &Stop,
    ) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // 308 means "resume incomplete" here, and no other host may be sent a token.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("target-gcs/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_write(Some(request_timeout))
            .timeout_per_read(Some(request_timeout))
            .timeout_recv_response(Some(request_timeout))
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS);
        if is_loopback(endpoint) {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().new_agent(),
            endpoint: endpoint.to_owned(),
            tokens,
            retry_deadline,
            stop: stop.clone(),
        }
    }

    /// Sends a request once, or twice when a token was refused.
    pub fn once(&self, call: &Call<'_>) -> Result<Attempt, StoreError> {
        let Some(tokens) = &self.tokens else {
            return Ok(self.send(call, &HeaderMap::new()));
        };
        let authorized = |call| match tokens.authorization() {
            Ok(authorization) => Ok((
                self.send(call, &authorization.headers),
                authorization.generation,
            )),
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

    /// Sends a request until it gets an answer that trying again would not change.
    pub fn send_with_retries(&self, call: &Call<'_>, what: &str) -> Result<Reply, StoreError> {
        self.send_patiently(call, what, &mut self.patience())
    }

    /// The same with an allowance of retries that other requests share.
    pub fn send_patiently(
        &self,
        call: &Call<'_>,
        what: &str,
        patience: &mut Patience,
    ) -> Result<Reply, StoreError> {
        loop {
            let reason = match self.once(call)? {
                Attempt::Reply(reply) if is_transient(reply.status) => {
                    patience.heed(&reply);
                    format!("the service answered {}", reply.explain())
                }
                Attempt::Reply(reply) => return Ok(reply),
                Attempt::Broken(reason) => reason,
            };
            patience.wait(what, &reason)?;
        }
    }

    /// A fresh allowance of retries.
    pub fn patience(&self) -> Patience {
        Patience {
            failing_since: None,
            limit: self.retry_deadline,
            tries: 0,
            asked: Duration::ZERO,
            stop: self.stop.clone(),
        }
    }

    fn send(&self, call: &Call<'_>, authorization: &HeaderMap) -> Attempt {
        match self.try_send(call, authorization) {
            Ok(reply) => Attempt::Reply(reply),
            Err(error) => Attempt::Broken(error.to_string()),
        }
    }

    fn try_send(&self, call: &Call<'_>, authorization: &HeaderMap) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.endpoint, call.target));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in authorization {
            let mut value = value.clone();
            value.set_sensitive(name == AUTHORIZATION);
            request = request.header(name, value);
        }
        let takes_body = call.method == Method::POST || call.method == Method::PUT;
        if takes_body {
            self.run(request.body(call.body)?)
        } else {
            self.run(request.body(())?)
        }
    }

    fn run(&self, request: Request<impl AsSendBody>) -> Result<Reply, ureq::Error> {
        let mut response = self.agent.run(request)?;
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
        let document: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let words = document
            .as_ref()
            .and_then(|document| document["error"]["message"].as_str())
            .unwrap_or_default();
        let words: String = words
            .chars()
            .filter(|letter| !letter.is_control())
            .take(300)
            .collect();
        if words.is_empty() {
            self.status.to_string()
        } else {
            format!("{} ({words})", self.status)
        }
    }
}

/// Whether the same request may get a better answer later.
pub fn is_transient(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

/// Exponential pauses with jitter, until a deadline without progress: the time from the first
/// failure on, so that a first request that stalls for long is still tried again.
#[derive(Debug)]
pub struct Patience {
    failing_since: Option<Instant>,
    limit: Duration,
    tries: u32,
    /// What the service asked for with `Retry-After`.
    asked: Duration,
    stop: Stop,
}

impl Patience {
    /// Starts anew: there was progress.
    pub fn reset(&mut self) {
        self.failing_since = None;
        self.tries = 0;
    }

    /// Notes how long the service asks to be left alone.
    pub fn heed(&mut self, reply: &Reply) {
        let seconds = reply
            .header(RETRY_AFTER.as_str())
            .and_then(|value| value.parse().ok());
        self.asked = seconds.map_or(Duration::ZERO, Duration::from_secs);
    }

    /// Waits for the next try, or fails when time is up: sooner when a signal has come.
    pub fn wait(&mut self, what: &str, reason: &str) -> Result<(), StoreError> {
        let longest = FIRST_PAUSE
            .saturating_mul(1 << self.tries.min(16))
            .min(LONGEST_PAUSE);
        let asked = std::mem::take(&mut self.asked);
        let pause = longest.mul_f64(0.5 + fastrand::f64() / 2.0).max(asked);
        self.tries += 1;
        let now = Instant::now();
        let spent = now.duration_since(*self.failing_since.get_or_insert(now));
        let stopping = self.stop.stopping_for();
        if stopping.is_some_and(|stopping| stopping > GRACE) {
            return Err(StoreError::failed(format_args!(
                "can't {what}: {reason}, and the run is to stop"
            )));
        }
        if spent + pause > self.limit {
            let tries = if self.tries == 1 { "try" } else { "tries" };
            return Err(StoreError::failed(format_args!(
                "can't {what}: {reason}, and {} {tries} in {} seconds did not help",
                self.tries,
                spent.as_secs()
            ))
            .hint("the storage service or the way to it is failing; run again later"));
        }
        tracing::warn!(
            "can't {what} yet: {reason}; trying again in {:.1} seconds",
            pause.as_secs_f64()
        );
        let pause_of = |stop: &Stop| match stop.stopping_for() {
            Some(_) => pause.min(LONGEST_PAUSE_WHEN_STOPPING),
            None => pause,
        };
        while now.elapsed() < pause_of(&self.stop) {
            let left = pause.saturating_sub(now.elapsed());
            std::thread::sleep(left.min(LOOK_UP_INTERVAL));
        }
        Ok(())
    }
}

fn is_loopback(endpoint: &str) -> bool {
    let uri: Option<Uri> = endpoint.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
