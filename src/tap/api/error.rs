//! The API's own words for an error: `{"type":"error.list","request_id":…,"errors":[…]}`. What a
//! gateway answers in its place is known by not being of that form.

use serde::Deserialize;
use serde_json::Value;

use crate::cli::foreign::told;

/// An error that the API answered with.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorList {
    #[serde(default)]
    request_id: Value,
    errors: Vec<Value>,
}

impl ErrorList {
    /// Reads a body; none where it isn't the API's.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Whether it says that as many jobs wait as may: no matter of the rate of requests.
    #[must_use]
    pub fn is_of_pending_jobs(&self) -> bool {
        self.words()
            .any(|(_, message)| message.contains("pending") && message.contains("export job"))
    }

    /// Whether it says that what was asked for is part of another thing of its kind now.
    #[must_use]
    pub fn is_of_a_merge(&self) -> bool {
        self.words().any(|(code, _)| code == "contact_merged")
    }

    /// Codes and messages, one of each error, as they came.
    pub fn words(&self) -> impl Iterator<Item = (&str, &str)> {
        self.errors.iter().map(|error| {
            (
                error["code"].as_str().unwrap_or("no code"),
                error["message"].as_str().unwrap_or("no message"),
            )
        })
    }
}

/// The errors in a body, or the first line of whatever else it holds (a gateway's page).
#[must_use]
pub fn describe(status: u16, body: &[u8]) -> String {
    let mut text = format!("status {status}");
    let Some(list) = ErrorList::parse(body) else {
        let body = String::from_utf8_lossy(&body[..body.len().min(4096)]);
        if let Some(line) = body.lines().map(str::trim).find(|line| !line.is_empty()) {
            text += &format!(", {}", told(line));
        }
        return text;
    };
    for (code, message) in list.words() {
        text += &format!(", {}: {}", told(code), told(message));
    }
    if let Some(id) = list.request_id.as_str() {
        text += &format!(" (request {})", told(id));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_the_apis_words_or_by_the_first_line() {
        let list =
            br#"{"type":"error.list","request_id":"r1","errors":[{"code":"c","message":"m"}]}"#;
        assert_eq!(describe(422, list), "status 422, c: m (request r1)");
        let bare = br#"{"errors":[{"code":null,"message":"scroll already exists"}]}"#;
        assert_eq!(
            describe(400, bare),
            "status 400, no code: scroll already exists"
        );
        let page = b"\n  <html>\n<h1>Are you human?</h1>";
        assert_eq!(describe(405, page), "status 405, <html>");
        assert_eq!(describe(404, b""), "status 404");
        let hostile = format!(
            r#"{{"errors":[{{"code":"c","message":"a\u001b[2J\nERROR {}"}}]}}"#,
            "x".repeat(1000)
        );
        let told = describe(400, hostile.as_bytes());
        assert!(
            !told.contains(['\u{1b}', '\n']) && told.len() < 350,
            "{told}"
        );
    }
}
