//! What is kept beside the main records: what a contact did, side conversations, statistics of
//! articles, uses of data connectors, and the like. How many there are of each depends on the row only.

use std::fmt::Display;

use super::answer::{error, object};
use super::cursor::{Cursor, Position};
use super::data::Data;
use super::further;
use super::lists;
use super::settings::Settings;
use super::table::Stream;
use super::template::{put, put_array, put_number};
use crate::http::{Reply, Request};

pub const AT: usize = 1_700_000_000;
pub const EVENT_TYPES: [&str; 3] = ["admin_login_success", "app_name_change", "bulk_export"];

/// The answer of a path of theirs.
pub fn answer(data: &Data, settings: &Settings, request: &Request) -> Option<Reply> {
    if request.method != "GET" {
        return None;
    }
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let row = |stream, id| data.table(stream).find(id);
    let is_listed =
        |stream: &str, id: &str| further::ids(settings, stream).is_some_and(|ids| ids.contains(id));
    match path[..] {
        ["contacts", id, "merge_history"] => Some(merges(request, row(Stream::Contacts, id)?)),
        ["events"] => events(data, request),
        ["conversations", id, "side_conversations"] => {
            Some(side_conversations(request, row(Stream::Conversations, id)?))
        }
        ["conversations", id, "handling_events"] => {
            Some(handling_events(row(Stream::Conversations, id)?))
        }
        ["fin_voice", "conversation", id] => fin_voice_calls(id, row(Stream::Conversations, id)?),
        ["companies", id, "notes"] => Some(company_notes(request, id, row(Stream::Companies, id)?)),
        ["articles", id] => Some(article(data, row(Stream::Articles, id)?)),
        ["articles", id, "draft"] => draft(data, row(Stream::Articles, id)?),
        ["articles", id, "versions", version] => {
            row(Stream::Articles, id)?;
            Some(article_version(id, version))
        }
        ["office_hours_schedules", id, "office_hours_exceptions"] => {
            is_listed("office_hours_schedules", id).then(|| exceptions(id))
        }
        ["help_center", "help_centers", id, "redirects"] => {
            is_listed("help_centers", id).then(|| redirects(request, id))
        }
        ["news", "newsfeeds", id, "items"] => {
            is_listed("newsfeeds", id).then(|| newsfeed_items(request, id))
        }
        ["data_connectors"] => Some(with_cursors(request, 50, settings.listed, put_connector)),
        ["data_connectors", id, "execution_results"] => Some(executions(request, id)),
        ["ip_allowlist"] => Some(Reply::json(
            200,
            br#"{"type":"ip_allowlist","enabled":true,"ip_allowlist":["192.168.1.0/24","10.0.0.1"]}"#
                .to_vec(),
        )),
        ["admins", "activity_log_event_types"] => {
            let types = serde_json::json!({"type": "activity_log_event_type.list", "event_types": EVENT_TYPES});
            Some(Reply::json(200, types.to_string()))
        }
        _ => None,
    }
}

pub fn joined(parent: &str, number: usize) -> String {
    format!("{parent}00{number}")
}

fn whole(name: &str, records: &[u8]) -> Reply {
    Reply::json(200, object(&[("type", b"\"list\""), (name, records)]))
}

fn array<T>(elements: impl IntoIterator<Item = T>, element: impl Fn(T) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    put_array(&mut out, elements, |out, it| put(out, &element(it)));
    out
}

fn paged(
    request: &Request,
    records_at: &'static str,
    most: u64,
    count: usize,
    record: impl Fn(usize) -> String,
) -> Reply {
    let paging = lists::Paging {
        records_at,
        ..lists::plain(most)
    };
    paging.answer(request, count, count, |out, place| put(out, &record(place)))
}

pub fn merge_count(row: u32) -> usize {
    if row.is_multiple_of(7) {
        160
    } else {
        row as usize % 3
    }
}

pub fn source_contact(row: u32, place: usize) -> String {
    format!("{row:08x}{place:016x}")
}

/// `GET /contacts/{id}/merge_history`: the cursor stands beside the list.
fn merges(request: &Request, row: u32) -> Reply {
    let most = request
        .parameter("per_page")
        .and_then(|text| text.parse().ok());
    let per_page = most.unwrap_or(50).clamp(1, 150);
    let first = match request.parameter("cursor").map(Cursor::decode) {
        None => 0,
        Some(Some(Cursor {
            position: Position::Offset(first),
            ..
        })) => first as usize,
        Some(_) => return error(request, 400, "parameter_invalid", "no such cursor"),
    };
    let last = (first + per_page).min(merge_count(row));
    let records = array(first..last, |place| {
        format!(
            r#"{{"type":"merge_history","source_contact_id":"{}","source_contact_role":"lead","merged_at":{}}}"#,
            source_contact(row, place),
            AT + place
        )
    });
    let has_more = last < merge_count(row);
    let cursor = format!("\"{}\"", offset(last).encode());
    let mut members = vec![("type", &b"\"list\""[..]), ("data", &records)];
    if has_more {
        members.push(("next_cursor", cursor.as_bytes()));
    }
    members.push(("has_more", if has_more { b"true" } else { b"false" }));
    Reply::json(200, object(&members))
}

fn offset(rows: usize) -> Cursor {
    Cursor {
        page: 2,
        position: Position::Offset(rows as u64),
    }
}

pub fn event_count(row: u32) -> usize {
    if row.is_multiple_of(9) {
        120
    } else {
        row as usize % 3
    }
}

/// `GET /events`: pages by the URL of the next, newest first.
fn events(data: &Data, request: &Request) -> Option<Reply> {
    if request.parameter("type") != Some("user") {
        let message = "type must be user";
        return Some(error(request, 400, "parameter_invalid", message));
    }
    let id = request.parameter("intercom_user_id")?;
    let row = data.table(Stream::Contacts).find(id)?;
    if request.parameter("summary") == Some("true") {
        let records = array(0..event_count(row).min(5), |name| {
            format!(
                r#"{{"name":"event-{name}","first":"2026-01-16T23:12:21.000+00:00","last":"2026-01-16T23:12:21.000+00:00","count":1,"description":""}}"#
            )
        });
        return Some(Reply::json(
            200,
            object(&[
                ("type", b"\"event.summary\""),
                ("events", &records),
                ("intercom_user_id", format!("\"{id}\"").as_bytes()),
            ]),
        ));
    }
    let number = |name: &str| request.parameter(name)?.parse::<usize>().ok();
    let per_page = number("per_page").unwrap_or(30).clamp(1, 50);
    let end = number("before").map_or(event_count(row), |before| before - AT);
    let start = end.saturating_sub(per_page);
    let records = array((start..end).rev(), |place| {
        format!(
            r#"{{"type":"event","event_name":"event-{}","created_at":{},"intercom_user_id":"{id}","metadata":{{"price":1.10}}}}"#,
            place % 5,
            AT + place
        )
    });
    let next = if start == 0 {
        "{}".to_owned()
    } else {
        let before = AT + start;
        format!(
            r#"{{"next":"https://api.intercom.invalid/events?type=user&intercom_user_id={id}&per_page={per_page}&before={before}"}}"#
        )
    };
    Some(Reply::json(
        200,
        object(&[
            ("type", b"\"event.list\""),
            ("events", &records),
            ("pages", next.as_bytes()),
        ]),
    ))
}

pub fn side_count(row: u32) -> usize {
    if row.is_multiple_of(11) {
        60
    } else {
        row as usize % 3
    }
}

pub fn side_id(row: u32, place: usize) -> String {
    format!("{row}1{place:03}")
}

pub fn side_part_id(row: u32, place: usize, part: usize) -> String {
    format!("{}{part}", side_id(row, place))
}

fn side_conversations(request: &Request, row: u32) -> Reply {
    paged(
        request,
        "side_conversations",
        50,
        side_count(row),
        |place| {
            let parts = array(0..2, |part| {
                format!(
                    r#"{{"type":"conversation_part","id":"{}","part_type":"comment","body":"<p>Übrigens</p>","author":{{"type":"admin","id":"814001"}},"created_at":{AT}, "updated_at":{AT}}}"#,
                    side_part_id(row, place, part)
                )
            });
            format!(
                r#"{{"side_conversation_id":"{}","conversation_parts":{},"total_count":2}}"#,
                side_id(row, place),
                String::from_utf8_lossy(&parts)
            )
        },
    )
}

fn handling_events(row: u32) -> Reply {
    let records = array(0..row as usize % 3, |place| {
        format!(
            r#"{{"teammate":{{"type":"admin","id":{place},"name":"Jane"}},"type":"paused","timestamp":"2026-01-09T09:0{place}:00Z","reason":"Paused"}}"#
        )
    });
    Reply::json(200, object(&[("handling_events", &records)]))
}

fn fin_voice_calls(id: &str, row: u32) -> Option<Reply> {
    let call = 800_000 + row;
    row.is_multiple_of(2).then(|| {
        let body = format!(
            r#"[{{"id":{call},"app_id":12345,"user_phone_number":"+1234567890","status":"registered","intercom_call_id":null,"external_call_id":"call-{call}","intercom_conversation_id":"{id}","call_transcript":[],"call_summary":"","intent":[]}}]"#
        );
        Reply::json(200, body)
    })
}

pub fn note_count(row: u32) -> usize {
    if row.is_multiple_of(13) {
        60
    } else {
        row as usize % 3
    }
}

pub fn note_id(row: u32, place: usize) -> String {
    format!("{row}2{place:03}")
}

fn company_notes(request: &Request, id: &str, row: u32) -> Reply {
    paged(request, "data", 150, note_count(row), |place| {
        format!(
            r#"{{"type":"note","id":"{}","created_at":{AT},"company":{{"type":"company","id":"{id}"}},"author":{{"type":"admin","id":"814001"}},"body":"<p>Note</p>"}}"#,
            note_id(row, place)
        )
    })
}

fn article(data: &Data, row: u32) -> Reply {
    let mut out = Vec::new();
    data.put_article(&mut out, row);
    out.pop();
    let statistics = if row % 5 == 4 {
        "null"
    } else {
        r#"{"type":"article_statistics","views":10,"conversions":0,"reactions":10,"happy_reaction_percentage":40.0}"#
    };
    put(&mut out, &format!(",\"statistics\":{statistics}}}"));
    Reply::json(200, out)
}

fn draft(data: &Data, row: u32) -> Option<Reply> {
    row.is_multiple_of(3).then(|| {
        let mut out = Vec::new();
        data.put_article(&mut out, row);
        Reply::json(200, out)
    })
}

fn article_version(article: &str, version: &str) -> Reply {
    let body = format!(
        r#"{{"type":"article_version","id":"{version}","article_id":"{article}","title":"Übersicht","body":"<p>Body of {version}</p>","state":"published","created_at":{AT}}}"#
    );
    Reply::json(200, body)
}

fn exceptions(schedule: &str) -> Reply {
    let records = array(1..=2, |number| {
        format!(
            r#"{{"type":"office_hours_exception","id":"{}","office_hours_schedule_id":"{schedule}","exception_date":"2026-12-25","exception_type":"closed","name":null,"time_intervals":null,"recurring_annually":true,"created_at":{AT},"updated_at":{AT}}}"#,
            joined(schedule, number)
        )
    });
    whole("data", &records)
}

fn redirects(request: &Request, center: &str) -> Reply {
    paged(request, "data", 50, 60, |place| {
        format!(
            r#"{{"id":"{}","type":"help_center_redirect","from_url":"http://help.example.com/old-{place}","locale":"en","help_center_id":"{center}","target_type":"article","target_id":"11","created_at":{AT},"updated_at":{AT}}}"#,
            joined(center, place + 1)
        )
    })
}

fn newsfeed_items(request: &Request, feed: &str) -> Reply {
    paged(request, "data", 50, 30, |place| {
        format!(
            r#"{{"id":"{}","type":"news-item","title":"On {feed}","state":"live","created_at":{AT},"updated_at":{AT}}}"#,
            place + 1
        )
    })
}

fn put_connector(out: &mut Vec<u8>, place: usize) {
    let id = place + 1;
    put_number(
        out,
        format_args!(
            r#"{{"type":"data_connector","id":"{id}","name":"Connector {id}","state":"live","http_method":"post","direct_fin_usage":false,"created_at":"2025-11-15T09:30:00Z","execution_results_url":"/data_connectors/{id}/execution_results"}}"#
        ),
    );
}

/// `GET /data_connectors/{id}/execution_results`: of the last hour, where no start is named.
fn executions(request: &Request, connector: &str) -> Reply {
    let count = if request.parameter("start_ts").is_some() {
        35
    } else {
        0
    };
    with_cursors(request, 30, count, |out, place| {
        put_number(
            out,
            format_args!(
                r#"{{"type":"data_connector.execution","id":"{}","data_connector_id":"{connector}","success":true,"http_status":200,"execution_time_ms":150,"source_type":"workflow","created_at":"2026-02-10T18:15:32Z"}}"#,
                joined(connector, place + 1)
            ),
        );
    })
}

/// A page after the cursor of a list of `count` places.
fn with_cursors(
    request: &Request,
    most: usize,
    count: usize,
    put_place: impl FnMut(&mut Vec<u8>, usize),
) -> Reply {
    let number = request
        .parameter("per_page")
        .and_then(|text| text.parse().ok());
    let per_page: usize = number.unwrap_or(10);
    if !(1..=most).contains(&per_page) {
        let message = "per_page is out of range";
        return error(request, 400, "parameter_invalid", message);
    }
    let first = match request.parameter("starting_after").map(Cursor::decode) {
        None => 0,
        Some(Some(Cursor {
            position: Position::Offset(first),
            ..
        })) => first as usize,
        Some(_) => return error(request, 400, "parameter_invalid", "no such cursor"),
    };
    let last = (first + per_page).min(count);
    let mut records = Vec::new();
    put_array(&mut records, first..last, put_place);
    let next: &dyn Display = if last < count {
        &format!(
            r#","next":{{"starting_after":"{}"}}"#,
            offset(last).encode()
        )
    } else {
        &""
    };
    let pages = format!(r#"{{"type":"pages","per_page":{per_page}{next}}}"#);
    Reply::json(
        200,
        object(&[
            ("type", b"\"list\""),
            ("data", &records),
            ("pages", pages.as_bytes()),
        ]),
    )
}
