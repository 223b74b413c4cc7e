//! What articles, collections, admins, teams and tags look like.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::data::Data;
use super::noise::{noise, one_in};
use super::settings::Settings;
use super::table::Stream;
use super::template::{Template, put, put_array, put_number};

// Ids are numbered from here.
const ADMIN_IDS: usize = 814_000;
const TEAM_IDS: usize = 501_000;
const TAG_IDS: usize = 7_000;

static ARTICLE: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "id": "{{id}}",
    "type": "article",
    "workspace_id": "simulated",
    "parent_ids": [],
    "tags": {"type": "tag.list", "tags": []},
    "title": "Article {{number}} – Übersicht",
    "description": null,
    "body": "<h1>Article {{number}}</h1><p class=\"intro\">Line one.<br>\nLine two: 1.10 &lt; 1e2.</p>",
    "author_id": 814001,
    "state": "{{state}}",
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "url": "http://help.example.com/en/articles/{{id}}"
}"#,
    )
});

static COLLECTION: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "id": "{{id}}",
    "workspace_id": "simulated",
    "name": "Collection {{number}}",
    "url": "http://help.example.com/en/collections/{{id}}",
    "order": {{number}},
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "description": null,
    "icon": "bookmark",
    "parent_id": null,
    "help_center_id": 84
}"#,
    )
});

impl Data {
    pub(super) fn put_article(&self, out: &mut Vec<u8>, row: u32) {
        let published = !one_in(noise(self.seed, row, 80), 4);
        self.put_content(out, row, Stream::Articles, &ARTICLE, published);
    }

    pub(super) fn put_collection(&self, out: &mut Vec<u8>, row: u32) {
        self.put_content(out, row, Stream::Collections, &COLLECTION, true);
    }

    fn put_content(
        &self,
        out: &mut Vec<u8>,
        row: u32,
        stream: Stream,
        template: &Template,
        published: bool,
    ) {
        let table = self.table(stream);
        template.render(out, |slot, out| match slot {
            "id" => put(out, &table.id(row)),
            "number" => put_number(out, row),
            "state" => put(out, if published { "published" } else { "draft" }),
            "created_at" => put_number(out, table.row(row).created_at),
            "updated_at" => put_number(out, table.row(row).updated_at),
            other => unreachable!("a slot {other}"),
        });
    }
}

/// The answer of `/me`.
pub fn me(settings: &Settings) -> Vec<u8> {
    format!(
        r#"{{"type":"admin","id":"814001","email":"admin-1@example.com","name":"Admin 1","email_verified":true,"app":{{"type":"app","id_code":"simulated","name":"Simulated workspace","created_at":1500000000,"secure":false,"identity_verification":false,"timezone":"{}","region":"US"}},"avatar":{{"type":"avatar","image_url":null}},"has_inbox_seat":true}}"#,
        settings.timezone
    )
    .into_bytes()
}

/// The ids of the admins, teams or tags.
pub fn ids(settings: &Settings, stream: &str) -> Option<BTreeSet<String>> {
    let (base, count) = match stream {
        "admins" => (ADMIN_IDS, settings.admins),
        "teams" => (TEAM_IDS, settings.teams),
        "tags" => (TAG_IDS, settings.tags),
        _ => return None,
    };
    Some(
        (1..=count)
            .map(|number| (base + number).to_string())
            .collect(),
    )
}

/// The answer of `/admins`.
pub fn admins(settings: &Settings) -> Vec<u8> {
    let mut out = br#"{"type":"admin.list","admins":"#.to_vec();
    put_array(&mut out, 1..=settings.admins, |out, number| {
        put_number(
            out,
            format_args!(
                r#"{{"type":"admin","email":"admin-{number}@example.com","id":"{}","name":"Admin {number}","away_mode_enabled":false,"away_mode_reassign":false,"has_inbox_seat":true,"team_ids":[]}}"#,
                ADMIN_IDS + number
            ),
        );
    });
    put(&mut out, "}");
    out
}

/// The answer of `/teams`.
pub fn teams(settings: &Settings) -> Vec<u8> {
    let mut out = br#"{"type":"team.list","teams":"#.to_vec();
    put_array(&mut out, 1..=settings.teams, |out, number| {
        put_number(
            out,
            format_args!(
                r#"{{"type":"team","id":"{}","name":"Team {number}","admin_ids":[814001]}}"#,
                TEAM_IDS + number
            ),
        );
    });
    put(&mut out, "}");
    out
}

/// The answer of `/tags`.
pub fn tags(settings: &Settings) -> Vec<u8> {
    let mut out = br#"{"type":"list","data":"#.to_vec();
    put_array(&mut out, 1..=settings.tags, |out, number| {
        put_number(
            out,
            format_args!(
                r#"{{"type":"tag","id":"{}","name":"Tag {number}"}}"#,
                TAG_IDS + number
            ),
        );
    });
    put(&mut out, "}");
    out
}
