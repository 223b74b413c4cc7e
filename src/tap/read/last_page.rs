//! What the state remembers of a list whose cursors can be kept: the page that was read last, where the
//! next run goes on.

use serde_json::{Map, Value, json};

const NAME: &str = "last_page";

/// The page that was read last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastPage {
    /// The cursor that it is asked for with; none for the list's first page.
    pub cursor: Option<String>,
    /// Keys of its rows that were read.
    pub keys: Vec<String>,
}

impl LastPage {
    /// Takes it out of a bookmark's members. The error says what is wrong, to follow the stream's name.
    pub fn parse(members: &mut Map<String, Value>) -> Result<Self, String> {
        let Some(page) = members.shift_remove(NAME) else {
            return Ok(Self::default());
        };
        let keys = match &page["keys"] {
            Value::Null => Vec::new(),
            keys => serde_json::from_value(keys.clone())
                .map_err(|error| format!("`{NAME}.keys` isn't a list of texts ({error})"))?,
        };
        Ok(Self {
            cursor: page["starting_after"].as_str().map(str::to_owned),
            keys,
        })
    }

    /// Puts it among a bookmark's members.
    pub fn put(&self, members: &mut Map<String, Value>) {
        if *self == Self::default() {
            return;
        }
        let mut page = Map::new();
        if let Some(cursor) = &self.cursor {
            page.insert("starting_after".into(), json!(cursor));
        }
        if !self.keys.is_empty() {
            page.insert("keys".into(), json!(self.keys));
        }
        members.insert(NAME.into(), Value::Object(page));
    }
}
