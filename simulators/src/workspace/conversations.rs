//! What conversations and their parts look like.

use std::sync::LazyLock;

use super::data::{Data, part_id};
use super::noise::{noise, one_in};
use super::table::Stream;
use super::template::{Template, put, put_array, put_number};

const SENTENCES: [&str; 6] = [
    "The export stopped half-way yesterday and we see no message about it.",
    "Could you look at invoice 1.10 again? It says 1e2 where we expected 100.",
    "Vielen Dank für die schnelle Hilfe, es läuft wieder! 🎉",
    "Our quota is \\\"unlimited\\\", so why is the page slow?\\nIt was fast on Monday.",
    "設定画面が開きません。再起動しても同じです。",
    "Please close this one &amp; open a ticket, that is easier to follow.",
];

static CONVERSATION: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "conversation",
    "id": "{{id}}",
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "waiting_since": null,
    "snoozed_until": null,
    "source": {
        "type": "conversation",
        "id": "4039{{number}}",
        "delivered_as": "customer_initiated",
        "subject": "",
        "body": "<p>{{body}}</p>",
        "author": {
            "type": "user",
            "id": "{{contact_id}}",
            "name": "Ada Lovelace",
            "email": "user-{{number}}@example.com"
        },
        "attachments": [],
        "url": null,
        "redacted": false
    },
    "contacts": {
        "type": "contact.list",
        "contacts": [
            {"type": "contact", "id": "{{contact_id}}", "external_id": "user-{{number}}"}
        ]
    },
    "first_contact_reply": {"created_at": {{created_at}}, "type": "conversation", "url": null},
    "admin_assignee_id": 814001,
    "team_assignee_id": null,
    "open": {{open}},
    "state": "{{state}}",
    "read": true,
    "tags": {
        "type": "tag.list",
        "tags": [
            {
                "type": "tag",
                "id": "7001",
                "name": "Tag 1",
                "applied_at": {{created_at}},
                "applied_by": {"type": "admin", "id": "814001"}
            }
        ]
    },
    "priority": "not_priority",
    "sla_applied": null,
    "statistics": {{statistics}},
    "conversation_rating": null,
    "teammates": {"type": "admin.list", "teammates": [{"type": "admin", "id": "814001"}]},
    "title": null,
    "custom_attributes": {"Größe": "XL", "ratio": 0.50, "reference": 98765432109876543210},
    "topics": {"type": "topic.list", "topics": [], "total_count": 0},
    "ticket": null,
    "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": false},
    "ai_agent": null,
    "ai_agent_participated": false"#,
    )
});

static STATISTICS: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "conversation_statistics",
    "time_to_assignment": 0,
    "time_to_admin_reply": {{seconds}},
    "time_to_first_close": null,
    "time_to_last_close": null,
    "median_time_to_reply": {{seconds}},
    "first_contact_reply_at": {{created_at}},
    "first_assignment_at": null,
    "first_admin_reply_at": {{created_at}},
    "first_close_at": null,
    "last_assignment_at": null,
    "last_assignment_admin_reply_at": null,
    "last_contact_reply_at": {{created_at}},
    "last_admin_reply_at": {{created_at}},
    "last_close_at": null,
    "last_closed_by_id": null,
    "count_reopens": 0,
    "count_assignments": 0,
    "count_conversation_parts": {{parts}}
}"#,
    )
});

static PART: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "conversation_part",
    "id": "{{id}}",
    "part_type": "{{part_type}}",
    "body": {{body}},
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "notified_at": {{created_at}},
    "assigned_to": null,
    "author": {
        "type": "{{author_type}}",
        "id": "{{author_id}}",
        "name": "Zoë",
        "email": "{{author_type}}@example.com"
    },
    "attachments": [],
    "external_id": null,
    "redacted": false,
    "email_message_metadata": null,
    "state": "open",
    "tags": [],
    "event_details": null,
    "app_package_code": null
}"#,
    )
});

impl Data {
    /// A conversation as searches give it.
    pub(super) fn put_conversation(&self, out: &mut Vec<u8>, row: u32) {
        self.put_open_conversation(out, row);
        put(out, "}");
    }

    /// A conversation under its own URL: with its newest parts.
    pub(super) fn put_conversation_with_parts(&self, out: &mut Vec<u8>, row: u32) {
        self.put_open_conversation(out, row);
        put(
            out,
            r#","conversation_parts":{"type":"conversation_part.list","conversation_parts":"#,
        );
        put_array(
            out,
            self.newest_parts(Stream::Conversations, row),
            |out, part| {
                self.put_part(out, row, part);
            },
        );
        put(out, r#","total_count":"#);
        put_number(out, self.table(Stream::Conversations).row(row).parts);
        put(out, "}}");
    }

    /// All but the closing brace.
    fn put_open_conversation(&self, out: &mut Vec<u8>, row: u32) {
        let table = self.table(Stream::Conversations);
        let noise = |salt: u32| noise(self.seed, row, salt);
        let times = table.row(row);
        let contacts = self.table(Stream::Contacts);
        CONVERSATION.render(out, |slot, out| match slot {
            "id" => put(out, &table.id(row)),
            "number" => put_number(out, row),
            "created_at" => put_number(out, times.created_at),
            "updated_at" => put_number(out, times.updated_at),
            "contact_id" => put(out, &contacts.id(row)),
            "body" => {
                put(out, SENTENCES[(noise(41) % 6) as usize]);
                put(out, " ");
                put(out, SENTENCES[(noise(42) % 6) as usize]);
            }
            "open" => put(
                out,
                if one_in(noise(43), 2) {
                    "true"
                } else {
                    "false"
                },
            ),
            "state" => put(
                out,
                if one_in(noise(43), 2) {
                    "open"
                } else {
                    "closed"
                },
            ),
            // Not every conversation has statistics.
            "statistics" if one_in(noise(44), 10) => put(out, "null"),
            "statistics" => STATISTICS.render(out, |slot, out| match slot {
                "seconds" => put_number(out, noise(45) % 10_000),
                "created_at" => put_number(out, times.created_at),
                "parts" => put_number(out, times.parts),
                other => unreachable!("a slot {other}"),
            }),
            other => unreachable!("a slot {other}"),
        });
    }

    fn put_part(&self, out: &mut Vec<u8>, row: u32, part: u16) {
        let noise = |salt: u32| noise(self.seed, row, 1000 * u32::from(part) + salt);
        let conversation = self.table(Stream::Conversations).row(row);
        // Reckoned from the conversation's creation: an update of the conversation leaves its parts
        // far behind it.
        let created_at = conversation.created_at + 30 * i64::from(part);
        let by_admin = one_in(noise(50), 2);
        let is_comment = !one_in(noise(51), 4);
        PART.render(out, |slot, out| match slot {
            "id" => put(out, &part_id(row, part)),
            "part_type" => put(out, if is_comment { "comment" } else { "assignment" }),
            "body" if is_comment => {
                put(out, "\"<p>");
                put(out, SENTENCES[(noise(52) % 6) as usize]);
                put(out, "</p>\"");
            }
            "body" => put(out, "null"),
            "created_at" => put_number(out, created_at),
            "updated_at" => put_number(out, created_at + (noise(53) % 60) as i64),
            "author_type" => put(out, if by_admin { "admin" } else { "user" }),
            "author_id" if by_admin => put(out, "814001"),
            "author_id" => put(out, &self.table(Stream::Contacts).id(row)),
            other => unreachable!("a slot {other}"),
        });
    }
}
