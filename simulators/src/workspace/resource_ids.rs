//! Which ids there are of what is kept beside the main records.

use std::collections::BTreeSet;

use super::contacts::{NestedList, nested_id};
use super::data::Data;
use super::further;
use super::resources::{
    AT, EVENT_TYPES, event_count, joined, merge_count, note_count, note_id, side_count, side_id,
    side_part_id, source_contact,
};
use super::settings::Settings;
use super::table::Stream;

/// The ids of all of a stream's records, the parts of a key joined.
pub fn ids(data: &Data, settings: &Settings, stream: &str) -> Option<BTreeSet<String>> {
    let of_rows = |of, of_row: OfRow<'_>| of_each_row(data, of, of_row);
    Some(match stream {
        "contact_subscriptions" => of_rows(Stream::Contacts, &|id, row| {
            let lists = [NestedList::OptedOut, NestedList::OptedIn].into_iter();
            let ids = lists.flat_map(|list| {
                (1..=data.nested_count(row, list, settings.long_lists_every))
                    .map(move |position| format!("{id}/{}", nested_id(row, list, position)))
            });
            ids.collect()
        }),
        "contact_merges" => of_rows(Stream::Contacts, &|id, row| {
            let sources = (0..merge_count(row)).map(|place| source_contact(row, place));
            sources.map(|source| format!("{id}/{source}")).collect()
        }),
        "contact_events" => of_rows(Stream::Contacts, &|id, row| {
            let places = 0..event_count(row);
            let key = |place| format!("{id}/event-{}/{}", place % 5, AT + place);
            places.map(key).collect()
        }),
        "contact_event_summaries" => of_rows(Stream::Contacts, &|id, row| {
            let names = 0..event_count(row).min(5);
            names.map(|name| format!("{id}/event-{name}")).collect()
        }),
        "side_conversations" => of_rows(Stream::Conversations, &|_, row| {
            (0..side_count(row))
                .map(|place| side_id(row, place))
                .collect()
        }),
        "side_conversation_parts" => of_rows(Stream::Conversations, &|_, row| {
            let places = 0..side_count(row);
            let parts =
                places.flat_map(|place| (0..2).map(move |part| side_part_id(row, place, part)));
            parts.collect()
        }),
        "handling_events" => of_rows(Stream::Conversations, &|id, row| {
            let places = 0..row as usize % 3;
            places
                .map(|place| format!("{id}/2026-01-09T09:0{place}:00Z/{place}"))
                .collect()
        }),
        "fin_voice_calls" => of_rows(Stream::Conversations, &|_, row| {
            let calls = row.is_multiple_of(2).then(|| (800_000 + row).to_string());
            calls.into_iter().collect()
        }),
        _ => return of_content(data, settings, stream),
    })
}

/// What there is of one row, by its id and number.
type OfRow<'a> = &'a dyn Fn(&str, u32) -> Vec<String>;

fn of_each_row(data: &Data, of: Stream, of_row: OfRow<'_>) -> BTreeSet<String> {
    let table = data.table(of);
    let rows = table.alive();
    rows.flat_map(|row| of_row(&table.id(row), row)).collect()
}

/// Of what belongs to companies and articles.
fn of_content(data: &Data, settings: &Settings, stream: &str) -> Option<BTreeSet<String>> {
    let of_rows = |of, of_row: OfRow<'_>| of_each_row(data, of, of_row);
    Some(match stream {
        "company_notes" => of_rows(Stream::Companies, &|_, row| {
            (0..note_count(row))
                .map(|place| note_id(row, place))
                .collect()
        }),
        "article_statistics" => of_rows(Stream::Articles, &|id, row| {
            let has_some = row % 5 != 4;
            has_some.then(|| id.to_owned()).into_iter().collect()
        }),
        "article_drafts" => of_rows(Stream::Articles, &|id, row| {
            let has_one = row.is_multiple_of(3);
            has_one.then(|| id.to_owned()).into_iter().collect()
        }),
        "article_version_bodies" => return super::nested::ids(data, settings, "article_versions"),
        _ => return of_lists(settings, stream),
    })
}

/// Of what belongs to lists, or is one.
fn of_lists(settings: &Settings, stream: &str) -> Option<BTreeSet<String>> {
    let of_each = |parents: &str, count: usize, key: &dyn Fn(&str, usize) -> String| {
        let parents = further::ids(settings, parents).unwrap_or_default();
        let of_parent = |parent: &String| {
            let ids = (1..=count).map(|number| key(parent, number));
            ids.collect::<Vec<_>>()
        };
        parents.iter().flat_map(of_parent).collect()
    };
    Some(match stream {
        "office_hours_exceptions" => of_each("office_hours_schedules", 2, &joined),
        "help_center_redirects" => of_each("help_centers", 60, &joined),
        "newsfeed_items" => of_each("newsfeeds", 30, &|id, number| format!("{id}/{number}")),
        "data_connectors" => (1..=settings.listed)
            .map(|number| number.to_string())
            .collect(),
        "data_connector_executions" => (1..=settings.listed)
            .flat_map(|connector| {
                (1..=35).map(move |number| joined(&connector.to_string(), number))
            })
            .collect(),
        "ip_allowlist" => ["ip_allowlist".to_owned()].into(),
        "activity_log_event_types" => EVENT_TYPES.map(str::to_owned).into(),
        _ => return None,
    })
}
