//! What the service holds, and what each request does to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::faults::{Hook, PlannedFault};
use super::{Kind, Logged};
use crate::http::{Reply, Request};

/// Chunks other than the last one must be multiples of this.
pub(super) const CHUNK_UNIT: u64 = 256 * 1024;

pub(super) struct Object {
    pub(super) content: Arc<Vec<u8>>,
    pub(super) generation: i64,
    pub(super) metadata: Value,
}

pub(super) struct Session {
    pub(super) object: String,
    pub(super) content: Vec<u8>,
    /// Bytes received, and their checksum: more than `content` where that is thrown away.
    pub(super) held: u64,
    pub(super) checksum: u32,
    pub(super) metadata: Value,
    pub(super) precondition: Option<i64>,
    /// What it answers once it has ended.
    pub(super) ended: Option<(u16, Value)>,
}

#[derive(Default)]
pub(super) struct Storage {
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) sessions: HashMap<u64, Session>,
    pub(super) last_session: u64,
    pub(super) last_generation: i64,
    pub(super) faults: Vec<PlannedFault>,
    pub(super) hook: Option<Hook>,
    pub(super) log: Vec<Logged>,
    pub(super) page_size: Option<usize>,
    pub(super) token: Option<String>,
    /// The permissions that are granted; `None`: all that are asked for.
    pub(super) granted: Option<Vec<String>>,
    /// What the bucket's metadata says of its protection.
    pub(super) protection: Value,
    /// Whether data objects are counted and thrown away, for benchmarks.
    pub(super) discards_content: bool,
    pub(super) latency: Duration,
    pub(super) bytes_received: u64,
}

impl Storage {
    /// What a request is for, and which object it is about.
    pub(super) fn classify(&self, request: &Request) -> (Kind, String) {
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
            ("GET", None) => Kind::Check,
            _ => Kind::Other,
        };
        (kind, object.unwrap_or_default())
    }

    pub(super) fn serve(
        &mut self,
        bucket: &str,
        request: &Request,
        kind: Kind,
        checksum: u32,
    ) -> Reply {
        if let Some(token) = &self.token
            && request.header("Authorization") != Some(&format!("Bearer {token}"))
        {
            return refuse(401, "Invalid Credentials");
        }
        if kind == Kind::Check {
            return self.check(bucket, request);
        }
        let base = format!("/storage/v1/b/{bucket}/o");
        if !request.path.starts_with(&base) && !request.path.starts_with(&format!("/upload{base}"))
        {
            return refuse(404, "The specified bucket does not exist.");
        }
        match kind {
            Kind::Start => self.start(request),
            Kind::Chunk if !(request.body.len() as u64).is_multiple_of(CHUNK_UNIT) => {
                refuse(400, "chunks must be multiples of 256 KiB")
            }
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
            Kind::Check | Kind::Other => refuse(400, "unknown request"),
        }
    }

    fn check(&self, bucket: &str, request: &Request) -> Reply {
        let base = format!("/storage/v1/b/{bucket}");
        match request.path.strip_prefix(&base) {
            Some("") if self.protection.is_null() => Reply::json(200, "{}"),
            Some("") => Reply::json(200, self.protection.to_string()),
            Some("/iam/testPermissions") => {
                let asked = request
                    .query
                    .iter()
                    .filter(|(name, _)| name == "permissions");
                let granted = asked
                    .map(|(_, permission)| permission)
                    .filter(|permission| {
                        let granted = self.granted.as_ref();
                        granted.is_none_or(|granted| granted.contains(permission))
                    });
                let answer = json!({
                    "kind": "storage#testIamPermissionsResponse",
                    "permissions": granted.collect::<Vec<_>>(),
                });
                Reply::json(200, answer.to_string())
            }
            _ => refuse(404, "The specified bucket does not exist."),
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
    pub(super) fn take_bytes(
        &mut self,
        request: &Request,
        total: Option<u64>,
        checksum: u32,
    ) -> Reply {
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
            let session = self.sessions.get_mut(&id).expect("it was found above");
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
        self.sessions
            .get_mut(&id)
            .expect("it was found above")
            .ended = Some((reply.status, answer));
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
            if let Some(range) = request.header("Range").and_then(bounds_of) {
                let end = object.content.len().min(range.end);
                let Some(piece) = object.content.get(range.start..end) else {
                    return refuse(416, "The requested range cannot be satisfied.");
                };
                return Reply::new(206, "application/octet-stream", piece);
            }
            return Reply::new(200, "application/octet-stream", object.content.to_vec())
                .header("x-goog-generation", object.generation.to_string())
                .header(
                    "x-goog-hash",
                    format!("crc32c={}", base64(crc32c::crc32c(&object.content))),
                );
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
        let delimiter = request
            .parameter("delimiter")
            .filter(|text| !text.is_empty());
        let mut items = Vec::new();
        let mut prefixes: Vec<&str> = Vec::new();
        let mut last = None;
        let mut page = json!({ "kind": "storage#objects" });
        for (name, object) in &self.objects {
            let Some(rest) = name.strip_prefix(prefix).filter(|_| name.as_str() > after) else {
                continue;
            };
            // What is below a folder is one entry, told once.
            let folder = delimiter.and_then(|delimiter| {
                let end = rest.find(delimiter)? + delimiter.len();
                Some(&name[..prefix.len() + end])
            });
            if folder.is_some_and(|folder| after.starts_with(folder) || prefixes.contains(&folder))
            {
                last = Some(name);
                continue;
            }
            if items.len() + prefixes.len() == page_size {
                page["nextPageToken"] = json!(last);
                break;
            }
            last = Some(name);
            match folder {
                Some(folder) => prefixes.push(folder),
                None => items.push(json!({
                    "name": name, "size": object.content.len().to_string(),
                    "generation": object.generation.to_string(),
                    "crc32c": base64(crc32c::crc32c(&object.content)),
                })),
            }
        }
        if !items.is_empty() {
            page["items"] = json!(items);
        }
        if !prefixes.is_empty() {
            page["prefixes"] = json!(prefixes);
        }
        Reply::json(200, page.to_string())
    }

    fn precondition_holds(&self, name: &str, precondition: Option<i64>) -> bool {
        let current = self.objects.get(name).map_or(0, |object| object.generation);
        precondition.is_none_or(|wanted| wanted == current)
    }

    pub(super) fn store(&mut self, name: &str, content: Arc<Vec<u8>>, metadata: Value) -> i64 {
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

/// `bytes=FIRST-LAST`.
fn bounds_of(range: &str) -> Option<std::ops::Range<usize>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<usize>().ok()? + 1)
}

pub(super) fn session_of(request: &Request) -> Option<u64> {
    request.parameter("upload_id")?.parse().ok()
}

fn resume_incomplete(held: u64) -> Reply {
    let reply = Reply::empty(308);
    if held == 0 {
        return reply;
    }
    reply.header("Range", format!("bytes=0-{}", held - 1))
}

pub(super) fn refuse(status: u16, message: &str) -> Reply {
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
