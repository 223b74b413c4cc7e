//! What tickets and their parts look like.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::data::Data;
use super::table::Stream;
use super::template::{Template, put, put_array, put_number};

static TICKET: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "ticket",
    "id": "{{id}}",
    "ticket_id": "{{number}}",
    "ticket_attributes": {"_default_title_": "Größe 1e2", "_default_description_": null, "effort": 1.10},
    "ticket_state": {"type": "ticket_state", "id": "8001", "category": "submitted", "internal_label": "Submitted", "external_label": "Submitted"},
    "ticket_type": {"type": "ticket_type", "id": "61", "name": "Bug", "category": "Back-office"},
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "{{contact_id}}", "external_id": null}]},
    "admin_assignee_id": 0,
    "team_assignee_id": 0,
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "open": true,
    "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": false},
    "category": "Back-office",
    "is_shared": false,
    "ticket_parts": {
        "type": "ticket_part.list",
        "ticket_parts": {{parts}},
        "total_count": {{total_count}}
    }
}"#,
    )
});

static PART: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "ticket_part",
    "id": "{{id}}",
    "part_type": "comment",
    "body": "<p>Part {{number}}</p>",
    "created_at": {{created_at}},
    "updated_at": {{created_at}},
    "author": {"type": "admin", "id": "814001", "name": "Zoë", "email": "admin-1@example.com"},
    "attachments": [],
    "redacted": false
}"#,
    )
});

impl Data {
    /// A ticket under its own URL: with its newest parts. Searches show none of them.
    pub(super) fn put_ticket(&self, out: &mut Vec<u8>, row: u32, with_parts: bool) {
        let table = self.table(Stream::Tickets);
        let ticket = table.row(row);
        TICKET.render(out, |slot, out| match slot {
            "id" => put(out, &table.id(row)),
            "number" => put_number(out, row),
            "contact_id" => put(out, &self.table(Stream::Contacts).id(row)),
            "created_at" => put_number(out, ticket.created_at),
            "updated_at" => put_number(out, ticket.updated_at),
            "parts" if !with_parts => put(out, "[]"),
            "parts" => put_array(out, self.newest_parts(Stream::Tickets, row), |out, part| {
                PART.render(out, |slot, out| match slot {
                    "id" => put(out, &part_id(row, part)),
                    "number" => put_number(out, part),
                    "created_at" => put_number(out, ticket.created_at + i64::from(part)),
                    other => unreachable!("a slot {other}"),
                });
            }),
            "total_count" => put_number(out, ticket.parts),
            other => unreachable!("a slot {other}"),
        });
    }

    pub(super) fn ticket_part_ids(&self) -> BTreeSet<String> {
        self.table(Stream::Tickets)
            .alive()
            .flat_map(|row| {
                self.newest_parts(Stream::Tickets, row)
                    .map(move |part| part_id(row, part))
            })
            .collect()
    }
}

fn part_id(ticket: u32, part: u16) -> String {
    (80_000_000_000 + u64::from(ticket) * 100_000 + u64::from(part)).to_string()
}
