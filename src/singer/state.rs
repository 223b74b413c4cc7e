//! The state of a tap: one JSON object with a bookmark a stream, of which unknown streams and keys
//! are kept as they came.

use serde_json::{Map, Value};

use crate::cli::foreign::holds_credential;

/// A Singer state value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    value: Map<String, Value>,
}

/// Why a text is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateFault {
    /// It isn't JSON.
    #[error("it isn't valid JSON ({0})")]
    Json(#[from] serde_json::Error),
    /// It is JSON, but no object.
    #[error("it must hold one JSON object")]
    NoObject,
    /// `bookmarks` isn't an object.
    #[error("its `bookmarks` must be an object")]
    Bookmarks,
    /// It says something, but nothing of streams.
    #[error("it has no `bookmarks`")]
    NoBookmarks,
    /// It is wrapped up in what a scheduler keeps.
    #[error("it holds the state below `{0}`, whose value alone must be given")]
    Wrapped(&'static str),
    /// It has settings in it.
    #[error("it holds `{0}`, as a config file does, and a state is handed on")]
    Config(&'static str),
    /// There is a token or a key in it.
    #[error("it holds a token or a key, and a state is handed on")]
    Secret,
    /// It is what a target printed in the course of a run.
    #[error("it holds {0} values one after the other, of which the last alone is the state")]
    Log(usize),
}

/// What other programs keep a state under.
const WRAPPERS: [&str; 2] = ["singer_state", "state"];
/// What stands in a config file and nowhere else.
const SETTINGS: [&str; 3] = ["access_token", "base_url", "destination"];

impl State {
    /// Reads a state: the bare value, or a whole STATE message. An empty text and `null` are the
    /// empty state.
    pub fn parse(text: &str) -> Result<Self, StateFault> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
                let count = values.take_while(Result::is_ok).count();
                return Err(match count {
                    0 | 1 => StateFault::Json(error),
                    count => StateFault::Log(count),
                });
            }
        };
        let mut value = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(value) => value,
            _ => return Err(StateFault::NoObject),
        };
        if value.get("type").is_some_and(|kind| kind == "STATE") {
            match value.remove("value") {
                Some(Value::Object(inner)) => value = inner,
                _ => return Err(StateFault::NoObject),
            }
        }
        if let Some(setting) = SETTINGS.iter().find(|name| value.contains_key(**name)) {
            return Err(StateFault::Config(setting));
        }
        if holds_credential(text) {
            return Err(StateFault::Secret);
        }
        match value.get("bookmarks") {
            Some(Value::Object(_)) => Ok(Self { value }),
            Some(Value::Null) => {
                value.remove("bookmarks");
                Ok(Self { value })
            }
            Some(_) => Err(StateFault::Bookmarks),
            // Taps begin with this one, before they have a bookmark.
            None if value.keys().all(|name| name == "currently_syncing") => Ok(Self { value }),
            None => Err(
                match WRAPPERS.iter().find(|name| value.contains_key(**name)) {
                    Some(wrapper) => StateFault::Wrapped(wrapper),
                    None => StateFault::NoBookmarks,
                },
            ),
        }
    }

    /// What is remembered of a stream.
    #[must_use]
    pub fn bookmark(&self, stream: &str) -> Option<&Value> {
        self.value.get("bookmarks")?.get(stream)
    }

    /// Replaces what is remembered of a stream.
    pub fn set_bookmark(&mut self, stream: &str, bookmark: Value) {
        let bookmarks = self
            .value
            .entry("bookmarks")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(bookmarks) = bookmarks {
            bookmarks.insert(stream.to_owned(), bookmark);
        }
    }

    /// Replaces a key beside the bookmarks.
    pub fn set(&mut self, key: &str, value: Value) {
        self.value.insert(key.to_owned(), value);
    }

    /// Forgets a stream.
    pub fn remove_bookmark(&mut self, stream: &str) {
        if let Some(Value::Object(bookmarks)) = self.value.get_mut("bookmarks") {
            bookmarks.shift_remove(stream);
        }
    }

    /// The value of a STATE message.
    #[must_use]
    pub fn value(&self) -> &Map<String, Value> {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_null_are_the_empty_state() {
        for text in ["", " \n", "null", "{}", r#"{"bookmarks":null}"#] {
            assert_eq!(State::parse(text).unwrap(), State::default(), "{text:?}");
        }
    }

    #[test]
    fn unknown_streams_and_keys_are_kept() {
        let mut state =
            State::parse(r#"{"version":1,"bookmarks":{"other":{"x":1},"contacts":1}}"#).unwrap();
        state.set_bookmark("contacts", Value::from(2));
        assert_eq!(
            Value::Object(state.value).to_string(),
            r#"{"version":1,"bookmarks":{"other":{"x":1},"contacts":2}}"#
        );
    }

    #[test]
    fn a_whole_message_is_read_as_its_value() {
        let state = State::parse(r#"{"type":"STATE","value":{"bookmarks":{"a":1}}}"#).unwrap();
        assert_eq!(state.bookmark("a"), Some(&Value::from(1)));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in [
            "[]",
            "1",
            "{",
            r#"{"bookmarks":[]}"#,
            r#"{"contacts":{"updated_at":1}}"#,
            r#"{"singer_state":{"bookmarks":{}}}"#,
            r#"{"access_token":"t"}"#,
            r#"{"access_token":"t","bookmarks":{}}"#,
            "{\"bookmarks\":{}}\n{\"bookmarks\":{}}\n",
        ] {
            assert!(State::parse(text).is_err(), "{text}");
        }
    }
}
