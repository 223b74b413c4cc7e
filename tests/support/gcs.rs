//! A Google Cloud Storage service on loopback: the part of the JSON API that a loader needs, kept
//! in memory, with a log of all requests and with faults on demand. What it accepts and refuses
//! follows Google's documentation of resumable uploads and request preconditions.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::http::{Reply, Request, Server, WireFault};

/// Chunks other than the last one must be multiples of this.
const CHUNK_UNIT: u64 = 256 * 1024;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Begins an upload session.
    Start,
    /// Sends bytes that do not end an object.
    Chunk,
    /// Sends the bytes that end an object.
    LastChunk,
    /// Asks a session how much it has.
    Query,
    /// Breaks a session off.
    Cancel,
    /// Reads an object or its metadata.
    Read,
    /// Lists objects.
    List,
    /// Deletes an object.
    Delete,
    /// Anything else.
    Other,
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Answer with this status and do nothing.
    Status(u16),
    /// Close the connection in the middle of the upload; what came is thrown away.
    CutBefore,
    /// Do all that was asked, then close the connection without an answer.
    LoseReply,
    /// Do nothing, and answer nothing for that long.
    Stall(Duration),
    /// Keep only this many of the bytes sent, and say so.
    KeepOnly(u64),
    /// Forget the session and answer with this status: 404 or 410.
    ForgetSession(u16),
    /// Change one byte of what was sent, as a bad network card would.
    FlipByte,
}

/// A fault for the nth request (from 1) of a kind that touches an object whose name holds a text.
#[derive(Clone, Debug)]
struct PlannedFault {
    kind: Kind,
    object_contains: String,
    countdown: u32,
    repeats: u32,
    fault: Fault,
}

/// One request as it was answered.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Which request of this server it was, counted from 1.
    pub ordinal: u64,
    /// What it was for.
    pub kind: Kind,
    /// The HTTP method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The object it was about, if any.
    pub object: String,
    /// The header `Content-Range`.
    pub content_range: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The status it was answered with, 0 when there was no answer.
    pub status: u16,
}

struct Object {
    content: Arc<Vec<u8>>,
    generation: i64,
    metadata: Value,
}

struct Session {
    object: String,
    content: Vec<u8>,
    /// Bytes received, and their checksum: more than `content` where that is thrown away.
    held: u64,
    checksum: u32,
    metadata: Value,
    precondition: Option<i64>,
    /// What it answers once it has ended.
    ended: Option<(u16, Value)>,
}

#[derive(Default)]
struct Storage {
    objects: BTreeMap<String, Object>,
    sessions: HashMap<u64, Session>,
    last_session: u64,
    last_generation: i64,
    faults: Vec<PlannedFault>,
    log: Vec<Logged>,
    page_size: Option<usize>,
    token: Option<String>,
    /// Whether data objects are counted and thrown away, for benchmarks.
    discards_content: bool,
    bytes_received: u64,
}

/// A running service with one bucket.
pub struct Gcs {
    server: Server,
    storage: Arc<Mutex<Storage>>,
    bucket: String,
}

impl Gcs {
    /// Starts a service on a free port, with an empty bucket.
    pub fn start(bucket: &str) -> Gcs {
        Gcs::start_on(0, bucket)
    }

    /// Starts a service on a chosen port; 0 picks a free one.
    pub fn start_on(port: u16, bucket: &str) -> Gcs {
        let storage: Arc<Mutex<Storage>> = Arc::default();
        let handler = {
            let storage = Arc::clone(&storage);
            let bucket = bucket.to_owned();
            move |request: &Request| answer(&storage, &bucket, request)
        };
        Gcs {
            server: Server::start_on(port, handler),
            storage,
            bucket: bucket.to_owned(),
        }
    }

    /// What to give as `endpoint` or `STORAGE_EMULATOR_HOST`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The only bucket there is.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// All objects by name.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let storage = lock(&self.storage);
        storage
            .objects
            .iter()
            .map(|(name, object)| (name.clone(), object.content.to_vec()))
            .collect()
    }

    /// An object's metadata as it was sent when its upload began.
    pub fn metadata(&self, name: &str) -> Value {
        lock(&self.storage).objects[name].metadata.clone()
    }

    /// Puts an object there, as another program would.
    pub fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        let mut storage = lock(&self.storage);
        storage.store(name, Arc::new(content.into()), json!({}));
    }

    /// How many upload sessions have neither ended nor been cancelled.
    pub fn open_sessions(&self) -> usize {
        let storage = lock(&self.storage);
        let open = |session: &&Session| session.ended.is_none();
        storage.sessions.values().filter(open).count()
    }

    /// All requests so far, in the order in which they were answered.
    pub fn log(&self) -> Vec<Logged> {
        lock(&self.storage).log.clone()
    }

    /// Makes the nth request (from 1) of a kind go wrong.
    pub fn fail_nth(&self, nth: u32, kind: Kind, fault: Fault) {
        self.fail_object(nth, kind, "", 1, fault);
    }

    /// Makes `repeats` requests of a kind go wrong from the nth on, counting only those about
    /// objects whose name holds a text.
    pub fn fail_object(&self, nth: u32, kind: Kind, name_part: &str, repeats: u32, fault: Fault) {
        lock(&self.storage).faults.push(PlannedFault {
            kind,
            object_contains: name_part.to_owned(),
            countdown: nth,
            repeats,
            fault,
        });
    }

    /// How many faults have not happened yet: a test of a fault must end with none.
    pub fn faults_left(&self) -> usize {
        lock(&self.storage).faults.len()
    }

    /// Lists at most this many objects a page.
    pub fn set_page_size(&self, page_size: usize) {
        lock(&self.storage).page_size = Some(page_size);
    }

    /// Refuses requests without this access token from here on.
    pub fn require_token(&self, token: &str) {
        lock(&self.storage).token = Some(token.to_owned());
    }

    /// Counts data instead of keeping it: for benchmarks larger than memory.
    pub fn discard_content(&self) {
        lock(&self.storage).discards_content = true;
    }

    /// How many bytes uploads have brought, those of unfinished ones included.
    pub fn bytes_received(&self) -> u64 {
        lock(&self.storage).bytes_received
    }
}

fn lock(storage: &Mutex<Storage>) -> MutexGuard<'_, Storage> {
    storage.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(storage: &Mutex<Storage>, bucket: &str, request: &Request) -> Reply {
    // Checksums are long work; the lock is not held meanwhile.
    let checksum = crc32c::crc32c(&request.body);
    let mut storage = lock(storage);
    let (kind, object) = storage.classify(request);
    let (fault, mut reply) = match storage.due_fault(kind, &object) {
        Some(fault) => {
            let reply = storage.fail(fault, bucket, request, kind, checksum);
            (Some(fault), reply)
        }
        None => (None, storage.serve(bucket, request, kind, checksum)),
    };
    let status = match fault {
        Some(Fault::LoseReply | Fault::CutBefore) => {
            reply.fault = Some(WireFault::ResetBeforeReply);
            0
        }
        Some(Fault::Stall(duration)) => {
            reply.fault = Some(WireFault::Stall(duration));
            0
        }
        _ => reply.status,
    };
    storage.log.push(Logged {
        ordinal: request.ordinal,
        kind,
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        object,
        content_range: request.header("Content-Range").map(str::to_owned),
        authorization: request.header("Authorization").map(str::to_owned),
        status,
    });
    reply
}

impl Storage {
    /// What a request is for, and which object it is about.
    fn classify(&self, request: &Request) -> (Kind, String) {
        if request.path.starts_with("/upload/") {
            let Some(id) = request.parameter("upload_id") else {
                let object = request.parameter("name").unwrap_or_default();
                return (Kind::Start, object.to_owned());
            };
            let session = id.parse().ok().and_then(|id: u64| self.sessions.get(&id));
            let object = session.map(|session| session.object.clone());
            let kind = match (request.method.as_str(), request.header("Content-Range")) {
                ("DELETE", _) => Kind::Cancel,
                (_, Some(range)) if range.starts_with("bytes */") => Kind::Query,
                (_, Some(range)) if range.ends_with("/*") => Kind::Chunk,
                _ => Kind::LastChunk,
            };
            return (kind, object.unwrap_or_default());
        }
        let object = request
            .path
            .split_once("/o/")
            .map(|(_, object)| percent_decode_str(object).decode_utf8_lossy().into_owned());
        let kind = match (request.method.as_str(), &object) {
            ("GET", Some(_)) => Kind::Read,
            ("GET", None) if request.path.ends_with("/o") => Kind::List,
            ("DELETE", Some(_)) => Kind::Delete,
            _ => Kind::Other,
        };
        (kind, object.unwrap_or_default())
    }

    fn due_fault(&mut self, kind: Kind, object: &str) -> Option<Fault> {
        let concerns = |planned: &&mut PlannedFault| {
            planned.kind == kind && object.contains(&planned.object_contains)
        };
        let mut due = None;
        for planned in self.faults.iter_mut().filter(concerns) {
            planned.countdown = planned.countdown.saturating_sub(1);
            if planned.countdown == 0 && due.is_none() {
                due = Some(planned.fault);
                planned.repeats -= 1;
                planned.countdown = 1;
            }
        }
        self.faults.retain(|planned| planned.repeats > 0);
        due
    }

    fn fail(
        &mut self,
        fault: Fault,
        bucket: &str,
        request: &Request,
        kind: Kind,
        checksum: u32,
    ) -> Reply {
        match fault {
            Fault::Status(status) => refuse(status, "planned by the test"),
            Fault::CutBefore | Fault::Stall(_) => Reply::empty(500),
            Fault::LoseReply => self.serve(bucket, request, kind, checksum),
            Fault::KeepOnly(kept) => {
                let mut shortened = request.clone();
                shortened.body.truncate(usize::try_from(kept).unwrap());
                let checksum = crc32c::crc32c(&shortened.body);
                // Fewer bytes than announced never end an object.
                self.take_bytes(&shortened, None, checksum)
            }
            Fault::ForgetSession(status) => {
                if let Some(id) = session_of(request) {
                    self.sessions.remove(&id);
                }
                refuse(status, "the session is gone")
            }
            Fault::FlipByte => {
                let mut flipped = request.clone();
                let middle = flipped.body.len() / 2;
                flipped.body[middle] ^= 1;
                let checksum = crc32c::crc32c(&flipped.body);
                self.serve(bucket, &flipped, kind, checksum)
            }
        }
    }

    fn serve(&mut self, bucket: &str, request: &Request, kind: Kind, checksum: u32) -> Reply {
        if let Some(token) = &self.token
            && request.header("Authorization") != Some(&format!("Bearer {token}"))
        {
            return refuse(401, "Invalid Credentials");
        }
        let base = format!("/storage/v1/b/{bucket}/o");
        if !request.path.starts_with(&base) && !request.path.starts_with(&format!("/upload{base}"))
        {
            return refuse(404, "The specified bucket does not exist.");
        }
        match kind {
            Kind::Start => self.start(request),
            Kind::Chunk => self.take_bytes(request, None, checksum),
            Kind::LastChunk => {
                let total = request
                    .header("Content-Range")
                    .and_then(|range| range.rsplit('/').next()?.parse().ok())
                    .unwrap_or(request.body.len() as u64);
                self.take_bytes(request, Some(total), checksum)
            }
            Kind::Query => self.query(request),
            Kind::Cancel => {
                let session = session_of(request).and_then(|id| self.sessions.remove(&id));
                Reply::empty(if session.is_some() { 499 } else { 404 })
            }
            Kind::Read => self.read(request),
            Kind::List => self.list(request),
            Kind::Delete => {
                let (_, name) = self.classify(request);
                let removed = self.objects.remove(&name);
                Reply::empty(if removed.is_some() { 204 } else { 404 })
            }
            Kind::Other => refuse(400, "unknown request"),
        }
    }

    fn start(&mut self, request: &Request) -> Reply {
        let name = request.parameter("name").unwrap_or_default();
        if name.is_empty() || request.parameter("uploadType") != Some("resumable") {
            return refuse(400, "Required");
        }
        let precondition = request
            .parameter("ifGenerationMatch")
            .and_then(|generation| generation.parse().ok());
        if !self.precondition_holds(name, precondition) {
            return refuse(
                412,
                "At least one of the pre-conditions you specified did not hold.",
            );
        }
        self.last_session += 1;
        let mut metadata: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if let Some(key) = request.parameter("kmsKeyName") {
            metadata["kmsKeyName"] = json!(key);
        }
        let session = Session {
            object: name.to_owned(),
            content: Vec::new(),
            held: 0,
            checksum: 0,
            metadata,
            precondition,
            ended: None,
        };
        self.sessions.insert(self.last_session, session);
        // Google answers with its own host; clients behind another endpoint must not go there.
        let location = format!(
            "https://storage.googleapis.com{}?uploadType=resumable&upload_id={}",
            request.path, self.last_session
        );
        Reply::empty(200).header("Location", location)
    }

    /// `total` is the object's length when these bytes end it.
    fn take_bytes(&mut self, request: &Request, total: Option<u64>, checksum: u32) -> Reply {
        let discards = self.discards_content;
        let Some((id, session)) =
            session_of(request).and_then(|id| Some((id, self.sessions.get_mut(&id)?)))
        else {
            return refuse(404, "no such session");
        };
        if let Some((status, answer)) = &session.ended {
            return Reply::json(*status, answer.to_string());
        }
        let first = request
            .header("Content-Range")
            .and_then(|range| {
                range
                    .strip_prefix("bytes ")?
                    .split('-')
                    .next()?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if first != session.held {
            return refuse(503, "the bytes do not follow those that the session has");
        }
        let length = request.body.len() as u64;
        if total.is_none() && !length.is_multiple_of(CHUNK_UNIT) {
            return refuse(400, "chunks must be multiples of 256 KiB");
        }
        if !discards {
            session.content.extend_from_slice(&request.body);
        }
        session.checksum = crc32c::crc32c_combine(session.checksum, checksum, request.body.len());
        session.held += length;
        let held = session.held;
        self.bytes_received += length;
        match total {
            None => resume_incomplete(held),
            Some(total) if total != held => refuse(400, "the object's length is not what was said"),
            Some(_) => self.end(id, request),
        }
    }

    /// Makes the object, unless checksum or precondition say no.
    fn end(&mut self, id: u64, request: &Request) -> Reply {
        let session = &self.sessions[&id];
        let (size, checksum) = (session.held, session.checksum);
        let claimed = request
            .header("x-goog-hash")
            .and_then(|hash| {
                hash.split(',')
                    .find_map(|part| part.trim().strip_prefix("crc32c="))
            })
            .or_else(|| session.metadata["crc32c"].as_str());
        let reply = if claimed.is_some_and(|claimed| claimed != base64(checksum)) {
            refuse(400, "Provided CRC32C doesn't match calculated CRC32C.")
        } else if !self.precondition_holds(&session.object, session.precondition) {
            refuse(
                412,
                "At least one of the pre-conditions you specified did not hold.",
            )
        } else {
            let session = self.sessions.get_mut(&id).unwrap();
            let content = Arc::new(std::mem::take(&mut session.content));
            let (name, metadata) = (session.object.clone(), session.metadata.clone());
            let generation = self.store(&name, content, metadata);
            let document = json!({
                "kind": "storage#object", "name": name, "size": size.to_string(),
                "crc32c": base64(checksum), "generation": generation.to_string(),
            });
            Reply::json(200, document.to_string())
        };
        let answer = serde_json::from_slice(&reply.body).unwrap_or_default();
        self.sessions.get_mut(&id).unwrap().ended = Some((reply.status, answer));
        reply
    }

    fn query(&mut self, request: &Request) -> Reply {
        let Some((id, session)) =
            session_of(request).and_then(|id| Some((id, self.sessions.get(&id)?)))
        else {
            return refuse(404, "no such session");
        };
        if let Some((status, answer)) = &session.ended {
            return Reply::json(*status, answer.to_string());
        }
        let total = request
            .header("Content-Range")
            .and_then(|range| range.strip_prefix("bytes */")?.parse().ok());
        let held = session.held;
        if total == Some(held) {
            return self.end(id, request);
        }
        resume_incomplete(held)
    }

    fn read(&mut self, request: &Request) -> Reply {
        let (_, name) = self.classify(request);
        let Some(object) = self.objects.get(&name) else {
            return refuse(404, "No such object");
        };
        if request.parameter("alt") == Some("media") {
            return Reply::new(200, "application/octet-stream", object.content.to_vec())
                .header("x-goog-generation", object.generation.to_string());
        }
        let document = json!({
            "name": name, "size": object.content.len().to_string(),
            "crc32c": base64(crc32c::crc32c(&object.content)),
            "generation": object.generation.to_string(),
        });
        Reply::json(200, document.to_string())
    }

    fn list(&self, request: &Request) -> Reply {
        let prefix = request.parameter("prefix").unwrap_or_default();
        let after = request.parameter("pageToken").unwrap_or_default();
        let asked = request
            .parameter("maxResults")
            .and_then(|size| size.parse().ok());
        let page_size = self.page_size.or(asked).unwrap_or(1000);
        let mut matching = self
            .objects
            .iter()
            .filter(|(name, _)| name.starts_with(prefix) && name.as_str() > after);
        let items: Vec<Value> = matching
            .by_ref()
            .take(page_size)
            .map(|(name, object)| {
                json!({
                    "name": name, "size": object.content.len().to_string(),
                    "generation": object.generation.to_string(),
                })
            })
            .collect();
        let mut page = json!({ "kind": "storage#objects" });
        if matching.next().is_some() {
            page["nextPageToken"] = items[items.len() - 1]["name"].clone();
        }
        if !items.is_empty() {
            page["items"] = json!(items);
        }
        Reply::json(200, page.to_string())
    }

    fn precondition_holds(&self, name: &str, precondition: Option<i64>) -> bool {
        let current = self.objects.get(name).map_or(0, |object| object.generation);
        precondition.is_none_or(|wanted| wanted == current)
    }

    fn store(&mut self, name: &str, content: Arc<Vec<u8>>, metadata: Value) -> i64 {
        self.last_generation += 1;
        // Of the magnitude that Google's have: microseconds since 1970.
        let generation = 1_763_800_000_000_000 + self.last_generation;
        let object = Object {
            content,
            generation,
            metadata,
        };
        self.objects.insert(name.to_owned(), object);
        generation
    }
}

fn session_of(request: &Request) -> Option<u64> {
    request.parameter("upload_id")?.parse().ok()
}

fn resume_incomplete(held: u64) -> Reply {
    let reply = Reply::empty(308);
    if held == 0 {
        return reply;
    }
    reply.header("Range", format!("bytes=0-{}", held - 1))
}

fn refuse(status: u16, message: &str) -> Reply {
    let document = json!({ "error": { "code": status, "message": message } });
    Reply::json(status, document.to_string())
}

/// Base64 of a checksum's four bytes, most significant first.
fn base64(checksum: u32) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    let mut padded = checksum.to_be_bytes().to_vec();
    padded.extend([0, 0]);
    for group in padded.chunks(3) {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    text.replace_range(6.., "==");
    text
}
