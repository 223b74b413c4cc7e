//! Which values of a tap's state a run may store: the one place that has the rule.
//!
//! A tap repeats in each STATE all that it was given when it began. Runs of other streams may have
//! moved some of it since, be it while this run goes on, be it before it began. So a value that is
//! not what is stored is one of these:
//!
//! - **Ours**: a SCHEMA of the stream of that name has come, or the value has changed since the run's
//!   first STATE. It is stored; if another run has moved it meanwhile, this run fails.
//! - **Perhaps ours**: neither, but a stream was loaded that nothing in the state is named for, so
//!   that something of another name must be its bookmark, and it may have moved before the first
//!   STATE or with the only one. It is stored unless it is *behind* what is stored, as are values
//!   that are merely repeated, and gives way to a run that has brought it further.
//! - **Repeated**: all else. It is stored only where nothing is yet, so that a state from elsewhere
//!   isn't lost, and gives way to whoever stores it meanwhile.
//!
//! A top-level key beside the bookmarks is ours or perhaps ours in the same way, and never merely
//! repeated: most are no stream's. Where two taps have moved one that isn't, the later one counts.
//!
//! What equals what was stored when the run began, or what the run stored last, is no news at all.

use std::cmp::Ordering;
use std::collections::HashSet;

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::cli::Failure;

/// The key of the bookmarks.
pub const BOOKMARKS: &str = "bookmarks";
/// Where an interrupted tap was; worth nothing to the next run.
const CURRENTLY_SYNCING: &str = "currently_syncing";

/// A tap's state, taken apart into what may be stored on its own.
#[derive(Clone, Debug, Default)]
pub struct TapState {
    /// Bookmarks by the names that the tap gives them.
    pub bookmarks: Map<String, Value>,
    /// The other top-level keys. Some taps have all of their state there.
    pub others: Map<String, Value>,
}

impl TapState {
    /// Takes a JSON object or null.
    pub fn parse(state: &str) -> Result<Self, Failure> {
        let Value::Object(mut others) = serde_json::from_str(state).map_err(Failure::failed)?
        else {
            return Ok(Self::default());
        };
        others.remove(CURRENTLY_SYNCING);
        let bookmarks = match others.remove(BOOKMARKS) {
            Some(Value::Object(bookmarks)) => bookmarks,
            None | Some(Value::Null) => Map::new(),
            Some(odd) => {
                others.insert(BOOKMARKS.to_owned(), odd);
                Map::new()
            }
        };
        Ok(Self { bookmarks, others })
    }

    /// Whether it says something of a stream.
    #[must_use]
    pub fn names(&self, stream: &str) -> bool {
        self.bookmarks.contains_key(stream) || self.others.contains_key(stream)
    }
}

/// Whose a value is, as far as a run can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This run has moved it.
    Ours,
    /// This run may have moved it.
    Perhaps,
    /// This run's tap only says what it was told.
    Repeated,
}

impl Claim {
    /// Whether the value may take the place of `stored`, which is another value; `None`: of nothing.
    #[must_use]
    pub fn replaces(self, stored: Option<&Value>, value: &Value) -> bool {
        match (self, stored) {
            (_, None) | (Self::Ours, _) => true,
            (Self::Perhaps, Some(stored)) => !is_behind(value, stored),
            (Self::Repeated, Some(_)) => false,
        }
    }
}

/// What a run knows of its own part in the tap's state.
#[derive(Debug, Default)]
pub struct Claims {
    /// The streams that it has received a SCHEMA of.
    loaded: HashSet<String>,
    /// The run's first STATE.
    first: Option<TapState>,
}

impl Claims {
    /// Takes note of a SCHEMA.
    pub fn loads(&mut self, stream: &str) {
        if !self.loaded.contains(stream) {
            self.loaded.insert(stream.to_owned());
        }
    }

    /// Takes note of the run's first STATE.
    pub fn began_with(&mut self, state: TapState) {
        self.first = Some(state);
    }

    /// Whether a SCHEMA of that name has come.
    #[must_use]
    pub fn has_loaded(&self, stream: &str) -> bool {
        self.loaded.contains(stream)
    }

    /// The bookmark of that name in the first STATE.
    #[must_use]
    pub fn first_bookmark(&self, name: &str) -> Option<&Value> {
        self.first.as_ref()?.bookmarks.get(name)
    }

    /// The top-level key in the first STATE.
    #[must_use]
    pub fn first_other(&self, key: &str) -> Option<&Value> {
        self.first.as_ref()?.others.get(key)
    }

    /// Whose the bookmark of that name is, which stood as `first` in the first STATE.
    #[must_use]
    pub fn claim(&self, name: &str, value: &Value, first: Option<&Value>, of: &TapState) -> Claim {
        if self.loaded.contains(name) || first != Some(value) {
            Claim::Ours
        } else if self.loaded.iter().all(|stream| of.names(stream)) {
            Claim::Repeated
        } else {
            Claim::Perhaps
        }
    }

    /// Whose the top-level key is, which stood as `first` in the first STATE.
    #[must_use]
    pub fn claim_of_other(&self, key: &str, value: &Value, first: Option<&Value>) -> Claim {
        if self.loaded.contains(key) || first != Some(value) {
            Claim::Ours
        } else {
            Claim::Perhaps
        }
    }
}

/// Whether a value says less than `stored` does: what can be compared in both of them is smaller or
/// earlier somewhere, and nowhere greater or later.
fn is_behind(value: &Value, stored: &Value) -> bool {
    let mut found = Vec::new();
    compare(value, stored, &mut found);
    found.contains(&Ordering::Less) && !found.contains(&Ordering::Greater)
}

fn compare(value: &Value, stored: &Value, found: &mut Vec<Ordering>) {
    match (value, stored) {
        (Value::Object(value), Value::Object(stored)) => {
            found.extend(compare_emptiness(value.is_empty(), stored.is_empty()));
            for (key, value) in value {
                if let Some(stored) = stored.get(key) {
                    compare(value, stored, found);
                }
            }
        }
        (Value::Array(value), Value::Array(stored)) => {
            found.extend(compare_emptiness(value.is_empty(), stored.is_empty()));
            if value.len() == stored.len() {
                for (value, stored) in value.iter().zip(stored) {
                    compare(value, stored, found);
                }
            }
        }
        (Value::Null, stored) => found.extend(compare_emptiness(true, stored.is_null())),
        (value, Value::Null) => found.extend(compare_emptiness(value.is_null(), true)),
        (Value::Number(value), Value::Number(stored)) => {
            let numbers = value.as_f64().zip(stored.as_f64());
            found.extend(numbers.and_then(|(value, stored)| value.partial_cmp(&stored)));
        }
        (Value::String(value), Value::String(stored)) => {
            found.extend(compare_texts(value, stored));
        }
        _ => {}
    }
}

fn compare_emptiness(value_is_empty: bool, stored_is_empty: bool) -> Option<Ordering> {
    match (value_is_empty, stored_is_empty) {
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        _ => None,
    }
}

/// Instants, dates and numbers have an order; of cursors and the like none is known.
fn compare_texts(value: &str, stored: &str) -> Option<Ordering> {
    if let (Ok(value), Ok(stored)) = (
        DateTime::parse_from_rfc3339(value),
        DateTime::parse_from_rfc3339(stored),
    ) {
        return Some(value.cmp(&stored));
    }
    if is_date(value) && is_date(stored) {
        return Some(value.cmp(stored));
    }
    let (Ok(value), Ok(stored)) = (value.parse::<f64>(), stored.parse::<f64>()) else {
        return None;
    };
    value.partial_cmp(&stored)
}

/// Whether a text begins with a year and a month, as in `2024-02-01 10:05`.
fn is_date(text: &str) -> bool {
    let text = text.as_bytes();
    text.len() >= 7
        && text[..7]
            .iter()
            .enumerate()
            .all(|(place, byte)| match place {
                4 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(value: &Value) -> TapState {
        TapState::parse(&value.to_string()).unwrap()
    }

    /// What a run that has loaded `loaded` makes of `name` in its newest STATE.
    fn claim(loaded: &[&str], first: &Value, newest: &Value, name: &str) -> Claim {
        let mut claims = Claims::default();
        for stream in loaded {
            claims.loads(stream);
        }
        claims.began_with(state(first));
        let newest = state(newest);
        let value = &newest.bookmarks[name];
        claims.claim(name, value, claims.first_bookmark(name), &newest)
    }

    #[test]
    fn whose_a_bookmark_is() {
        let before = json!({ "bookmarks": { "a": 1, "b": 1 } });
        let after = json!({ "bookmarks": { "a": 1, "b": 2 } });
        // By its SCHEMA, by having moved, by being merely repeated.
        assert_eq!(claim(&["a"], &before, &before, "a"), Claim::Ours);
        assert_eq!(claim(&["a"], &before, &after, "b"), Claim::Ours);
        assert_eq!(claim(&["a"], &after, &after, "b"), Claim::Repeated);
        // A stream whose bookmark has another name may have any; one that is named at the top level
        // has its own.
        assert_eq!(claim(&["c"], &after, &after, "b"), Claim::Perhaps);
        let flat = json!({ "bookmarks": { "b": 2 }, "c": 1 });
        assert_eq!(claim(&["c"], &flat, &flat, "b"), Claim::Repeated);
    }

    #[test]
    fn what_is_behind() {
        let behind = |value: Value, stored: Value| is_behind(&value, &stored);
        assert!(behind(json!({"at": 1}), json!({"at": 9})));
        assert!(!behind(json!({"at": 9}), json!({"at": 1})));
        assert!(behind(
            json!({"at": "2024-02-01T00:00:00Z", "key": "x"}),
            json!({"at": "2024-02-01T00:00:00-01:00", "key": "x"})
        ));
        assert!(behind(json!("2024-01-31"), json!("2024-02-01 10:00")));
        assert!(behind(json!("9"), json!("10")));
        assert!(behind(json!({"at": null}), json!({"at": 0})));
        assert!(behind(json!({}), json!({"at": 0})));
        assert!(behind(json!([{"at": 1}, 2]), json!([{"at": 2}, 2])));
        // Nothing is known of these.
        assert!(!behind(json!("cursor-a"), json!("cursor-b")));
        assert!(!behind(
            json!({"at": 2, "page": 1}),
            json!({"at": 1, "page": 7})
        ));
        assert!(!behind(json!(1), json!("2")));
    }

    #[test]
    fn what_takes_the_place_of_what() {
        let (old, new) = (json!(1), json!(2));
        for claim in [Claim::Ours, Claim::Perhaps, Claim::Repeated] {
            assert!(claim.replaces(None, &old));
        }
        assert!(Claim::Ours.replaces(Some(&new), &old));
        assert!(Claim::Perhaps.replaces(Some(&old), &new));
        assert!(!Claim::Perhaps.replaces(Some(&new), &old));
        assert!(!Claim::Repeated.replaces(Some(&old), &new));
    }

    #[test]
    fn states_of_all_kinds_come_apart() {
        assert!(state(&json!(null)).others.is_empty());
        assert!(
            state(&json!({"bookmarks": null, "currently_syncing": "x"}))
                .others
                .is_empty()
        );
        let odd = state(&json!({"bookmarks": [1], "x": 2}));
        assert_eq!(Value::Object(odd.others), json!({"x": 2, "bookmarks": [1]}));
    }
}
