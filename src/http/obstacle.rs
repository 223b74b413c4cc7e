//! Faults on the way to a host that lie on this side: they are the same for every request, and trying
//! again won't mend them.

use std::io::ErrorKind;

/// What keeps any request from arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The server's certificate isn't trusted: certain at once.
    Certificate,
    /// The host isn't known, or nobody listens there: some seconds may change that, as where a
    /// container's network comes up late.
    Nobody,
}

/// What can be done about a certificate that isn't trusted.
pub const UNTRUSTED_HINT: &str = "where a proxy or a private authority stands in between, name its \
    certificates with the environment variable SSL_CERT_FILE";

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
        ureq::Error::Io(error) => {
            matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            ) || words.contains("failed to lookup address")
        }
        _ => false,
    };
    is_nobody.then_some(Obstacle::Nobody)
}
