//! Requests as they were read and replies as they are to be sent, with the ways for the wire to fail
//! under them.

use std::time::Duration;

/// A request, read whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// As sent: `GET`, `POST`, ….
    pub method: String,
    /// Without the query, and not percent-decoded: object names hold encoded slashes.
    pub path: String,
    /// Decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// In the order sent, names as sent.
    pub headers: Vec<(String, String)>,
    /// What came after the head, out of its chunks.
    pub body: Vec<u8>,
    /// Which request of this server it is, counted from 1 when its head has been read.
    pub ordinal: u64,
    /// The upload was cut (see [`Server::start_cutting_uploads`]): `body` holds what had come, no
    /// reply will be sent.
    pub cut: bool,
}

impl Request {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first query parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a handler answers.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Sent as they are; `Content-Length` is added.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
    /// How the wire fails, if it does.
    pub fault: Option<WireFault>,
    /// How long the client waits before the first byte.
    pub delay: Duration,
}

/// Ways for the wire to fail under a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFault {
    /// Close the connection without an answer.
    ResetBeforeReply,
    /// Send the head and half of the body that `Content-Length` promises, then close.
    ResetMidBody,
    /// Send half of the body with the `Content-Length` of that half: nothing looks wrong but the
    /// document.
    CutBody,
    /// Answer nothing for that long, then close.
    Stall(Duration),
    /// Send the head and half of the body, then nothing for that long, then close.
    StallMidBody(Duration),
}

impl Reply {
    /// An empty answer.
    pub fn empty(status: u16) -> Reply {
        Reply {
            status,
            ..Reply::default()
        }
    }

    /// An answer of any content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            body: body.into(),
            ..Reply::default()
        }
        .header("Content-Type", content_type)
    }

    /// A JSON document.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply::new(status, "application/json; charset=utf-8", body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Makes the wire fail under this reply.
    #[must_use]
    pub fn fault(mut self, fault: WireFault) -> Reply {
        self.fault = Some(fault);
        self
    }

    /// Makes the client wait.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }

    pub(super) fn head(&self, content_length: usize, close: bool) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            201 => "Created",
            204 => "No Content",
            308 => "Resume Incomplete",
            401 => "Unauthorized",
            404 => "Not Found",
            429 => "Too Many Requests",
            _ => "Status",
        };
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        if self.status != 204 && self.status != 304 {
            head.push_str("Content-Length: ");
            head.push_str(&content_length.to_string());
            head.push_str("\r\n");
        }
        if close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}
