//! TLS in front of a server on loopback, with a certificate that only those trust who are told to.
//! What has come through goes on in plain.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The certificate of the authority that has signed the server's, as PEM.
pub const AUTHORITY: &str = include_str!("certificates/authority.pem");
/// For `localhost`, `storage.localhost` and `127.0.0.1`.
const SERVER: &[u8] = include_bytes!("certificates/server.pem");
/// It opens nothing but these tests.
const SERVER_KEY: &[u8] = include_bytes!("certificates/server.key");

/// An RSA key that opens nothing: to sign a token takes a real one.
pub const ACCOUNT_KEY: &str = include_str!("certificates/account.key");

/// How long one side is listened to before the other gets its turn.
const TURN: Duration = Duration::from_millis(2);

/// A listener on a free port of 127.0.0.1 that speaks TLS.
pub struct TlsFront {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl TlsFront {
    /// Starts one in front of the server at `base_url`, as in `http://127.0.0.1:PORT`.
    pub fn start(base_url: &str) -> TlsFront {
        let behind = base_url.trim_start_matches("http://").parse();
        let behind: SocketAddr = behind.expect("an address and a port");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let acceptor = std::thread::spawn({
            let is_over = Arc::clone(&is_over);
            let config = Arc::new(config());
            move || {
                for stream in listener.incoming() {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let (is_over, config) = (Arc::clone(&is_over), Arc::clone(&config));
                    // A connection that fails is the client's to notice.
                    std::thread::spawn(move || {
                        stream.and_then(|stream| pass(stream, behind, config, &is_over))
                    });
                }
            }
        });
        TlsFront {
            address,
            is_over,
            acceptor: Some(acceptor),
        }
    }

    /// `https://localhost:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the acceptor, which then sees that it is time to stop.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn config() -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(SERVER).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together")
}

/// Passes on what comes from either side, in turns, until one closes.
fn pass(
    client: TcpStream,
    behind: SocketAddr,
    config: Arc<ServerConfig>,
    is_over: &AtomicBool,
) -> io::Result<()> {
    let mut server = TcpStream::connect(behind)?;
    client.set_read_timeout(Some(TURN))?;
    server.set_read_timeout(Some(TURN))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    while !is_over.load(Ordering::Relaxed) {
        if !pass_on(&mut client, &mut server)? || !pass_on(&mut server, &mut client)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Passes on what is there; says whether more may come.
fn pass_on(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    match from.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(length) => {
            to.write_all(&buffer[..length])?;
            to.flush()?;
            Ok(true)
        }
        Err(error) if is_silence(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
