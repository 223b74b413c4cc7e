//! Faults on the way to the API that lie on this side: they are the same for every request, and
//! trying again won't mend them.

use ureq::http::Uri;

use crate::cli::Failure;

/// What keeps any request from arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The server's certificate isn't trusted: certain at once.
    Certificate,
    /// The host isn't known, or nobody listens there: some seconds may change that, as where a
    /// container's network comes up late.
    Nobody,
}

/// What kind of obstacle an error tells of, if any.
#[must_use]
pub fn obstacle(error: &ureq::Error) -> Option<Obstacle> {
    let words = error.to_string();
    if words.contains("UnknownIssuer") || words.contains("invalid peer certificate") {
        return Some(Obstacle::Certificate);
    }
    let is_nobody = match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_) => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    };
    is_nobody.then_some(Obstacle::Nobody)
}

/// The end of the run, in words that name host and setting.
#[must_use]
pub fn failure(obstacle: Obstacle, base_url: &str, why: &str) -> Failure {
    let uri: Uri = base_url.parse().unwrap_or_default();
    let host = uri.host().unwrap_or(base_url);
    match obstacle {
        Obstacle::Certificate => Failure::failed(format_args!(
            "the certificate of {host} isn't trusted: {why}"
        ))
        .hint(
            "where a proxy or a private authority stands in between, name its certificates with \
             the environment variable SSL_CERT_FILE",
        ),
        Obstacle::Nobody => Failure::failed(format_args!("{base_url} can't be reached: {why}"))
            .hint(format_args!(
                "is {host} the right host? check `base_url` or `region`, and the proxy \
                 (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) where one is needed"
            )),
    }
}
