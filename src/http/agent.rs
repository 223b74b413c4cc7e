//! Agents: certificates, proxies, time-outs, no redirects, and requests in flight that a signal
//! breaks off.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use rustls::crypto::ring;
use ureq::http::{Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{AsSendBody, Body, Proxy, ProxyProtocol};

use super::addresses::Addresses;
use crate::cli::Failure;
use crate::cli::stop::Stop;

/// How long after a signal a request in flight may still be answered.
const IN_FLIGHT_AFTER_A_SIGNAL: Duration = Duration::from_secs(3);
/// What the head of an answer may take.
const MOST_HEAD_BYTES: usize = 32 << 10;
/// What is read at once from a connection, for as long as it is kept: many are. A head has to fit.
const INPUT_BUFFER_BYTES: usize = MOST_HEAD_BYTES + (8 << 10);
/// No request after a signal is given less.
const LEAST_TIME: Duration = Duration::from_millis(250);

/// Sends requests to one host. Clones share it.
#[derive(Clone, Debug)]
pub struct Agent {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: AgentSettings,
    proxy: Option<Proxy>,
    current: RwLock<ureq::Agent>,
}

/// What an agent is to be like.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// The only place it is for: scheme, host and port.
    pub base_url: String,
    /// The header `User-Agent`.
    pub user_agent: String,
    /// Connections that are kept open.
    pub connections: usize,
    /// What each of them sends at once, in bytes, for as long as it is kept. Heads of requests have to fit.
    pub output_buffer_bytes: usize,
    /// How long each part of an exchange may take.
    pub timeouts: Timeouts,
    /// What breaks requests off.
    pub stop: Stop,
}

/// How long each part of an exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the name to a connection.
    pub connect: Duration,
    /// Until the answer begins, once all is sent.
    pub answer: Duration,
    /// Bodies, in either direction.
    pub body: BodyTimeout,
}

/// How a body's time is limited.
#[derive(Clone, Copy, Debug)]
pub enum BodyTimeout {
    /// The whole of it.
    Whole(Duration),
    /// Any of its parts: large bodies take their time, but don't stand still.
    Standstill(Duration),
}

/// A proxy that can't be used, and must not be bypassed either.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} {fault}")]
pub struct UnusableProxy {
    variable: &'static str,
    fault: &'static str,
}

impl UnusableProxy {
    /// What can be done about it.
    pub const HINT: &'static str =
        "name a proxy as http://host:port, or list the host in NO_PROXY to reach it directly";
}

impl From<UnusableProxy> for Failure {
    fn from(fault: UnusableProxy) -> Self {
        Failure::usage(fault).hint(UnusableProxy::HINT)
    }
}

impl Agent {
    /// Builds an agent for one host.
    pub fn new(settings: AgentSettings) -> Result<Self, UnusableProxy> {
        let proxy = proxy_for(&settings.base_url, |name| std::env::var(name).ok())?;
        let current = RwLock::new(build(&settings, proxy.clone()));
        let stop = settings.stop.clone();
        let shared = Arc::new(Shared {
            settings,
            proxy,
            current,
        });
        let weak = Arc::downgrade(&shared);
        stop.interrupt(IN_FLIGHT_AFTER_A_SIGNAL, move || {
            if let Some(shared) = weak.upgrade() {
                shared.break_off();
            }
        });
        Ok(Self { shared })
    }

    /// Sends a request; after a signal it is given no more time than is left.
    pub fn run<B: AsSendBody>(&self, request: Request<B>) -> Result<Response<Body>, ureq::Error> {
        match self.shared.settings.stop.remaining() {
            None => self.current().run(request),
            // Half of it, so that there is time for another try.
            Some(remaining) => self.run_within(request, remaining / 2),
        }
    }

    /// The same for a request whose answer may take long to come as long as it doesn't stand still.
    pub fn run_long<B: AsSendBody>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Body>, ureq::Error> {
        if self.shared.settings.stop.remaining().is_some() {
            return self.run(request);
        }
        let agent = self.current();
        let standstill = self.shared.settings.timeouts.answer;
        let request = agent
            .configure_request(request)
            .timeout_recv_body(None)
            .timeout_per_read(Some(standstill))
            .build();
        agent.run(request)
    }

    /// Sends a request that is worth no more time than this.
    pub fn run_within<B: AsSendBody>(
        &self,
        request: Request<B>,
        time: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        let agent = self.current();
        let request = agent
            .configure_request(request)
            .timeout_global(Some(time.max(LEAST_TIME)))
            .build();
        agent.run(request)
    }

    fn current(&self) -> ureq::Agent {
        // A clone, so that no request holds the lock.
        let current: RwLockReadGuard<'_, _> = self
            .shared
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

impl Shared {
    /// Breaks off all requests in flight; later ones get connections of their own.
    fn break_off(&self) {
        let fresh = build(&self.settings, self.proxy.clone());
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, fresh);
        drop(current);
        old.shutdown();
    }
}

fn build(settings: &AgentSettings, proxy: Option<Proxy>) -> ureq::Agent {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let timeouts = settings.timeouts;
    let builder = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // No other host may be sent a token, and of a resumable upload 308 says something else.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(MOST_HEAD_BYTES)
        .input_buffer_size(INPUT_BUFFER_BYTES)
        .output_buffer_size(settings.output_buffer_bytes)
        .max_idle_connections(settings.connections)
        .max_idle_connections_per_host(settings.connections)
        .user_agent(&settings.user_agent)
        .tls_config(tls)
        .proxy(proxy)
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_recv_response(Some(timeouts.answer));
    let builder = match timeouts.body {
        BodyTimeout::Whole(time) => builder
            .timeout_send_request(Some(time))
            .timeout_send_body(Some(time))
            .timeout_recv_body(Some(time)),
        BodyTimeout::Standstill(time) => builder
            .timeout_per_write(Some(time))
            .timeout_per_read(Some(time)),
    };
    ureq::Agent::with_parts(
        builder.build(),
        DefaultConnector::default(),
        Addresses::default(),
    )
}

/// Whether a URL's host is this machine itself.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_end_matches('.');
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The proxy that the environment names for a URL: that of its scheme, or that of all. One that
/// can't be used is an error: to go around it would show the token to whom it was to be kept from.
fn proxy_for(
    url: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, UnusableProxy> {
    let is_https = url
        .get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let names: &[&'static str] = if is_https {
        &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    } else {
        &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    };
    let set = names.iter().find_map(|name| {
        let value = variable(name)?;
        (!value.trim().is_empty()).then_some((*name, value))
    });
    let (Some((name, value)), false) = (set, is_loopback(url)) else {
        return Ok(None);
    };
    let directly = variable("NO_PROXY").or_else(|| variable("no_proxy"));
    let uri: Uri = url.parse().unwrap_or_default();
    if is_listed(&uri, directly.as_deref().unwrap_or_default()) {
        return Ok(None);
    }
    // The value is not shown: it may hold a password.
    let unusable = |fault| UnusableProxy {
        variable: name,
        fault,
    };
    let proxy =
        Proxy::new(value.trim()).map_err(|_| unusable("does not hold the URL of a proxy"))?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(Some(proxy)),
        _ => Err(unusable(
            "names a SOCKS proxy, and only those of http and https can be used",
        )),
    }
}

/// Whether `NO_PROXY` lists a host: itself, a domain that it is below, or `*`.
fn is_listed(uri: &Uri, list: &str) -> bool {
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    list.split(',').any(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        let domain = domain.split_once(':').map_or(domain, |(domain, port)| {
            let is_of_port = uri.port_u16().is_some_and(|own| own.to_string() == port);
            if is_of_port { domain } else { "" }
        });
        entry == "*"
            || (!domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}"))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(own, _)| *own == name)?;
            Some(found.1.to_owned())
        };
        match proxy_for(url, variable) {
            Ok(proxy) => Ok(proxy.map(|proxy| proxy.host().to_owned())),
            Err(fault) => Err(fault.to_string()),
        }
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for url in [
            "http://localhost:1",
            "http://LOCALHOST",
            "http://api.localhost.:2",
            "http://127.0.0.1:3",
            "http://127.8.9.10",
            "http://[::1]:4",
            "http://[::ffff:127.0.0.1]:5",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://localhost.example", "http://128.0.0.1", "nonsense"] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn the_proxy_of_the_scheme_comes_first() {
        let both = [
            ("ALL_PROXY", "http://all:1"),
            ("HTTPS_PROXY", "http://own:1"),
        ];
        let found = |url, variables: &[_]| proxy(url, variables).unwrap();
        assert_eq!(found("https://api.test", &both).as_deref(), Some("own"));
        assert_eq!(found("http://api.test", &both).as_deref(), Some("all"));
        assert_eq!(found("http://127.0.0.1:9", &both), None);
        assert_eq!(found("https://api.test", &[("HTTPS_PROXY", " ")]), None);
    }

    #[test]
    fn listed_hosts_are_reached_directly() {
        let listed = |list: &str| {
            let variables = [("https_proxy", "socks5://p:1"), ("NO_PROXY", list)];
            proxy("https://api.test", &variables) == Ok(None)
        };
        for list in [
            "api.test",
            "other, .test",
            "*.test",
            "*",
            "test",
            "API.TEST",
        ] {
            assert!(listed(list), "{list}");
        }
        for list in ["", "pi.test", "api.test.example", "api.test:1", ",."] {
            assert!(!listed(list), "{list}");
        }
    }

    #[test]
    fn a_proxy_that_can_t_be_used_is_refused_and_not_shown() {
        for scheme in ["socks5", "socks5h", "socks4", "ftp"] {
            let value = format!("{scheme}://user:password@host:1");
            let fault = proxy("https://api.test", &[("ALL_PROXY", value.as_str())]).unwrap_err();
            assert!(fault.contains("ALL_PROXY"), "{fault}");
            assert!(!fault.contains("password"), "{fault}");
        }
    }
}
