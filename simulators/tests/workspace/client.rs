//! Asking a workspace as a program would, and what its records say.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulators::workspace::Workspace;

/// 2026-03-10T12:00:00Z.
pub const NOON: i64 = 1_773_144_000;
pub const HOUR: i64 = 3600;

pub struct Client<'a> {
    workspace: &'a Workspace,
    agent: ureq::Agent,
}

pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    pub fn error_code(&self) -> String {
        let body = self.json();
        assert_eq!(body["type"], "error.list");
        text(&body["errors"][0]["code"])
    }

    pub fn header(&self, name: &str) -> Option<i64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }
}

impl Client<'_> {
    pub fn of(workspace: &Workspace) -> Client<'_> {
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Client { workspace, agent }
    }

    pub fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        let request = self
            .agent
            .get(format!("{}{path}", self.workspace.base_url()));
        let token = format!("Bearer {}", self.workspace.token());
        let mut response = request.header("Authorization", token).call()?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string()?,
        })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).expect("it answers")
    }

    pub fn search_as(&self, version: &str, stream: &str, body: &Value) -> Answer {
        let url = format!("{}/{stream}/search", self.workspace.base_url());
        let mut response = self
            .agent
            .post(url)
            .header(
                "Authorization",
                format!("Bearer {}", self.workspace.token()),
            )
            .header("Intercom-Version", version)
            .send(body.to_string())
            .expect("it answers");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string().expect("a body"),
        }
    }

    pub fn search(&self, stream: &str, body: &Value) -> Answer {
        self.search_as("2.17", stream, body)
    }

    /// Every page of a search, oldest or newest first: the records, in the order they came.
    pub fn search_all(
        &self,
        stream: &str,
        query: &Value,
        order: &str,
        per_page: u32,
    ) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..1000 {
            let page = self
                .search(
                    stream,
                    &json!({
                        "query": query,
                        "sort": {"field": "updated_at", "order": order},
                        "pagination": {"per_page": per_page, "starting_after": cursor},
                    }),
                )
                .json();
            let key = if stream == "contacts" { "data" } else { stream };
            records.extend(page[key].as_array().expect("records").clone());
            cursor = page["pages"]["next"]["starting_after"].clone();
            if cursor.is_null() {
                return records;
            }
        }
        panic!("the search has no end");
    }

    /// Every page of a page-numbered list.
    pub fn list_all(&self, path: &str) -> Vec<Value> {
        let mut records = Vec::new();
        for page in 1.. {
            let body = self.get(&format!("{path}?page={page}&per_page=25")).json();
            let data = body["data"].as_array().expect("records");
            if data.is_empty() {
                break;
            }
            records.extend(data.clone());
        }
        records
    }
}

pub fn filter(operator: &str, value: i64) -> Value {
    json!({"field": "updated_at", "operator": operator, "value": value})
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("it is a string").to_owned()
}

pub fn ids(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| text(&record["id"])).collect()
}

pub fn updated(records: &[Value]) -> Vec<i64> {
    let times = records.iter().map(|record| &record["updated_at"]);
    times.map(|time| time.as_i64().expect("seconds")).collect()
}

pub fn ids_in_order(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| text(&record["id"])).collect()
}
