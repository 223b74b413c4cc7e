//! What a refusal means: for one try, for what was asked for, or for the token.

use std::time::Instant;

use ureq::http::HeaderMap;

use super::body::BodyFault;
use super::client::{Client, lock, unauthorized};
use super::error::{self, ErrorList};
use super::headers::{header, retry_after, successor};
use super::request::ApiRequest;
use super::tries::{BACKOFF, MOST_ALIKE, Pause, Try};
use crate::cli::foreign::told;
use crate::tap::fault::Fault;

impl Client {
    /// What a status other than 200 and 429 means.
    pub(super) fn judge<T>(
        &self,
        request: &ApiRequest,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Try<T>, Fault> {
        let described = error::describe(status, body);
        let words = ErrorList::parse(body);
        let is_redirect = (300..=399).contains(&status);
        let is_transient = matches!(status, 408 | 425 | 500..=599);
        // A 4xx that isn't the API's is a gateway's: it may let the next one pass.
        if is_transient || (words.is_none() && !is_redirect && status != 401) {
            return Ok(Try::Again {
                why: described,
                pause: Pause {
                    asked: retry_after(headers),
                    is_overload: status >= 500,
                },
            });
        }
        let message = format!("{request} failed: {described}");
        let fault = match status {
            300..=399 => {
                let location = header(headers, "location").unwrap_or("an unnamed place");
                Fault::Stream(format!(
                    "{request} was redirected to {}, which is not followed, since the token is for \
                     {} only; check `region` and `base_url`",
                    told(location),
                    self.common.config.base_url
                ))
            }
            401 if self.is_token_refused(request, &message)? => unauthorized(&message),
            401 if words.is_none() => {
                return Ok(Try::Again {
                    why: described,
                    pause: Pause::OURS,
                });
            }
            401..=403 => Fault::Refused {
                message: format!(
                    "{message}; the token lacks the permission for this, or the workspace's plan does"
                ),
            },
            404 | 410 => {
                let successor = successor(headers);
                if words.as_ref().is_some_and(ErrorList::is_of_a_merge) {
                    let target = successor.as_deref().unwrap_or("another");
                    tracing::info!("{request}: gone, merged into {target}");
                }
                Fault::Gone { message, successor }
            }
            _ => Fault::Stream(message),
        };
        Ok(Try::Failed { fault, words })
    }

    /// Whether a 401 is of the token, and not of the one thing asked for: only `/me` can tell. One
    /// look serves all that were refused before it ended.
    fn is_token_refused(&self, request: &ApiRequest, message: &str) -> Result<bool, Fault> {
        let refused_at = Instant::now();
        let me = ApiRequest::Get("/me".into());
        let mut was_good = lock(&self.common.token_was_good);
        if self.common.refusal.get().is_some() {
            return Ok(true);
        }
        if was_good.is_some_and(|at| at >= refused_at) {
            return Ok(false);
        }
        let is_me = matches!(request, ApiRequest::Get(path) if path == "/me");
        let mut is_refused = is_me;
        for attempt in 1..=MOST_ALIKE {
            if is_me {
                break;
            }
            let mut permit = self.common.pace.permit_in_doubt();
            let asked = Instant::now();
            let answer = self.exchange(&me, None, &mut permit);
            self.tally.requested_since(asked);
            drop(permit);
            match answer {
                Err(BodyFault::Stopped(signal)) => return Err(Fault::signal(signal)),
                Ok((401, ..)) => {
                    is_refused = true;
                    break;
                }
                Ok((200..=428 | 430..=499, ..)) => break,
                Ok(_) | Err(BodyFault::Lost(_)) => {
                    self.sleep(BACKOFF.pause(attempt))?;
                }
            }
        }
        if is_refused {
            self.common.refusal.get_or_init(|| message.to_owned());
        } else {
            *was_good = Some(Instant::now());
        }
        Ok(is_refused)
    }
}
