//! What goes wrong, when, and how.

use std::sync::Arc;

use serde_json::json;

use super::storage::{CHUNK_UNIT, Storage, refuse, session_of};
use super::{Fault, Kind, Moment};
use crate::http::{Reply, Request};

/// A fault for the nth request (from 1) of a kind that touches an object whose name holds a text.
#[derive(Clone, Debug)]
pub(super) struct PlannedFault {
    pub(super) kind: Kind,
    pub(super) object_contains: String,
    pub(super) countdown: u32,
    pub(super) repeats: u32,
    pub(super) fault: Fault,
}

impl PlannedFault {
    fn concerns(&self, kind: Kind, object: &str) -> bool {
        self.kind == kind && object.contains(&self.object_contains)
    }
}

/// Something that happens at the nth request from the start.
pub(super) struct Hook {
    pub(super) nth: usize,
    pub(super) moment: Moment,
    pub(super) action: Box<dyn FnOnce() + Send>,
}

impl Storage {
    /// Does what is planned for the request that is being answered.
    pub(super) fn run_hook(&mut self, moment: Moment) {
        let ordinal = self.log.len() + 1;
        let due = |hook: &mut Hook| hook.nth == ordinal && hook.moment == moment;
        if let Some(hook) = self.hook.take_if(due) {
            (hook.action)();
        }
    }

    /// Whether the upload that begins is to be cut, and after how many bytes. The fault itself is
    /// still due then.
    pub(super) fn upload_cut(&self, request: &Request) -> Option<usize> {
        let (kind, object) = self.classify(request);
        self.faults.iter().find_map(|planned| match planned.fault {
            Fault::CutUpload(bytes) if planned.countdown == 1 => {
                planned.concerns(kind, &object).then_some(bytes)
            }
            _ => None,
        })
    }

    pub(super) fn due_fault(&mut self, kind: Kind, object: &str) -> Option<Fault> {
        let concerns = |planned: &&mut PlannedFault| planned.concerns(kind, object);
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

    pub(super) fn fail(
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
            Fault::Refuse(reason) => refuse_for(reason),
            Fault::AskLater(pause) => {
                refuse(503, "planned by the test").header("Retry-After", pause)
            }
            Fault::Html => Reply::new(200, "text/html", b"<html>Sign in</html>".to_vec()),
            Fault::Nothing => Reply::empty(200),
            Fault::DamageReply => {
                let mut reply = self.serve(bucket, request, kind, checksum);
                if let Some(byte) = reply.body.last_mut() {
                    *byte ^= 1;
                }
                reply
            }
            Fault::WithoutEvidence => {
                let reply = self.serve(bucket, request, kind, checksum);
                match reply.status {
                    200 => Reply::json(200, "{}".to_owned()),
                    _ => reply,
                }
            }
            Fault::LoseReply => self.serve(bucket, request, kind, checksum),
            Fault::KeepOnly(kept) => {
                let mut shortened = request.clone();
                shortened
                    .body
                    .truncate(usize::try_from(kept).unwrap_or(usize::MAX));
                let checksum = crc32c::crc32c(&shortened.body);
                // Fewer bytes than announced never end an object.
                self.take_bytes(&shortened, None, checksum)
            }
            Fault::CutUpload(_) => {
                let mut arrived = request.clone();
                let units = arrived.body.len() as u64 / CHUNK_UNIT * CHUNK_UNIT;
                arrived
                    .body
                    .truncate(usize::try_from(units).expect("a part of a length"));
                let checksum = crc32c::crc32c(&arrived.body);
                self.take_bytes(&arrived, None, checksum)
            }
            Fault::ForgetSession(status) => {
                if let Some(id) = session_of(request) {
                    self.sessions.remove(&id);
                }
                refuse(status, "the session is gone")
            }
            Fault::ExpireToken(token) => {
                self.token = Some(token.to_owned());
                self.serve(bucket, request, kind, checksum)
            }
            Fault::TakenMeanwhile => {
                let (_, name) = self.classify(request);
                self.store(&name, Arc::new(b"another's".to_vec()), json!({}));
                self.serve(bucket, request, kind, checksum)
            }
            Fault::FlipByte | Fault::FlipByteUnchecked => {
                let mut flipped = request.clone();
                if matches!(fault, Fault::FlipByteUnchecked) {
                    flipped.headers.retain(|(name, _)| name != "x-goog-hash");
                }
                let middle = flipped.body.len() / 2;
                flipped.body[middle] ^= 1;
                let checksum = crc32c::crc32c(&flipped.body);
                self.serve(bucket, &flipped, kind, checksum)
            }
        }
    }
}

fn refuse_for(reason: &str) -> Reply {
    let error = json!({
        "code": 403, "message": "planned by the test", "errors": [{ "reason": reason }],
    });
    Reply::json(403, json!({ "error": error }).to_string())
}
