//! What became of contacts, in the order of time: what the activities look like, and their list, which
//! only the version `Preview` has.

use super::answer::{error, object};
use super::cursor::{Cursor, Position};
use super::data::Data;
use super::table::{Entry, Stream};
use super::template::{put_array, put_number};
use crate::http::{Reply, Request};

const TYPES: [&str; 4] = [
    "contact.created",
    "contact.role_updated",
    "contact.merge_failed",
    "contact.deleted",
];

impl Data {
    /// Of contacts that the workspace no longer has.
    fn put_activity(&self, out: &mut Vec<u8>, row: u32) {
        let table = self.table(Stream::ContactActivities);
        let (id, at) = (table.id(row), table.row(row).updated_at);
        let event_type = TYPES[row as usize % TYPES.len()];
        put_number(
            out,
            format_args!(
                r#"{{"type":"contact_activity","id":"{id}","event_type":"{event_type}","contact_id":"5f7f0d217c3f2e00{row:08x}","external_id":"user-{row}","role":"lead","created_at": {at}}}"#
            ),
        );
    }
}

/// `GET /contacts/activities`: oldest first. A cursor names what the page follows on, and is good for ever.
pub fn list(data: &Data, request: &Request) -> Reply {
    let version = request.header("Intercom-Version").unwrap_or_default();
    if version != "Preview" {
        let message = "The requested version could not be found";
        return error(request, 400, "intercom_version_invalid", message);
    }
    let per_page = request.parameter("per_page").unwrap_or("50").parse();
    let Some(per_page) = per_page.ok().filter(|size| (1..=150).contains(size)) else {
        let message = "per_page must be between 1 and 150";
        return error(request, 400, "parameter_invalid", message);
    };
    let cursor = match request.parameter("starting_after").map(Cursor::decode) {
        None => None,
        Some(Some(cursor)) => Some(cursor),
        Some(None) => return error(request, 400, "parameter_invalid", "no such cursor"),
    };
    let is_after = |entry: &&Entry| match cursor.map(|cursor| cursor.position) {
        Some(Position::After(sort_value, tie)) => (entry.sort_value, entry.tie) > (sort_value, tie),
        _ => true,
    };
    let index = data.table(Stream::ContactActivities).index().iter();
    let mut rest = index.filter(is_after);
    let page: Vec<&Entry> = rest.by_ref().take(per_page).collect();
    let next = match (rest.next(), page.last()) {
        (Some(_), Some(last)) => {
            let cursor = Cursor {
                page: cursor.map_or(1, |cursor| cursor.page) + 1,
                position: Position::After(last.sort_value, last.tie),
            };
            format!(r#"{{"starting_after":"{}"}}"#, cursor.encode())
        }
        _ => "null".to_owned(),
    };
    let mut records = Vec::new();
    put_array(&mut records, page, |out, entry| {
        data.put_activity(out, entry.row);
    });
    let pages = format!(r#"{{"type":"pages","per_page":{per_page},"next":{next}}}"#);
    Reply::json(
        200,
        object(&[
            ("type", b"\"list\""),
            ("data", &records),
            ("pages", pages.as_bytes()),
        ]),
    )
}
