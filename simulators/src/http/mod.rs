//! The plumbing that the servers on loopback share: HTTP/1.1 over `std::net`, one thread a
//! connection. It knows requests, replies and ways for the wire to fail; what a request means is
//! its handler's business.

mod connection;
mod message;
mod server;
mod shared;
mod tls;

pub use message::{Reply, Request, WireFault};
pub use server::Server;
pub use tls::{ACCOUNT_KEY, AUTHORITY, TlsFront};
