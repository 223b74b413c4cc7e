//! Companies, macros and the activity log: what they look like, and the lists of the latter two.

use std::sync::LazyLock;

use chrono::DateTime;

use super::answer::{error, object};
use super::cursor::{Cursor, Position};
use super::data::Data;
use super::lists;
use super::settings::Settings;
use super::table::{Entry, Stream};
use super::template::{Template, put, put_array, put_number};
use crate::http::{Reply, Request};

static COMPANY: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "company",
    "company_id": "company-{{number}}",
    "id": "{{id}}",
    "app_id": "simulated",
    "name": "Überall {{number}} AG",
    "remote_created_at": {{created_at}},
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "monthly_spend": 12.50,
    "session_count": 0,
    "user_count": 4,
    "tags": {"type": "tag.list", "tags": []},
    "segments": {"type": "segment.list", "segments": []},
    "plan": {},
    "custom_attributes": {"rank": 1e2}
}"#,
    )
});

static MACRO: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "macro",
    "id": "{{id}}",
    "name": "Macro {{number}}",
    "body": "<p>Hi <attribute key=\"user.name\" default=\"there\"/></p>",
    "body_text": "Hi {{user_name}}",
    "created_at": "{{created_at}}",
    "updated_at": "{{updated_at}}",
    "visible_to": "everyone",
    "visible_to_team_ids": [],
    "available_on": ["inbox", "messenger"]
}"#,
    )
});

static ACTIVITY_LOG: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "id": "{{id}}",
    "performed_by": {"type": "admin", "id": "814001", "email": "admin-1@example.com", "ip": "127.0.0.1"},
    "metadata": {"before": "before", "after": {"value": 1.10}},
    "created_at": {{created_at}},
    "activity_type": "app_name_change",
    "activity_description": "Admin 1 changed your app name."
}"#,
    )
});

impl Data {
    pub(super) fn put_company(&self, out: &mut Vec<u8>, row: u32) {
        let table = self.table(Stream::Companies);
        COMPANY.render(out, |slot, out| match slot {
            "id" => put(out, &table.id(row)),
            "number" => put_number(out, row),
            "created_at" => put_number(out, table.row(row).created_at),
            "updated_at" => put_number(out, table.row(row).updated_at),
            other => unreachable!("a slot {other}"),
        });
    }

    fn put_macro(&self, out: &mut Vec<u8>, row: u32) {
        let table = self.table(Stream::Macros);
        let put_time = |out: &mut Vec<u8>, seconds: i64| {
            let time = DateTime::from_timestamp(seconds, 0).expect("a time of this century");
            put_number(out, time.format("%Y-%m-%dT%H:%M:%S.750Z"));
        };
        MACRO.render(out, |slot, out| match slot {
            "id" => put(out, &table.id(row)),
            "number" => put_number(out, row),
            "user_name" => put(out, "{{user.name|fallback:\\\"there\\\"}}"),
            "created_at" => put_time(out, table.row(row).created_at),
            "updated_at" => put_time(out, table.row(row).updated_at),
            other => unreachable!("a slot {other}"),
        });
    }

    fn put_activity_log(&self, out: &mut Vec<u8>, row: u32) {
        let table = self.table(Stream::ActivityLogs);
        ACTIVITY_LOG.render(out, |slot, out| match slot {
            "id" => put(out, &table.id(row)),
            "created_at" => put_number(out, table.row(row).updated_at),
            other => unreachable!("a slot {other}"),
        });
    }
}

/// `GET /macros`: newest first, what was updated after `updated_since`.
pub fn macros(data: &Data, request: &Request) -> Reply {
    let number = |name: &str| request.parameter(name).map(str::parse::<i64>);
    let (Ok(since), Ok(per_page)) = (
        number("updated_since").unwrap_or(Ok(i64::MIN)),
        number("per_page").unwrap_or(Ok(50)),
    ) else {
        return error(request, 400, "parameter_invalid", "not a number");
    };
    if !(1..=150).contains(&per_page) {
        let message = "per_page must be between 1 and 150";
        return error(request, 400, "parameter_invalid", message);
    }
    let cursor = match request.parameter("starting_after").map(Cursor::decode) {
        None => None,
        Some(Some(cursor)) => Some(cursor),
        Some(None) => return error(request, 400, "parameter_invalid", "no such cursor"),
    };
    let is_after = |entry: &Entry| match cursor.map(|cursor| cursor.position) {
        Some(Position::After(sort_value, tie)) => (entry.sort_value, entry.tie) < (sort_value, tie),
        _ => true,
    };
    let index = data.table(Stream::Macros).index().iter().rev();
    let mut rest = index.filter(|entry| entry.sort_value > since && is_after(entry));
    let page: Vec<&Entry> = rest.by_ref().take(per_page as usize).collect();
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
        data.put_macro(out, entry.row);
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

/// `GET /admins/activity_logs`: newest first, what happened between the two instants.
pub fn activity_logs(data: &Data, settings: &Settings, request: &Request) -> Reply {
    let number = |name: &str| request.parameter(name)?.parse::<i64>().ok();
    let Some(after) = number("created_at_after") else {
        let message = "created_at_after is required";
        return error(request, 400, "parameter_not_found", message);
    };
    let before = number("created_at_before").unwrap_or(i64::MAX);
    if before.saturating_sub(after) > i64::from(settings.most_log_days) * 86_400 {
        return Reply::new(504, "text/html", "<html><body>504</body></html>");
    }
    let is_within = |at: i64| {
        let is_bound = at == after || at == before;
        (after..=before).contains(&at) && (settings.inclusive_bounds || !is_bound)
    };
    let index = data.table(Stream::ActivityLogs).index().iter().rev();
    let entries: Vec<&Entry> = index.filter(|entry| is_within(entry.sort_value)).collect();
    let paging = lists::Paging {
        records_at: "activity_logs",
        ..lists::plain(250)
    };
    paging.answer(request, entries.len(), entries.len(), |out, place| {
        data.put_activity_log(out, entries[place].row);
    })
}
