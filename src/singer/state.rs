//! The state of a tap: one JSON object with a bookmark a stream, of which unknown streams and keys
//! are kept as they came.

use serde_json::{Map, Value};

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
}

impl State {
    /// Reads a state: the bare value, or a whole STATE message. An empty text and `null` are the
    /// empty state.
    pub fn parse(text: &str) -> Result<Self, StateFault> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut value = match serde_json::from_str(text)? {
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
        match value.get("bookmarks") {
            None | Some(Value::Object(_)) => Ok(Self { value }),
            Some(Value::Null) => {
                value.remove("bookmarks");
                Ok(Self { value })
            }
            Some(_) => Err(StateFault::Bookmarks),
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
        for text in ["[]", "1", "{", r#"{"bookmarks":[]}"#] {
            assert!(State::parse(text).is_err(), "{text}");
        }
    }
}
