//! The shapes that answers share.

use super::noise::noise;
use crate::http::{Reply, Request};

/// `{"type":"error.list",…}`.
pub fn error(request: &Request, status: u16, code: &str, message: &str) -> Reply {
    let id = noise(request.ordinal, 0, 98);
    let body = format!(
        r#"{{"type":"error.list","request_id":"{:08x}-{:04x}-4000-8000-{:012x}","errors":[{{"code":"{code}","message":{}}}]}}"#,
        id >> 32,
        id >> 16 & 0xffff,
        request.ordinal,
        serde_json::Value::from(message)
    );
    Reply::json(status, body)
}

/// An object of members that are JSON already.
pub fn object(members: &[(&str, &[u8])]) -> Vec<u8> {
    let size: usize = members
        .iter()
        .map(|(key, value)| key.len() + value.len() + 4)
        .sum();
    let mut out = Vec::with_capacity(size + 2);
    for (position, (key, value)) in members.iter().enumerate() {
        out.push(if position == 0 { b'{' } else { b',' });
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out
}
