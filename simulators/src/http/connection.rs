//! HTTP/1.1 on one socket: heads and bodies read off it, replies written to it, whole or failing as
//! asked.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use percent_encoding::percent_decode_str;

use super::message::{Reply, Request, WireFault};
use super::shared::Shared;

const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// One connection, from which requests are read and on which they are answered, in turn.
pub struct Connection<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    /// Read from the socket and not yet used.
    unread: Vec<u8>,
}

impl<'a> Connection<'a> {
    pub fn new(stream: &'a TcpStream, shared: &'a Shared) -> Connection<'a> {
        Connection {
            stream,
            shared,
            unread: Vec::new(),
        }
    }

    /// Answers requests until either side closes the connection.
    pub fn serve(&mut self) -> io::Result<()> {
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
