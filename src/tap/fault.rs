//! What can go wrong with a stream, grouped by what happens next.

use crate::cli::Failure;

/// Why reading stopped.
#[derive(Debug)]
pub enum Fault {
    /// The thing that was asked for isn't there (404, 410): the caller knows what that means.
    Gone {
        /// What to say where it is unexpected.
        message: String,
        /// The key of what took its place, where the API names one.
        successor: Option<String>,
    },
    /// The token may not have this, or the workspace's plan doesn't (401, 402, 403): asked for again
    /// it would be refused again, and so may be all of its kind.
    Refused {
        /// What to say where it is a fault.
        message: String,
    },
    /// This stream can't go on; the others can.
    Stream(String),
    /// Nothing can go on.
    Abort(Failure),
    /// The reader hung up: the stream has all it wanted.
    HungUp,
}

impl Fault {
    /// A signal came.
    #[must_use]
    pub fn signal(number: i32) -> Self {
        Self::Abort(Failure::signal(number))
    }

    /// Messages can't be written any more: most often, the reading end of the pipe is closed.
    #[must_use]
    pub fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::Abort(
                Failure::failed("stdout was closed before the sync was complete")
                    .hint("the target that reads these messages ended first: look at its log"),
            )
        } else {
            Self::Abort(Failure::failed(format_args!(
                "messages can't be written to stdout: {error}"
            )))
        }
    }
}

/// What nothing can go on after.
impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Abort(failure)
    }
}

/// A fault that ends a run on its own.
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Abort(failure) => failure,
            Fault::Stream(message) | Fault::Gone { message, .. } | Fault::Refused { message } => {
                Self::failed(message)
            }
            Fault::HungUp => Self::failed("reading was broken off"),
        }
    }
}
