//! What contacts look like: the record, the nested lists inside it (at most 10 elements) and the
//! whole lists under their URLs.

use std::sync::LazyLock;

use super::data::Data;
use super::noise::{noise, one_in};
use super::table::Stream;
use super::template::{Template, put, put_array, put_number};

/// How many elements a list inside a record shows.
const SHOWN: usize = 10;

const FIRST_NAMES: [&str; 8] = [
    "Ada", "Björn", "Chloé", "Đorđe", "Eun-ji", "Farid", "Grace", "Łukasz",
];
const LAST_NAMES: [&str; 8] = [
    "Lovelace",
    "Ångström",
    "Nguyễn",
    "O’Neill",
    "山田",
    "Иванова",
    "Öztürk",
    "\\\"Quote\\\"",
];
const CITIES: [&str; 4] = ["Dublin", "São Paulo", "Zürich", "札幌"];

static CONTACT: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "contact",
    "id": "{{id}}",
    "workspace_id": "simulated",
    "external_id": "user-{{number}}",
    "role": "{{role}}",
    "email": "user-{{number}}@example.com",
    "phone": null,
    "name": "{{name}}",
    "avatar": null,
    "owner_id": {{owner_id}},
    "social_profiles": {"type": "list", "data": []},
    "has_hard_bounced": false,
    "marked_email_as_spam": false,
    "unsubscribed_from_emails": false,
    "created_at": {{created_at}},
    "updated_at": {{updated_at}},
    "signed_up_at": {{created_at}},
    "last_seen_at": {{last_seen_at}},
    "last_replied_at": null,
    "last_contacted_at": null,
    "last_email_opened_at": null,
    "last_email_clicked_at": null,
    "language_override": null,
    "browser": "firefox",
    "browser_version": "131.0.1",
    "browser_language": "en",
    "os": null,
    "location": {
        "type": "location",
        "country": null,
        "region": null,
        "city": "{{city}}",
        "country_code": null,
        "continent_code": null
    },
    "android_app_name": null,
    "android_app_version": null,
    "android_device": null,
    "android_os_version": null,
    "android_sdk_version": null,
    "android_last_seen_at": null,
    "ios_app_name": null,
    "ios_app_version": null,
    "ios_device": null,
    "ios_os_version": null,
    "ios_sdk_version": null,
    "ios_last_seen_at": null,
    "custom_attributes": {
        "plan": "pro",
        "größe": "1.80 m 🚀",
        "score": {{score}}.10,
        "budget": 1e2,
        "account": 123456789012345678901234567890,
        "balance": -0.0,
        "escaped": "tab\t slash\/ \u00e9 \ud83d\ude80",
        "nothing": null
    },
    "tags": {{tags}},
    "notes": {{notes}},
    "companies": {{companies}},
    "opted_out_subscription_types": {{opted_out}},
    "opted_in_subscription_types": {{opted_in}},
    "utm_campaign": null,
    "utm_content": null,
    "utm_medium": null,
    "utm_source": null,
    "utm_term": null,
    "referrer": null,
    "enabled_push_messaging": null
}"#,
    )
});

static NOTE: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "note",
    "id": "{{id}}",
    "created_at": {{created_at}},
    "contact": {"type": "contact", "id": "{{contact_id}}"},
    "author": {
        "type": "admin",
        "id": "814001",
        "name": "Admin 1",
        "email": "admin-1@example.com",
        "away_mode_enabled": false,
        "away_mode_reassign": false
    },
    "body": "<p>Note {{position}}</p>"
}"#,
    )
});

static COMPANY: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "company",
    "company_id": "company-{{position}}",
    "id": "{{id}}",
    "app_id": "simulated",
    "name": "Company {{position}}",
    "remote_created_at": {{created_at}},
    "created_at": {{created_at}},
    "updated_at": {{created_at}},
    "last_request_at": {{created_at}},
    "monthly_spend": 0,
    "session_count": 0,
    "user_count": 1,
    "tags": {"type": "tag.list", "tags": []},
    "segments": {"type": "segment.list", "segments": []},
    "plan": {},
    "custom_attributes": {}
}"#,
    )
});

static SUBSCRIPTION: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{
    "type": "subscription",
    "id": "{{id}}",
    "state": "live",
    "consent_type": "{{consent_type}}",
    "default_translation": {"name": "News {{position}}", "description": "News", "locale": "en"},
    "translations": [{"name": "News {{position}}", "description": "News", "locale": "en"}],
    "content_types": ["email"]
}"#,
    )
});

/// The lists that belong to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NestedList {
    Tags,
    Notes,
    Companies,
    OptedOut,
    OptedIn,
}

impl NestedList {
    /// The element's type, and the last part of the list's URL.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            NestedList::Tags => ("tag", "tags"),
            NestedList::Notes => ("note", "notes"),
            NestedList::Companies => ("company", "companies"),
            NestedList::OptedOut | NestedList::OptedIn => ("subscription", "subscriptions"),
        }
    }
}

impl Data {
    pub(super) fn put_contact(&self, out: &mut Vec<u8>, row: u32, long_lists_every: u32) {
        let table = self.table(Stream::Contacts);
        let noise = |salt: u32| noise(self.seed, row, salt);
        let id = table.id(row);
        let times = table.row(row);
        CONTACT.render(out, |slot, out| {
            let list = |out: &mut Vec<u8>, list| {
                self.put_nested_list(out, row, &id, list, long_lists_every);
            };
            match slot {
                "id" => put(out, &id),
                "number" => put_number(out, row),
                "role" => put(out, if one_in(noise(20), 5) { "lead" } else { "user" }),
                "name" => {
                    put(out, FIRST_NAMES[(noise(21) % 8) as usize]);
                    put(out, " ");
                    put(out, LAST_NAMES[(noise(22) % 8) as usize]);
                }
                "owner_id" if one_in(noise(23), 3) => put(out, "814001"),
                "owner_id" => put(out, "null"),
                "created_at" => put_number(out, times.created_at),
                "updated_at" | "last_seen_at" => put_number(out, times.updated_at),
                "city" => put(out, CITIES[(noise(24) % 4) as usize]),
                "score" => put_number(out, noise(25) % 100),
                "tags" => list(out, NestedList::Tags),
                "notes" => list(out, NestedList::Notes),
                "companies" => list(out, NestedList::Companies),
                "opted_out" => list(out, NestedList::OptedOut),
                "opted_in" => list(out, NestedList::OptedIn),
                other => unreachable!("a slot {other}"),
            }
        });
    }

    /// How many elements a contact's list has.
    pub(super) fn nested_count(&self, row: u32, list: NestedList, long_lists_every: u32) -> usize {
        let long = one_in(noise(self.seed, row, 30), long_lists_every);
        match list {
            NestedList::Tags if long => 14,
            // More than a page of 50.
            NestedList::Notes if long => 61,
            NestedList::Companies if long => 23,
            NestedList::OptedOut if long => 11,
            NestedList::OptedIn if long => 2,
            NestedList::Tags => (noise(self.seed, row, 31) % 3) as usize,
            NestedList::Companies => (noise(self.seed, row, 32) % 2) as usize,
            NestedList::Notes => usize::from(one_in(noise(self.seed, row, 33), 8)),
            NestedList::OptedOut | NestedList::OptedIn => 0,
        }
    }

    fn put_nested_list(
        &self,
        out: &mut Vec<u8>,
        row: u32,
        id: &str,
        list: NestedList,
        long_lists_every: u32,
    ) {
        let count = self.nested_count(row, list, long_lists_every);
        let (element, name) = list.names();
        put(out, r#"{"type":"list","data":"#);
        put_array(out, 1..=count.min(SHOWN), |out, position| {
            let element_id = nested_id(row, list, position);
            put(out, r#"{"id":""#);
            put(out, &element_id);
            put(out, r#"","type":""#);
            put(out, element);
            put(out, r#"","url":"/"#);
            put(out, name);
            put(out, "/");
            put(out, &element_id);
            put(out, r#""}"#);
        });
        put(out, r#","url":"/contacts/"#);
        put(out, id);
        put(out, "/");
        put(out, name);
        put(out, r#"","total_count":"#);
        put_number(out, count);
        put(out, r#","has_more":"#);
        put(out, if count > SHOWN { "true}" } else { "false}" });
    }

    /// One element of a contact's list, as the list's own URL gives it: more than a reference.
    pub(super) fn put_nested_element(
        &self,
        out: &mut Vec<u8>,
        row: u32,
        list: NestedList,
        position: usize,
    ) {
        let created_at = self.table(Stream::Contacts).row(row).created_at;
        let template = match list {
            NestedList::Tags => {
                put(out, r#"{"type":"tag","id":""#);
                put(out, &nested_id(row, list, position));
                put(out, r#"","name":"Tag "#);
                put_number(out, position);
                put(out, r#"","applied_at":"#);
                put_number(out, created_at);
                return put(out, r#","applied_by":{"type":"admin","id":"814001"}}"#);
            }
            NestedList::Notes => &NOTE,
            NestedList::Companies => &COMPANY,
            NestedList::OptedOut | NestedList::OptedIn => &SUBSCRIPTION,
        };
        template.render(out, |slot, out| match slot {
            "id" => put(out, &nested_id(row, list, position)),
            "contact_id" => put(out, &self.table(Stream::Contacts).id(row)),
            "created_at" => put_number(out, created_at),
            "position" => put_number(out, position),
            "consent_type" if list == NestedList::OptedIn => put(out, "opt_in"),
            "consent_type" => put(out, "opt_out"),
            other => unreachable!("a slot {other}"),
        });
    }
}

/// The id of the element at that position, from 1, of a contact's list.
pub fn nested_id(row: u32, list: NestedList, position: usize) -> String {
    match list {
        NestedList::Tags => (7_000 + position).to_string(),
        NestedList::Notes => (u64::from(row) * 100 + position as u64).to_string(),
        NestedList::Companies => format!("5f{position:022x}"),
        NestedList::OptedOut => (90 + position).to_string(),
        NestedList::OptedIn => (190 + position).to_string(),
    }
}
