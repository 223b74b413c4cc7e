//! Tokens for Google Cloud: the sole owner of `google-cloud-auth` and of the asynchronous runtime
//! that it needs. Its words are never shown: they may quote a key or an answer.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use google_cloud_auth::credentials::{
    CacheableResource, Credentials, external_account, impersonated, mds, service_account,
    user_account,
};
use tokio::runtime::{self, Handle};
use ureq::http::header::AUTHORIZATION;
use ureq::http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use super::credentials::{Source, misconfigured, none_found};
use super::error::StoreError;
use crate::cli::foreign::never_show;
use crate::cli::stop::{NotReceived, Stop};

/// How long a token may take. The metadata server and token services answer at once.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take until a token service is there at all: a pod's metadata server starts after
/// the pod, and a container's network after the container.
const FIRST_TOKEN: Duration = Duration::from_secs(20);
const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");
/// What token services say in one word; anything else they say may hold a secret.
const KNOWN_WORDS: &[&str] = &[
    "invalid_grant",
    "invalid_client",
    "invalid_rapt",
    "invalid_scope",
    "invalid_request",
    "invalid_target",
    "unauthorized_client",
    "access_denied",
    "unsupported_grant_type",
    "PERMISSION_DENIED",
];

/// Gives out the headers that authorise a request.
pub struct Tokens {
    source: Source,
    quota_project: Option<HeaderValue>,
    runtime: Handle,
    credentials: Mutex<Current>,
    asked_first: OnceLock<Instant>,
    had_one: AtomicBool,
    stop: Stop,
}

/// Credentials, and how often they were made anew.
struct Current {
    credentials: Credentials,
    generation: u64,
}

/// Headers, and which credentials they came from.
pub struct Authorization {
    pub headers: HeaderMap,
    pub generation: u64,
}

/// Why there is no token.
pub enum TokenError {
    /// Worth trying again.
    Transient(String),
    /// Not worth it.
    Permanent(StoreError),
}

/// What kept a token from coming.
struct Obstacle {
    /// For people: none of the library's words.
    words: String,
    kind: ObstacleKind,
}

#[derive(PartialEq)]
enum ObstacleKind {
    /// The service has answered, and would answer the same again.
    Refused,
    /// Its certificate isn't trusted.
    Certificate,
    /// There is no such service, as far as can be seen.
    Nobody,
    /// It may pass.
    Passing,
}

impl Tokens {
    /// Looks credentials up; asks no service for a token yet.
    pub fn new(credentials_file: Option<&Path>, stop: &Stop) -> Result<Self, StoreError> {
        let source = Source::find(credentials_file)?;
        // A second program part may have chosen the same provider before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                StoreError::failed("can't start the runtime for credentials").caused_by(error)
            })?;
        let handle = runtime.handle().clone();
        // The credentials renew themselves in the background for as long as the runtime runs.
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        let credentials = build(&source, &handle)?;
        let quota_project = source.quota_project();
        Ok(Self {
            quota_project: quota_project.and_then(|project| project.parse().ok()),
            source,
            runtime: handle,
            credentials: Mutex::new(Current {
                credentials,
                generation: 0,
            }),
            asked_first: OnceLock::new(),
            had_one: AtomicBool::new(false),
            stop: stop.clone(),
        })
    }

    /// The cloud that the credentials are for, where it isn't Google's public one.
    pub fn universe_domain(&self) -> Option<String> {
        self.source.universe_domain()
    }

    /// The headers for one request, within `time` where it is worth no more. Tokens are kept until
    /// shortly before they expire.
    pub fn authorization(&self, time: Option<Duration>) -> Result<Authorization, TokenError> {
        let asked_first = *self.asked_first.get_or_init(Instant::now);
        let (credentials, generation) = {
            let current = self.current();
            (current.credentials.clone(), current.generation)
        };
        let (sender, receiver) = sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody listens any more after a time-out.
            let _ = sender.send(credentials.headers(Extensions::new()).await);
        });
        let obstacle = match self.receive(&receiver, time.unwrap_or(TOKEN_TIMEOUT)) {
            Ok(Ok(CacheableResource::New { data: headers, .. })) => {
                self.had_one.store(true, Ordering::Relaxed);
                if let Some(token) = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()) {
                    never_show(token.trim_start_matches("Bearer "));
                }
                return Ok(Authorization {
                    headers: self.with_quota_project(headers),
                    generation,
                });
            }
            Ok(Ok(CacheableResource::NotModified)) => {
                Obstacle::passing("the credentials gave no token")
            }
            Ok(Err(error)) => Obstacle::of(&error, error.is_transient()),
            Err(_) => Obstacle::passing("no access token came in time"),
        };
        // The library would give the same error for another ten seconds.
        self.renew(generation).map_err(TokenError::Permanent)?;
        Err(self.told(obstacle, asked_first))
    }

    fn told(&self, obstacle: Obstacle, asked_first: Instant) -> TokenError {
        let had_none = !self.had_one.load(Ordering::Relaxed);
        let is_late = had_none && asked_first.elapsed() >= FIRST_TOKEN;
        match (&self.source, obstacle.kind) {
            (Source::Metadata, ObstacleKind::Refused) if had_none => {
                TokenError::Permanent(none_found())
            }
            (Source::Metadata, _) if is_late => TokenError::Permanent(none_found()),
            (_, ObstacleKind::Refused) => TokenError::Permanent(self.fault(&obstacle.words)),
            (_, ObstacleKind::Certificate) if had_none => {
                TokenError::Permanent(self.fault(&obstacle.words))
            }
            (_, ObstacleKind::Nobody) if is_late => {
                TokenError::Permanent(self.fault(&obstacle.words))
            }
            _ => TokenError::Transient(format!("no access token yet: {}", obstacle.words)),
        }
    }

    fn fault(&self, words: &str) -> StoreError {
        match &self.source {
            Source::File(file) => StoreError::failed(format_args!(
                "no access token with the credentials file {}: {words}",
                file.path
            ))
            .hint("check that the file is current, that its account still exists, that this machine's clock is right, and the proxy and certificates on the way to the token service"),
            Source::Metadata => StoreError::failed(format_args!(
                "no access token from the metadata server: {words}"
            ))
            .hint("check that a service account is attached to this machine or pod"),
        }
    }

    fn with_quota_project(&self, mut headers: HeaderMap) -> HeaderMap {
        if let Some(project) = &self.quota_project {
            headers
                .entry(QUOTA_PROJECT)
                .or_insert_with(|| project.clone());
        }
        headers
    }

    /// Waits for a token; after a signal, no longer than half of what time is left, so that there is
    /// time for another try.
    fn receive<T>(&self, token: &Receiver<T>, time: Duration) -> Result<T, NotReceived> {
        match self.stop.receive(token, Some(time)) {
            Err(NotReceived::Stopped(_)) => {
                let left = self.stop.remaining().unwrap_or_default() / 2;
                token
                    .recv_timeout(left.min(time))
                    .map_err(|_| NotReceived::Late)
            }
            received => received,
        }
    }

    /// Forgets the token that came with the credentials of that generation: a service has refused
    /// it.
    pub fn renew(&self, refused_generation: u64) -> Result<(), StoreError> {
        let mut current = self.current();
        if current.generation == refused_generation {
            current.credentials = build(&self.source, &self.runtime)?;
            current.generation += 1;
        }
        Ok(())
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tokens")
    }
}

impl Obstacle {
    fn passing(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            kind: ObstacleKind::Passing,
        }
    }

    /// Reads from the library's words what can be said in our own.
    fn of(error: &(dyn std::error::Error + 'static), is_transient: bool) -> Self {
        let text = with_causes(error);
        let holds = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let (words, kind) = if holds(&["UnknownIssuer", "certificate"]) {
            let words = "the certificate of the token service isn't trusted";
            (words.to_owned(), ObstacleKind::Certificate)
        } else if let Some(word) = KNOWN_WORDS.iter().find(|word| text.contains(**word)) {
            let words = format!("the token service answered `{word}`");
            (words, ObstacleKind::Refused)
        } else if holds(&["dns error", "lookup", "resolve"]) {
            let words = "the host of the token service isn't known";
            (words.to_owned(), ObstacleKind::Nobody)
        } else if holds(&["refused", "unreachable", "tunnel", "proxy"]) {
            let words = "the token service, or the proxy on the way to it, can't be reached";
            (words.to_owned(), ObstacleKind::Nobody)
        } else if let Some(status) = status_in(&text) {
            let kind = if is_transient {
                ObstacleKind::Passing
            } else {
                ObstacleKind::Refused
            };
            (format!("the token service answered {status}"), kind)
        } else if is_transient {
            let words = "the token service gave no usable answer";
            (words.to_owned(), ObstacleKind::Passing)
        } else {
            let words = "the key can't be used, or the token service's answer can't";
            (words.to_owned(), ObstacleKind::Refused)
        };
        Self { words, kind }
    }
}

/// The HTTP status that a library's words tell of, as in "(503 Service Unavailable)".
fn status_in(text: &str) -> Option<&str> {
    text.match_indices('(').find_map(|(place, _)| {
        let status = text.get(place + 1..place + 4)?;
        let is_status =
            status.starts_with(['4', '5']) && status.bytes().all(|byte| byte.is_ascii_digit());
        is_status.then_some(status)
    })
}

fn build(source: &Source, runtime: &Handle) -> Result<Credentials, StoreError> {
    // The builders start background tasks.
    let _entered = runtime.enter();
    let file = match source {
        Source::Metadata => {
            return mds::Builder::default().build().map_err(|_| none_found());
        }
        Source::File(file) => file,
    };
    let content = file.content.clone();
    let built = match content["type"].as_str() {
        Some("authorized_user") => user_account::Builder::new(content).build(),
        Some("impersonated_service_account") => impersonated::Builder::new(content).build(),
        Some("external_account") => external_account::Builder::new(content).build(),
        _ => service_account::Builder::new(content).build(),
    };
    built.map_err(|_| {
        misconfigured(format_args!(
            "the credentials file {} can't be used: it isn't whole, or its key isn't one",
            file.path
        ))
        .hint("have Google Cloud make a new one")
    })
}

/// For reading only: it may hold secrets.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
