//! Faults on demand: which requests fail, and how.

use std::time::Duration;

use serde_json::Value;

use super::answer::error;
use crate::http::{Reply, Request, WireFault};

/// Some requests fail in some way.
#[derive(Debug, Clone)]
pub struct Fault {
    path_prefix: String,
    is_whole_path: bool,
    method: Option<String>,
    page: Option<String>,
    when: When,
    kind: FaultKind,
    met: u64,
}

/// Which of the requests that a fault is about fail, counted from 1 since the fault was injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// Only the n-th.
    Nth(u64),
    /// From the first of these to the second.
    Between(u64, u64),
    /// Each n-th.
    Every(u64),
}

/// How a request fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A status with an error of the API: its code and its message.
    Status(u16, String, String),
    /// A status with a page of HTML, as gateways answer.
    Html(u16),
    /// The connection is closed without an answer.
    ResetBefore,
    /// The connection is closed in the middle of the body.
    ResetMidBody,
    /// The body is half of what it should be, and `Content-Length` agrees.
    CutBody,
    /// 200 with a body that is no JSON.
    NotJson,
    /// 200 with no body.
    Empty200,
    /// No answer for that long, then the connection is closed.
    Stall(Duration),
    /// Half of the body, then nothing for that long, then the connection is closed.
    StallMidBody(Duration),
    /// 302 to that URL.
    Redirect(String),
    /// A status with a body, whatever it is.
    Answer(u16, Vec<u8>),
    /// The usual answer with further headers.
    Headers(Vec<(String, String)>),
    /// Answers that hold this text fail with that status, as when one of a page's rows is broken.
    Holding {
        /// A piece of the usual body.
        text: String,
        /// The status in its place.
        status: u16,
    },
    /// Pages of more than `limit` rows fail with that status, as gateways time out.
    FailAbovePerPage {
        /// The most rows of a page that is answered.
        limit: u64,
        /// The status of the others.
        status: u16,
    },
    /// 429 with that `Retry-After`, or none.
    TooMany {
        /// The header's text.
        retry_after: Option<String>,
    },
}

impl Fault {
    /// A fault of the requests whose path begins so.
    pub fn new(path_prefix: &str, when: When, kind: FaultKind) -> Fault {
        Fault {
            path_prefix: path_prefix.to_owned(),
            is_whole_path: false,
            method: None,
            page: None,
            when,
            kind,
            met: 0,
        }
    }

    /// A status with an error of the API that is named after it.
    pub fn status(path_prefix: &str, when: When, status: u16) -> Fault {
        let code = match status {
            401 => "unauthorized",
            403 => "api_plan_restricted",
            404 => "not_found",
            429 => "rate_limit_exceeded",
            500.. => "server_error",
            _ => "parameter_invalid",
        };
        let message = format!("an injected {status}");
        Fault::new(
            path_prefix,
            when,
            FaultKind::Status(status, code.to_owned(), message),
        )
    }

    /// Always what a token without the scope is answered.
    pub fn forbidden(path_prefix: &str) -> Fault {
        let message = "You do not have the required scope to access this resource";
        Fault::new(
            path_prefix,
            When::Always,
            FaultKind::Status(403, "forbidden".to_owned(), message.to_owned()),
        )
    }

    /// Only requests for that very path.
    #[must_use]
    pub fn exactly(mut self) -> Fault {
        self.is_whole_path = true;
        self
    }

    /// Only requests of that method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Fault {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests for that page of a numbered list.
    #[must_use]
    pub fn page(mut self, number: u64) -> Fault {
        self.page = Some(number.to_string());
        self
    }

    /// Whether this request fails; counts it.
    pub fn strikes(&mut self, request: &Request) -> bool {
        let concerned = request.path.starts_with(&self.path_prefix)
            && (!self.is_whole_path || request.path == self.path_prefix)
            && self.method.as_ref().is_none_or(|m| *m == request.method)
            && (self.page.is_none() || self.page.as_deref() == request.parameter("page"));
        if !concerned {
            return false;
        }
        if let FaultKind::FailAbovePerPage { limit, .. } = self.kind
            && per_page(request) <= limit
        {
            return false;
        }
        self.met += 1;
        match self.when {
            When::Always => true,
            When::Nth(number) => self.met == number,
            When::Between(first, last) => (first..=last).contains(&self.met),
            When::Every(number) => self.met.is_multiple_of(number),
        }
    }

    /// Whether what is answered otherwise is such that this fails, where that matters.
    pub fn is_of(&self, usual: impl FnOnce() -> Reply) -> bool {
        match &self.kind {
            FaultKind::Holding { text, .. } => {
                memchr::memmem::find(&usual().body, text.as_bytes()).is_some()
            }
            _ => true,
        }
    }

    /// The reply that takes the place of `usual`, which is only made when some of it is sent.
    pub fn reply(&self, request: &Request, usual: impl FnOnce() -> Reply) -> Reply {
        match &self.kind {
            FaultKind::Status(status, code, message) => error(request, *status, code, message),
            FaultKind::Html(status) | FaultKind::FailAbovePerPage { status, .. } => Reply::new(
                *status,
                "text/html",
                format!("<html><body><h1>{status} from the gateway</h1></body></html>"),
            ),
            FaultKind::ResetBefore => Reply::empty(0).fault(WireFault::ResetBeforeReply),
            FaultKind::ResetMidBody => usual().fault(WireFault::ResetMidBody),
            FaultKind::CutBody => usual().fault(WireFault::CutBody),
            FaultKind::NotJson => Reply::json(200, "{not json"),
            FaultKind::Empty200 => Reply::json(200, ""),
            FaultKind::Stall(duration) => Reply::empty(0).fault(WireFault::Stall(*duration)),
            FaultKind::StallMidBody(duration) => usual().fault(WireFault::StallMidBody(*duration)),
            FaultKind::Answer(status, body) => {
                Reply::new(*status, "application/octet-stream", body.clone())
            }
            FaultKind::Headers(headers) => headers
                .iter()
                .fold(usual(), |reply, (name, value)| reply.header(name, value)),
            FaultKind::Holding { status, .. } => {
                error(request, *status, "server_error", "a row is broken")
            }
            FaultKind::Redirect(url) => Reply::empty(302).header("Location", url),
            FaultKind::TooMany { retry_after } => {
                let reply = error(request, 429, "rate_limit_exceeded", "an injected 429");
                match retry_after {
                    Some(retry_after) => reply.header("Retry-After", retry_after),
                    None => reply,
                }
            }
        }
    }
}

fn per_page(request: &Request) -> u64 {
    let in_query = || request.parameter("per_page")?.parse().ok();
    let in_body = || {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        body["pagination"]["per_page"].as_u64()
    };
    in_query().or_else(in_body).unwrap_or(0)
}
