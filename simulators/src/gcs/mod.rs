//! A Google Cloud Storage service on loopback: the part of the JSON API that a loader needs, kept
//! in memory, with a log of all requests and with faults on demand. What it accepts and refuses
//! follows Google's documentation of resumable uploads and request preconditions.

mod faults;
mod storage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Reply, Request, Server, WireFault};
use faults::{Hook, PlannedFault};
use storage::Storage;

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
    /// Asks what is allowed in the bucket, or how it is protected.
    Check,
    /// Anything else.
    Other,
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Answer with this status and do nothing.
    Status(u16),
    /// Read the request, then close the connection; what came is thrown away.
    CutBefore,
    /// Close the connection after this many bytes of the body; whole units of them are kept.
    CutUpload(usize),
    /// Do all that was asked, then close the connection without an answer.
    LoseReply,
    /// Answer 403 with this reason and do nothing.
    Refuse(&'static str),
    /// Do nothing, and answer 503 with this `Retry-After`.
    AskLater(&'static str),
    /// Do nothing, and answer 200 with a page for people, as a captive portal does.
    Html,
    /// Do nothing, and answer 200 with nothing.
    Nothing,
    /// Do all that was asked, and damage the answer's last byte.
    DamageReply,
    /// Do all that was asked, and answer `{}`.
    WithoutEvidence,
    /// Do nothing, and answer nothing for that long.
    Stall(Duration),
    /// Keep only this many of the bytes sent, and say so.
    KeepOnly(u64),
    /// Forget the session and answer with this status: 404 or 410.
    ForgetSession(u16),
    /// Change one byte of what was sent, as a bad network card would.
    FlipByte,
    /// The same, from a service that does not look at the checksum.
    FlipByteUnchecked,
    /// From here on only this access token is good.
    ExpireToken(&'static str),
    /// Another writer makes an object of that name just before.
    TakenMeanwhile,
}

/// When something happens around a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of what it asks for has been done.
    Before,
    /// All of it has been done, and the client does not know yet.
    After,
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
    /// The checksum that the client has sent with it, in base64.
    pub claimed_crc32c: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `x-goog-user-project`.
    pub quota_project: Option<String>,
    /// The status it was answered with, 0 when there was no answer.
    pub status: u16,
    /// What the object holds that the request made, if it made one.
    pub stored: Option<Arc<Vec<u8>>>,
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
        let upload_cut = {
            let storage = Arc::clone(&storage);
            move |request: &Request| lock(&storage).upload_cut(request)
        };
        Gcs {
            server: Server::start_cutting_uploads(port, upload_cut, handler),
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
        storage
            .sessions
            .values()
            .filter(|session| session.ended.is_none())
            .count()
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

    /// Calls `action` at the nth request (from 1) of any kind, before or after it has done its work,
    /// and in any case before its answer leaves.
    pub fn at_request(&self, nth: usize, moment: Moment, action: impl FnOnce() + Send + 'static) {
        lock(&self.storage).hook = Some(Hook {
            nth,
            moment,
            action: Box::new(action),
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

    /// Says from here on that only these permissions are granted. It refuses nothing.
    pub fn grant(&self, permissions: &[&str]) {
        let granted = permissions.iter().map(|name| (*name).to_owned());
        lock(&self.storage).granted = Some(granted.collect());
    }

    /// Says from here on that the bucket is protected so, as its metadata has it.
    pub fn protect(&self, protection: Value) {
        lock(&self.storage).protection = protection;
    }

    /// Refuses requests without this access token from here on.
    pub fn require_token(&self, token: &str) {
        lock(&self.storage).token = Some(token.to_owned());
    }

    /// From the nth request of a kind on, only this access token is good.
    pub fn expire_token_at(&self, kind: Kind, nth: u32, token: &'static str) {
        self.fail_nth(nth, kind, Fault::ExpireToken(token));
    }

    /// Counts data instead of keeping it: for benchmarks larger than memory.
    pub fn discard_content(&self) {
        lock(&self.storage).discards_content = true;
    }

    /// Answers each request so much later, as a service far away does.
    pub fn set_latency(&self, latency: Duration) {
        lock(&self.storage).latency = latency;
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
    let generation = storage.last_generation;
    storage.run_hook(Moment::Before);
    let (fault, mut reply) = match storage.due_fault(kind, &object) {
        Some(fault) => {
            let reply = storage.fail(fault, bucket, request, kind, checksum);
            (Some(fault), reply)
        }
        None => (None, storage.serve(bucket, request, kind, checksum)),
    };
    storage.run_hook(Moment::After);
    let status = match fault {
        Some(Fault::LoseReply | Fault::CutBefore | Fault::CutUpload(_)) => {
            reply.fault = Some(WireFault::ResetBeforeReply);
            0
        }
        Some(Fault::Stall(duration)) => {
            reply.fault = Some(WireFault::Stall(duration));
            0
        }
        _ => {
            reply.delay = storage.latency;
            reply.status
        }
    };
    let stored = match storage.objects.get(&object) {
        Some(made) if storage.last_generation > generation => Some(Arc::clone(&made.content)),
        _ => None,
    };
    storage.log.push(Logged {
        ordinal: request.ordinal,
        kind,
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        object,
        content_range: request.header("Content-Range").map(str::to_owned),
        claimed_crc32c: request
            .header("x-goog-hash")
            .and_then(|hash| hash.strip_prefix("crc32c="))
            .map(str::to_owned),
        authorization: request.header("Authorization").map(str::to_owned),
        quota_project: request.header("x-goog-user-project").map(str::to_owned),
        status,
        stored,
    });
    reply
}
