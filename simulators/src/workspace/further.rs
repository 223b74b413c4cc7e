//! The lists of what a workspace holds besides its main records: each record little more than an id,
//! a name and times.

use std::collections::BTreeSet;

use super::answer::{error, object};
use super::lists;
use super::settings::Settings;
use super::template::{put_array, put_number};
use crate::http::{Reply, Request};

/// One list.
struct List {
    stream: &'static str,
    path: &'static str,
    /// The value of `model` that the request must have, where there are several lists under a path.
    model: Option<&'static str>,
    /// `type` of a record.
    kind: &'static str,
    records_at: &'static str,
    pages: Pages,
    /// Ids are numbered from here.
    ids_from: usize,
}

/// How a list is handed out.
#[derive(Clone, Copy)]
enum Pages {
    Whole,
    /// Numbered pages: the usual size and the largest.
    Numbered(u64, u64),
    /// The same, with what is usually in `pages` beside the records.
    Flat(u64, u64),
}

const fn list(
    stream: &'static str,
    path: &'static str,
    kind: &'static str,
    records_at: &'static str,
    pages: Pages,
    ids_from: usize,
) -> List {
    List {
        stream,
        path,
        model: None,
        kind,
        records_at,
        pages,
        ids_from,
    }
}

const fn attributes(stream: &'static str, model: &'static str) -> List {
    List {
        model: Some(model),
        ..list(
            stream,
            "/data_attributes",
            "data_attribute",
            "data",
            Pages::Whole,
            0,
        )
    }
}

#[rustfmt::skip]
static LISTS: &[List] = &[
    list("away_status_reasons", "/away_status_reasons", "away_status_reason", "data", Pages::Whole, 100),
    list("office_hours_schedules", "/office_hours_schedules", "office_hours_schedule", "data", Pages::Whole, 200),
    list("brands", "/brands", "brand", "data", Pages::Whole, 300),
    list("emails", "/emails", "email_setting", "data", Pages::Whole, 400),
    list("subscription_types", "/subscription_types", "subscription", "data", Pages::Whole, 90),
    list("segments", "/segments", "segment", "segments", Pages::Whole, 5_000),
    attributes("contact_attributes", "contact"),
    attributes("company_attributes", "company"),
    list("conversation_attributes", "/conversations/attributes", "conversation_attribute", "data", Pages::Whole, 0),
    list("deleted_conversations", "/conversations/deleted", "conversation", "conversations", Pages::Numbered(20, 60), 700_000),
    list("ticket_types", "/ticket_types", "ticket_type", "data", Pages::Whole, 60),
    list("ticket_states", "/ticket_states", "ticket_state", "data", Pages::Whole, 8_000),
    list("help_centers", "/help_center/help_centers", "help_center", "data", Pages::Whole, 80),
    list("internal_articles", "/internal_articles", "internal_article", "data", Pages::Numbered(25, 150), 30),
    list("news_items", "/news/news_items", "news-item", "data", Pages::Numbered(10, 10), 20),
    list("newsfeeds", "/news/newsfeeds", "newsfeed", "data", Pages::Numbered(10, 150), 60),
    list("content_snippets", "/content_snippets", "content_snippet", "data", Pages::Flat(20, 50), 100),
    list("ai_external_pages", "/ai/external_pages", "external_page", "data", Pages::Numbered(50, 50), 10),
    list("audiences", "/audiences", "audience", "data", Pages::Flat(25, 50), 500),
    list("folders", "/folders", "folder", "data", Pages::Numbered(50, 150), 600),
    list("ai_content_import_sources", "/ai/content_import_sources", "content_import_source", "data", Pages::Numbered(50, 150), 30),
];

impl List {
    /// What identifies the record of that number.
    fn key(&self, number: usize) -> String {
        match self.model {
            Some(_) => format!("custom_attributes.field_{number}"),
            None => (self.ids_from + number).to_string(),
        }
    }

    fn put(&self, out: &mut Vec<u8>, number: usize) {
        let (kind, key) = (self.kind, self.key(number));
        let at = 1_700_000_000 + number;
        match self.model {
            Some(model) => put_number(
                out,
                format_args!(
                    r#"{{"type":"{kind}","model":"{model}","name":"field_{number}","full_name":"{key}","custom":true,"archived":{},"created_at":{at},"updated_at":{at}}}"#,
                    number.is_multiple_of(5)
                ),
            ),
            None => put_number(
                out,
                format_args!(
                    r#"{{"type":"{kind}","id":"{key}","name":"{kind} {number} – Überblick","created_at":{at},"updated_at":{at},"deleted_at": 17000{number:05}, "weight":1.10}}"#
                ),
            ),
        }
    }

    fn answer(&self, settings: &Settings, request: &Request) -> Reply {
        let count = settings.listed;
        let (usual, largest) = match self.pages {
            Pages::Numbered(usual, largest) | Pages::Flat(usual, largest) => (usual, largest),
            Pages::Whole => {
                let mut records = Vec::new();
                put_array(&mut records, 1..=count, |out, number| self.put(out, number));
                return Reply::json(
                    200,
                    object(&[("type", b"\"list\""), (self.records_at, &records)]),
                );
            }
        };
        let paging = lists::Paging {
            default_per_page: usual,
            records_at: self.records_at,
            is_flat: matches!(self.pages, Pages::Flat(..)),
            ..lists::plain(largest)
        };
        paging.answer(request, count, count, |out, place| {
            self.put(out, place + 1);
        })
    }
}

/// The ids of such a list's records; of a custom object's instance with its type before it.
pub fn ids(settings: &Settings, stream: &str) -> Option<BTreeSet<String>> {
    if stream == "custom_object_instances" {
        let of_type = |(name, count): &(String, usize)| {
            let name = name.clone();
            (1..=*count).map(move |number| format!("{name}/{number}"))
        };
        return Some(settings.custom_objects.iter().flat_map(of_type).collect());
    }
    let list = LISTS.iter().find(|list| list.stream == stream)?;
    Some(
        (1..=settings.listed)
            .map(|number| list.key(number))
            .collect(),
    )
}

/// The answer of such a list's path.
pub fn answer(settings: &Settings, request: &Request) -> Option<Reply> {
    if request.method != "GET" {
        return None;
    }
    if let Some(name) = request.path.strip_prefix("/custom_object_instances/") {
        return custom_objects(settings, request, name);
    }
    let mut lists = LISTS.iter().filter(|list| list.path == request.path);
    let is_meant = |list: &&List| list.model == request.parameter("model");
    if let Some(list) = lists.clone().find(is_meant) {
        return Some(list.answer(settings, request));
    }
    lists.next()?;
    let message = "model is not one of contact, company";
    Some(error(request, 422, "parameter_invalid", message))
}

/// `GET /custom_object_instances/{type}`. The instances of every type are numbered from 1.
fn custom_objects(settings: &Settings, request: &Request, name: &str) -> Option<Reply> {
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let objects = &settings.custom_objects;
    let (name, count) = objects.iter().find(|(known, _)| *known == name)?;
    let paging = lists::plain(150);
    Some(paging.answer(request, *count, *count, |out, place| {
        let id = place + 1;
        put_number(
            out,
            format_args!(
                r#"{{"id":"{id}","type":"{name}","custom_attributes":{{"total":149.90}},"external_id":"{name}-{id}","external_created_at":null,"external_updated_at":null,"created_at":1734537800,"updated_at":1734537800}}"#
            ),
        );
    }))
}
