//! Lists that belong to one record each, under URLs of their own: segments and versions. And which
//! ids all such lists hold together.

use std::collections::BTreeSet;

use super::answer::object;
use super::contacts::{NestedList, nested_id};
use super::data::Data;
use super::lists;
use super::settings::Settings;
use super::table::{Stream, Table};
use super::template::{put_array, put_number};
use crate::http::{Reply, Request};

/// `GET /contacts/{id}/segments`.
pub fn contact_segments(row: u32) -> Reply {
    segments(row)
}

/// `GET /companies/{id}/segments`.
pub fn company_segments(data: &Data, id: &str) -> Option<Reply> {
    Some(segments(data.table(Stream::Companies).find(id)?))
}

/// `GET /articles/{id}/versions`, newest first.
pub fn article_versions(data: &Data, request: &Request, id: &str) -> Option<Reply> {
    let row = data.table(Stream::Articles).find(id)?;
    let count = version_count(row);
    let paging = lists::Paging {
        default_per_page: 25,
        ..lists::plain(150)
    };
    Some(paging.answer(request, count, count, |out, place| {
        let version = version_id(row, count - place);
        let created_at = data.table(Stream::Articles).row(row).created_at;
        put_number(
            out,
            format_args!(
                r#"{{"type":"article_version","id":"{version}","article_id":"{id}","title":"Übersicht","description":"","author_id":"814001","created_by_id":"814001","created_via":"web","from_version_id":null,"state":"published","created_at":{created_at}}}"#
            ),
        );
    }))
}

/// The ids of all records of such lists; with their parents' before them where they have keys of
/// two properties.
pub fn ids(data: &Data, settings: &Settings, stream: &str) -> Option<BTreeSet<String>> {
    let of_contacts = |list: NestedList| {
        let mut ids = Vec::new();
        let contacts = data.table(Stream::Contacts);
        for row in contacts.alive() {
            for position in 1..=data.nested_count(row, list, settings.long_lists_every) {
                ids.push((contacts.id(row), nested_id(row, list, position)));
            }
        }
        ids
    };
    let with_segments = |table: &Table| {
        let rows = table.alive();
        rows.flat_map(|row| {
            let id = table.id(row);
            (1..=segment_count(row)).map(move |number| (id.clone(), segment_id(number)))
        })
        .collect()
    };
    let pairs: Vec<(String, String)> = match stream {
        "contact_tags" => of_contacts(NestedList::Tags),
        "contact_companies" => of_contacts(NestedList::Companies),
        "contact_notes" => {
            let notes = of_contacts(NestedList::Notes);
            return Some(notes.into_iter().map(|(_, id)| id).collect());
        }
        "contact_segments" => with_segments(data.table(Stream::Contacts)),
        "company_segments" => with_segments(data.table(Stream::Companies)),
        "article_versions" => {
            let rows = data.table(Stream::Articles).alive();
            let versions = rows.flat_map(|row| {
                (1..=version_count(row)).map(move |version| version_id(row, version))
            });
            return Some(versions.collect());
        }
        _ => return None,
    };
    let joined = pairs
        .into_iter()
        .map(|(parent, id)| format!("{parent}/{id}"));
    Some(joined.collect())
}

fn segments(row: u32) -> Reply {
    let mut records = Vec::new();
    put_array(&mut records, 1..=segment_count(row), |out, number| {
        put_number(
            out,
            format_args!(
                r#"{{"type":"segment","id":"{}","name":"Segment {number}","created_at":1734537394,"updated_at":1734537394,"person_type":"user"}}"#,
                segment_id(number)
            ),
        );
    });
    Reply::json(200, object(&[("type", b"\"list\""), ("data", &records)]))
}

fn segment_count(row: u32) -> u32 {
    row % 3
}

fn segment_id(number: u32) -> String {
    (5_000 + number).to_string()
}

/// Some articles have more than a page of versions.
fn version_count(row: u32) -> usize {
    1 + row as usize * 7 % 60
}

fn version_id(row: u32, version: usize) -> String {
    (u64::from(row) * 1_000 + version as u64).to_string()
}
