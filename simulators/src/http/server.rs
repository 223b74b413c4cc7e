//! A listening socket, the threads of its connections, and what they count.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::connection::Connection;
use super::message::{Reply, Request};
use super::shared::{Handler, Shared, UploadCut};
use crate::lock::lock;

/// A server on a free port of 127.0.0.1. Dropping it closes every connection.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server whose requests are answered by `handler`, called from many threads.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_on(0, handler)
    }

    /// Starts a server on a chosen port; 0 picks a free one.
    pub fn start_on(
        port: u16,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::listen(port, Box::new(|_| None), Box::new(handler))
    }

    /// Starts a server on a port (0 picks a free one) that may break off uploads: for each request,
    /// before its body is read, `upload_cut` says after how many bytes. The handler is then called
    /// with what had come (and `cut` set), and the connection is reset instead of answered.
    pub fn start_cutting_uploads(
        port: u16,
        upload_cut: impl Fn(&Request) -> Option<usize> + Send + Sync + 'static,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::listen(port, Box::new(upload_cut), Box::new(handler))
    }

    fn listen(port: u16, upload_cut: Box<UploadCut>, handler: Box<Handler>) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            handler,
            upload_cut,
            stopping: Mutex::new(false),
            stopped: Condvar::new(),
            connections: Mutex::default(),
            connections_accepted: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            peak_in_flight: AtomicUsize::new(0),
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Server {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests have been read.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// How many connections were ever opened: few, where clients keep them alive.
    pub fn connections_accepted(&self) -> u64 {
        self.shared.connections_accepted.load(Ordering::SeqCst)
    }

    /// The most requests that were being answered at one time, delays included.
    pub fn peak_concurrency(&self) -> usize {
        self.shared.peak_in_flight.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *lock(&self.shared.stopping) = true;
        self.shared.stopped.notify_all();
        // Wakes the acceptor, which then sees that it is time to stop.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
        for connection in lock(&self.shared.connections).values() {
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if *lock(&shared.stopping) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.connections_accepted.fetch_add(1, Ordering::SeqCst);
        let stream = Arc::new(stream);
        lock(&shared.connections).insert(number, Arc::clone(&stream));
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let registered = Registered { number, shared };
            // A connection that fails is the client's to notice.
            drop(Connection::new(&stream, &registered.shared).serve());
        });
    }
}

/// A connection in the server's list; leaves it also when a handler panics.
struct Registered {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(stream) = lock(&self.shared.connections).remove(&self.number) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}
