//! One request and its answer, on the wire.

use secrecy::ExposeSecret;
use ureq::http::{HeaderMap, Request};

use super::body::{self, BodyFault, WholeBody};
use super::client::{Client, lock};
use super::memory::Turn;
use super::pace::Permit;
use super::request::ApiRequest;

const JSON: &str = "application/json";

impl Client {
    /// Sends a request once and reads the answer whole, whatever it says.
    pub(super) fn exchange(
        &self,
        request: &ApiRequest,
        turn: Option<&Turn>,
        permit: &mut Permit<'_>,
    ) -> Result<(u16, HeaderMap, WholeBody), BodyFault> {
        let sent = match request {
            ApiRequest::Get(path) => {
                let request = self.head("GET", path, JSON).body(());
                request
                    .map_err(Into::into)
                    .and_then(|it| self.common.agent.run(it))
            }
            ApiRequest::Download(path, _) => {
                let request = self.head("GET", path, "application/octet-stream").body(());
                request
                    .map_err(Into::into)
                    .and_then(|it| self.common.agent.run_long(it))
            }
            ApiRequest::Post(path, body) => {
                let request = self
                    .head("POST", path, JSON)
                    .header("Content-Type", "application/json")
                    .body(body.as_slice());
                request
                    .map_err(Into::into)
                    .and_then(|it| self.common.agent.run(it))
            }
        };
        let (parts, body) = sent.map_err(BodyFault::Lost)?.into_parts();
        if let (ApiRequest::Download(_, slot), 200..=299) = (request, parts.status.as_u16()) {
            *lock(slot) = Some(body::keep(body, &self.common.stop)?);
            return Ok((parts.status.as_u16(), parts.headers, WholeBody::default()));
        }
        let room = turn.is_none().then(|| self.common.memory.page_room());
        let mut body = body::read(body, turn, &self.common.stop, permit)?;
        body.room = room;
        Ok((parts.status.as_u16(), parts.headers, body))
    }

    fn head(&self, method: &str, path: &str, accept: &str) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.common.config.base_url))
            .header(
                "Authorization",
                format!("Bearer {}", self.common.config.access_token.expose_secret()),
            )
            .header("Accept", accept)
            .header(
                "Intercom-Version",
                self.api_version.unwrap_or(&self.common.config.api_version),
            )
    }
}
