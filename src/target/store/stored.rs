//! What is known of an object that was read or written, and of what that took.

use std::time::Duration;

use serde_json::{Value, json};

/// What an object was when it was read or written: the ticket for replacing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generation {
    /// A directory has no generations; the content stands for itself.
    Content(Vec<u8>),
    /// The object's generation, or `None` from a service that has none.
    Generation(Option<i64>),
}

/// A small object.
#[derive(Debug)]
pub struct Stored {
    /// All of its bytes.
    pub content: Vec<u8>,
    /// The ticket for replacing it.
    pub version: Generation,
}

/// What was asked of a service.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceRequests {
    /// Requests.
    pub requests: u64,
    /// Waits before a request was sent again.
    pub retries: u64,
    /// How long they lasted, of all threads together.
    pub waited: Duration,
}

impl ServiceRequests {
    /// For a report.
    #[must_use]
    pub fn document(self) -> Value {
        json!({
            "requests": self.requests,
            "retries": self.retries,
            "retry_wait_seconds": self.waited.as_secs_f64(),
        })
    }
}

/// An object as a listing tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name below the destination.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Which of the objects of that name it is, where the service tells.
    pub generation: Option<i64>,
    /// The checksum of its bytes, in base64, where the service tells.
    pub crc32c: Option<String>,
}
