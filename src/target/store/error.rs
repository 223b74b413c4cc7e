//! What can go wrong with storage, and what it means to whoever asked.

use std::fmt;
use std::io;

use crate::http::agent::UnusableProxy;

/// What can go wrong with storage, after whatever was worth trying again has been tried again.
#[derive(Debug)]
pub struct StoreError {
    /// What happened, naming the object.
    pub message: String,
    /// What the user can check.
    pub hint: Option<String>,
    /// What it means to the caller.
    pub kind: StoreErrorKind,
}

/// What a [`StoreError`] means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// An object of that name exists already.
    NameTaken,
    /// The object is not what it was when it was read.
    Conflict,
    /// Nothing was begun, since a setting or the environment is at fault.
    Misconfigured,
    /// Anything else: permanent, or transient for too long.
    Failed,
}

impl StoreError {
    pub(super) fn failed(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            kind: StoreErrorKind::Failed,
        }
    }

    pub(super) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    pub(super) fn kind(mut self, kind: StoreErrorKind) -> Self {
        self.kind = kind;
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        io::Error::other(error)
    }
}

impl From<UnusableProxy> for StoreError {
    fn from(fault: UnusableProxy) -> Self {
        Self::failed(&fault)
            .hint(UnusableProxy::HINT)
            .kind(StoreErrorKind::Misconfigured)
    }
}

impl From<io::Error> for StoreError {
    /// Finds the error that went through a [`io::Write`] on its way.
    fn from(error: io::Error) -> Self {
        error
            .downcast::<StoreError>()
            .unwrap_or_else(StoreError::failed)
    }
}
