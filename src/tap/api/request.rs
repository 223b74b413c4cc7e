//! What is asked of the API, how hard it is tried, and what was asked so far.

use std::fs::File;
use std::sync::{Arc, Mutex};

use super::memory::Turn;
use super::pace::Purpose;
use crate::cli::foreign::told;

/// How hard a request is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort<'a> {
    /// Tries at most.
    pub attempts: u32,
    /// Whether an answer that is not usable is taken at its word once it came a few times alike. One
    /// record's detail may be so for ever.
    pub is_detail: bool,
    /// What the memory of large answers is held for.
    pub turn: Option<&'a Turn>,
}

/// A request to the configured host.
#[derive(Clone, Debug)]
pub enum ApiRequest {
    /// GET of a path with its query.
    Get(String),
    /// POST of a JSON body to a path.
    Post(String, Vec<u8>),
    /// GET of a file, which goes into the slot and not into memory: a temporary one without a name.
    Download(String, FileSlot),
}

/// Where a downloaded file is put.
pub type FileSlot = Arc<Mutex<Option<File>>>;

/// An answer that can't be what the API meant to say, such as a cut or empty body: asked for again.
#[derive(Debug, thiserror::Error)]
#[error("{}", told(.0))]
pub struct BadAnswer(pub String);

impl From<serde_json::Error> for BadAnswer {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("the answer isn't the JSON expected ({error})"))
    }
}

impl Purpose {
    /// What a request is for that so much effort is made for.
    pub(super) fn of(effort: &Effort<'_>) -> Self {
        if effort.is_detail {
            Self::Detail
        } else {
            Self::Page
        }
    }
}

impl ApiRequest {
    /// The first part of the path: what the request is about.
    #[must_use]
    pub fn resource(&self) -> &str {
        let (Self::Get(path) | Self::Post(path, _) | Self::Download(path, _)) = self;
        let path = path.trim_start_matches('/');
        path.split(['/', '?']).next().unwrap_or(path)
    }
}

impl std::fmt::Display for ApiRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Get(path) | Self::Download(path, _) => write!(formatter, "GET {path}"),
            Self::Post(path, _) => write!(formatter, "POST {path}"),
        }
    }
}
