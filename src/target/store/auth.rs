//! Credentials for Google Cloud: the sole owner of `google-cloud-auth` and of the asynchronous
//! runtime that it needs.

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use google_cloud_auth::credentials::{
    Builder, CacheableResource, Credentials, external_account, impersonated, service_account,
    user_account,
};
use serde_json::Value;
use tokio::runtime::{self, Handle};
use ureq::http::{Extensions, HeaderMap};

use super::StoreError;
use crate::cli::stop::{NotReceived, Stop};

/// How long a token may take, in seconds. The metadata server and token services answer at once.
const TOKEN_TIMEOUT: Duration = Duration::from_mins(1);

/// Gives out the headers that authorise a request.
pub struct Tokens {
    source: Source,
    runtime: Handle,
    credentials: Mutex<Current>,
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

enum Source {
    /// A credentials file's content; never shown.
    File {
        path: String,
        content: Value,
    },
    ApplicationDefault,
}

impl Tokens {
    /// Looks credentials up; asks no service for a token yet.
    pub fn new(credentials_file: Option<&Path>, stop: &Stop) -> Result<Self, StoreError> {
        let source = match credentials_file {
            Some(path) => read_file(path)?,
            None => Source::ApplicationDefault,
        };
        // A second program part may have chosen the same provider before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                StoreError::failed(format_args!(
                    "can't start the runtime for credentials: {error}"
                ))
            })?;
        let handle = runtime.handle().clone();
        // The credentials renew themselves in the background for as long as the runtime runs.
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        let credentials = source.credentials(&handle)?;
        Ok(Self {
            source,
            runtime: handle,
            credentials: Mutex::new(Current {
                credentials,
                generation: 0,
            }),
            stop: stop.clone(),
        })
    }

    /// The headers for one request, within `time` where it is worth no more. Tokens are kept until
    /// shortly before they expire.
    pub fn authorization(&self, time: Option<Duration>) -> Result<Authorization, TokenError> {
        let (credentials, generation) = {
            let current = self.current();
            (current.credentials.clone(), current.generation)
        };
        let (sender, receiver) = sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody listens any more after a time-out.
            let _ = sender.send(credentials.headers(Extensions::new()).await);
        });
        match self.receive(&receiver, time.unwrap_or(TOKEN_TIMEOUT)) {
            Ok(Ok(CacheableResource::New { data: headers, .. })) => Ok(Authorization {
                headers,
                generation,
            }),
            Ok(Ok(CacheableResource::NotModified)) => Err(TokenError::Transient(
                "the credentials gave no token".to_owned(),
            )),
            Ok(Err(error)) if error.is_transient() => {
                Err(TokenError::Transient(with_causes(&error)))
            }
            Ok(Err(error)) => Err(TokenError::Permanent(self.source.fault(&error))),
            Err(_) => Err(TokenError::Transient(
                "no access token came in time".to_owned(),
            )),
        }
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
            current.credentials = self.source.credentials(&self.runtime)?;
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

fn read_file(path: &Path) -> Result<Source, StoreError> {
    let shown = path.display().to_string();
    let unusable = |fault: &dyn fmt::Display| {
        StoreError::failed(format_args!("the credentials file {shown} can't be used: {fault}"))
            .hint("`credentials_file` names a key file from Google Cloud; leave it out to use Application Default Credentials")
    };
    let content = std::fs::read(path).map_err(|error| unusable(&error))?;
    // The parser's message could quote the key.
    let content = serde_json::from_slice(&content).map_err(|_| unusable(&"it is not JSON"))?;
    Ok(Source::File {
        path: shown,
        content,
    })
}

impl Source {
    fn credentials(&self, runtime: &Handle) -> Result<Credentials, StoreError> {
        // The builders start background tasks.
        let _entered = runtime.enter();
        let built = match self {
            Self::ApplicationDefault => Builder::default().build(),
            Self::File { content, .. } => {
                let content = content.clone();
                match content["type"].as_str() {
                    Some("service_account") => service_account::Builder::new(content).build(),
                    Some("authorized_user") => user_account::Builder::new(content).build(),
                    Some("impersonated_service_account") => {
                        impersonated::Builder::new(content).build()
                    }
                    Some("external_account") => external_account::Builder::new(content).build(),
                    _ => return Err(self.fault(&UnknownType)),
                }
            }
        };
        built.map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &(dyn std::error::Error + 'static)) -> StoreError {
        let cause = with_causes(error);
        match self {
            Self::File { path, .. } => StoreError::failed(format_args!(
                "no access token with the credentials file {path}: {cause}"
            ))
            .hint("check that the file is current and that its account still exists"),
            Self::ApplicationDefault => StoreError::failed(format_args!(
                "no access token with Application Default Credentials: {cause}"
            ))
            .hint("set `credentials_file` or GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth application-default login`, or run where a service account is attached"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "its `type` is none of service_account, authorized_user, impersonated_service_account, external_account"
)]
struct UnknownType;

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
