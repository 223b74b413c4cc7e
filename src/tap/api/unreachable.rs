//! What is told where the API can't be reached for a reason on this side.

use ureq::http::Uri;

use crate::cli::Failure;
use crate::http::obstacle::{Obstacle, UNTRUSTED_HINT};

/// The end of the run, in words that name host and setting.
#[must_use]
pub fn failure(obstacle: Obstacle, base_url: &str, why: &str) -> Failure {
    let uri: Uri = base_url.parse().unwrap_or_default();
    let host = uri.host().unwrap_or(base_url);
    match obstacle {
        Obstacle::Certificate => Failure::failed(format_args!(
            "the certificate of {host} isn't trusted: {why}"
        ))
        .hint(UNTRUSTED_HINT),
        Obstacle::Nobody => Failure::failed(format_args!("{base_url} can't be reached: {why}"))
            .hint(format_args!(
                "is {host} the right host? check `base_url` or `region`, and the proxy \
                 (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) where one is needed"
            )),
    }
}
