//! What can go wrong with storage, and what it means to whoever asked.

use std::error::Error;
use std::fmt;
use std::io;

use crate::http::agent::UnusableProxy;

/// What can go wrong with storage, after whatever was worth trying again has been tried again.
#[derive(Debug)]
pub struct StoreError {
    /// What happened, naming the object. Why, [`Error::source`] says.
    pub message: String,
    /// What the user can check.
    pub hint: Option<String>,
    /// What it means to the caller.
    pub kind: StoreErrorKind,
    cause: Option<Box<dyn Error + Send + Sync>>,
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
    pub(in crate::target) fn failed(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            kind: StoreErrorKind::Failed,
            cause: None,
        }
    }

    /// Keeps what it comes of.
    pub(in crate::target) fn caused_by(
        mut self,
        cause: impl Error + Send + Sync + 'static,
    ) -> Self {
        self.cause = Some(Box::new(cause));
        self
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

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        io::Error::other(error)
    }
}

impl From<UnusableProxy> for StoreError {
    fn from(fault: UnusableProxy) -> Self {
        Self::failed(&fault)
            .caused_by(fault)
            .hint(UnusableProxy::HINT)
            .kind(StoreErrorKind::Misconfigured)
    }
}

impl From<io::Error> for StoreError {
    /// Finds the error that went through a [`io::Write`] on its way.
    fn from(error: io::Error) -> Self {
        error
            .downcast::<StoreError>()
            .unwrap_or_else(|error| Self::failed(&error).caused_by(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_kept_through_a_writer() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = StoreError::failed("can't write a").caused_by(denied);
        let error = StoreError::from(io::Error::from(error));
        let cause = error
            .source()
            .and_then(|cause| cause.downcast_ref::<io::Error>());
        assert_eq!(cause.unwrap().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(error.to_string(), "can't write a");
    }
}
