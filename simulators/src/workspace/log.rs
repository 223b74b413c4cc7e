//! The record of every request, for tests to ask what a program did.

use std::time::Instant;

use crate::http::{Reply, Request, WireFault};

/// One request and how it was answered.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// As sent: `GET`, `POST`, ….
    pub method: String,
    /// Without the query, as sent.
    pub path: String,
    /// Decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// In the order sent, names as sent.
    pub headers: Vec<(String, String)>,
    /// As text, whatever it was.
    pub body: String,
    /// When it had been read.
    pub at: Instant,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The status of the answer; 0 where the wire failed before it.
    pub status: u16,
}

impl RequestRecord {
    pub(super) fn new(request: &Request, reply: &Reply, at: Instant) -> RequestRecord {
        RequestRecord {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            at,
            authorization: request.header("Authorization").map(str::to_owned),
            status: sent_status(reply),
        }
    }

    /// The body, which is JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// What a request log says of a reply: the status, or 0 where none was sent.
fn sent_status(reply: &Reply) -> u16 {
    match reply.fault {
        Some(WireFault::ResetBeforeReply | WireFault::Stall(_)) => 0,
        _ => reply.status,
    }
}
