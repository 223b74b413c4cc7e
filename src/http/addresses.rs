//! The addresses of a host. The library looks them up for every request, in a thread of its own, also
//! where a connection is at hand: what was found is remembered for a while.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long an answer of the system is good: hosts of services move, but not faster than that.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// Looks addresses up.
#[derive(Debug, Default)]
pub struct Addresses {
    found: Mutex<HashMap<String, (Instant, Vec<SocketAddr>)>>,
}

impl Resolver for Addresses {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if let Some(address) = literal(uri) {
            return Ok(self.addresses(&[address]));
        }
        let name = format!("{:?} {:?}", uri.scheme(), uri.authority());
        if let Some((at, found)) = self.found().get(&name)
            && at.elapsed() < GOOD_FOR
        {
            return Ok(self.addresses(found));
        }
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.found().insert(name, (Instant::now(), found.to_vec()));
        Ok(found)
    }
}

impl Addresses {
    fn addresses(&self, found: &[SocketAddr]) -> ResolvedSocketAddrs {
        let mut addresses = self.empty();
        for address in found {
            addresses.push(*address);
        }
        addresses
    }

    fn found(&self) -> MutexGuard<'_, HashMap<String, (Instant, Vec<SocketAddr>)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that a URL names itself.
fn literal(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = host.parse().ok()?;
    let port = uri.port_u16().or(match uri.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    })?;
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_looking_up() {
        let literal = |url: &'static str| literal(&Uri::from_static(url));
        assert_eq!(literal("http://127.0.0.1:9"), "127.0.0.1:9".parse().ok());
        assert_eq!(literal("https://[::1]"), "[::1]:443".parse().ok());
        assert_eq!(literal("https://localhost:9"), None);
    }
}
