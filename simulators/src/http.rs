//! The plumbing that the servers on loopback share: HTTP/1.1 over `std::net`, one thread a
//! connection. It knows requests, replies and ways for the wire to fail; what a request means is
//! its handler's business.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;

const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// A request, read whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// As sent: `GET`, `POST`, ….
    pub method: String,
    /// Without the query, and not percent-decoded: object names hold encoded slashes.
    pub path: String,
    /// Decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// In the order sent, names as sent.
    pub headers: Vec<(String, String)>,
    /// What came after the head, out of its chunks.
    pub body: Vec<u8>,
    /// Which request of this server it is, counted from 1 when its head has been read.
    pub ordinal: u64,
    /// The upload was cut (see [`Server::start_cutting_uploads`]): `body` holds what had come, no
    /// reply will be sent.
    pub cut: bool,
}

impl Request {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first query parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a handler answers.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Sent as they are; `Content-Length` is added.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
    /// How the wire fails, if it does.
    pub fault: Option<WireFault>,
    /// How long the client waits before the first byte.
    pub delay: Duration,
}

/// Ways for the wire to fail under a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFault {
    /// Close the connection without an answer.
    ResetBeforeReply,
    /// Send the head and half of the body that `Content-Length` promises, then close.
    ResetMidBody,
    /// Send half of the body with the `Content-Length` of that half: nothing looks wrong but the
    /// document.
    CutBody,
    /// Answer nothing for that long, then close.
    Stall(Duration),
    /// Send the head and half of the body, then nothing for that long, then close.
    StallMidBody(Duration),
}

impl Reply {
    /// An empty answer.
    pub fn empty(status: u16) -> Reply {
        Reply {
            status,
            ..Reply::default()
        }
    }

    /// An answer of any content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            body: body.into(),
            ..Reply::default()
        }
        .header("Content-Type", content_type)
    }

    /// A JSON document.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply::new(status, "application/json; charset=utf-8", body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Makes the wire fail under this reply.
    #[must_use]
    pub fn fault(mut self, fault: WireFault) -> Reply {
        self.fault = Some(fault);
        self
    }

    /// Makes the client wait.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }

    fn head(&self, content_length: usize, close: bool) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            201 => "Created",
            204 => "No Content",
            308 => "Resume Incomplete",
            401 => "Unauthorized",
            404 => "Not Found",
            429 => "Too Many Requests",
            _ => "Status",
        };
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        if self.status != 204 && self.status != 304 {
            head.push_str("Content-Length: ");
            head.push_str(&content_length.to_string());
            head.push_str("\r\n");
        }
        if close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;
type UploadCut = dyn Fn(&Request) -> Option<usize> + Send + Sync;

/// A server on a free port of 127.0.0.1. Dropping it closes every connection.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    handler: Box<Handler>,
    upload_cut: Box<UploadCut>,
    stopping: Mutex<bool>,
    stopped: Condvar,
    connections: Mutex<HashMap<u64, Arc<TcpStream>>>,
    connections_accepted: AtomicU64,
    requests: AtomicU64,
    in_flight: AtomicUsize,
    peak_in_flight: AtomicUsize,
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

    /// Starts a server on a port (0 picks a free one) that may break off uploads: for each request, before its body is read,
    /// `upload_cut` says after how many bytes. The handler is then called with what had come (and
    /// `cut` set), and the connection is reset instead of answered.
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

impl Shared {
    /// Waits that long, or until the server stops.
    fn pause(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let until = Instant::now() + duration;
        let mut stopping = lock(&self.stopping);
        while !*stopping {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            stopping = self
                .stopped
                .wait_timeout(stopping, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

struct Connection<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    /// Read from the socket and not yet used.
    unread: Vec<u8>,
}

impl<'a> Connection<'a> {
    fn new(stream: &'a TcpStream, shared: &'a Shared) -> Connection<'a> {
        Connection {
            stream,
            shared,
            unread: Vec::new(),
        }
    }

    /// Answers requests until either side closes the connection.
    fn serve(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        while let Some((mut request, keep_alive)) = self.read_head()? {
            self.read_body(&mut request)?;
            let in_flight = self.shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.shared
                .peak_in_flight
                .fetch_max(in_flight, Ordering::SeqCst);
            let reply = (self.shared.handler)(&request);
            self.shared.pause(reply.delay);
            // Before the reply is out: its reader's next request must not count beside this one.
            self.shared.in_flight.fetch_sub(1, Ordering::SeqCst);
            if request.cut || !self.write(&request, &reply, keep_alive)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next request without its body, and whether the client keeps the connection; `None`
    /// when it has closed it.
    fn read_head(&mut self) -> io::Result<Option<(Request, bool)>> {
        loop {
            if let Some((request, keep_alive, length)) = self.parse_head()? {
                self.unread.drain(..length);
                return Ok(Some((request, keep_alive)));
            }
            if self.unread.len() > MAX_HEAD_BYTES {
                return Err(invalid("the request's head is too long"));
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse_head(&self) -> io::Result<Option<(Request, bool, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let length = match head.parse(&self.unread) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(invalid(&error.to_string())),
        };
        let target = head.path.unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: head.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: decode_query(query),
            headers: head
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    (header.name.to_owned(), value)
                })
                .collect(),
            body: Vec::new(),
            ordinal: self.shared.requests.fetch_add(1, Ordering::SeqCst) + 1,
            cut: false,
        };
        let close = request
            .header("Connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(Some((request, head.version == Some(1) && !close, length)))
    }

    fn read_body(&mut self, request: &mut Request) -> io::Result<()> {
        let cut = (self.shared.upload_cut)(request);
        let mut limit = cut.unwrap_or(usize::MAX);
        let chunked = request
            .header("Transfer-Encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        if !chunked {
            let length = request
                .header("Content-Length")
                .map_or(Ok(0), str::parse::<usize>)
                .map_err(|_| invalid("Content-Length is not a number"))?;
            request.cut = cut.is_some() && limit < length;
            return self.read_exactly(length.min(limit), &mut request.body);
        }
        loop {
            let size = self.read_line()?;
            let size = size.split(';').next().unwrap_or_default().trim();
            let size =
                usize::from_str_radix(size, 16).map_err(|_| invalid("a chunk has no size"))?;
            if size > limit {
                request.cut = true;
                return self.read_exactly(limit, &mut request.body);
            }
            self.read_exactly(size, &mut request.body)?;
            limit -= size;
            // The end of the chunk or, after the last one, of the (empty) trailer.
            self.read_line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Appends that many bytes to `body`.
    fn read_exactly(&mut self, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
        let at_hand = length.min(self.unread.len());
        body.extend(self.unread.drain(..at_hand));
        let missing = length - at_hand;
        let stream = self.stream;
        let read = stream.take(missing as u64).read_to_end(body)?;
        if read < missing {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.unread) {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads what the socket has; 0 when the client has closed it.
    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let mut stream = self.stream;
        let read = stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// Sends the reply, or fails at it as asked; says whether the connection lives on.
    fn write(&self, request: &Request, reply: &Reply, keep_alive: bool) -> io::Result<bool> {
        let half = &reply.body[..reply.body.len() / 2];
        let (promised, sent) = match reply.fault {
            Some(WireFault::ResetBeforeReply) => return Ok(false),
            Some(WireFault::Stall(duration)) => {
                self.shared.pause(duration);
                return Ok(false);
            }
            Some(WireFault::ResetMidBody | WireFault::StallMidBody(_)) => (reply.body.len(), half),
            Some(WireFault::CutBody) => (half.len(), half),
            None => (reply.body.len(), &reply.body[..]),
        };
        let mut message = reply.head(promised, !keep_alive);
        if request.method != "HEAD" {
            message.extend_from_slice(sent);
        }
        let mut stream = self.stream;
        stream.write_all(&message)?;
        if let Some(WireFault::StallMidBody(duration)) = reply.fault {
            self.shared.pause(duration);
        }
        Ok(keep_alive && matches!(reply.fault, None | Some(WireFault::CutBody)))
    }
}

fn decode_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
