//! The API's own words for an error: `{"type":"error.list","request_id":…,"errors":[…]}`.

use serde::Deserialize;

#[derive(Deserialize)]
struct ErrorList {
    request_id: Option<String>,
    #[serde(default)]
    errors: Vec<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    code: Option<String>,
    message: Option<String>,
}

/// The errors in a body, or the status alone where it has none (a gateway's HTML).
#[must_use]
pub fn describe(status: u16, body: &[u8]) -> String {
    let mut text = format!("status {status}");
    let Ok(list) = serde_json::from_slice::<ErrorList>(body) else {
        return text;
    };
    for error in list.errors {
        text += &format!(
            ", {}: {}",
            error.code.as_deref().unwrap_or("no code"),
            error.message.as_deref().unwrap_or("no message")
        );
    }
    if let Some(id) = list.request_id {
        text += &format!(" (request {id})");
    }
    text
}

/// Whether one of the errors in a body has this code.
#[must_use]
pub fn has_code(body: &[u8], code: &str) -> bool {
    serde_json::from_slice::<ErrorList>(body).is_ok_and(|list| {
        list.errors
            .iter()
            .any(|error| error.code.as_deref() == Some(code))
    })
}
