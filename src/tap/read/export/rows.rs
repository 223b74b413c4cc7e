//! Rows of CSV as JSON objects: the header's names as keys, every value as the text that it was.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::cli::foreign::told;

/// What is made of rows at once, at least.
const BATCH_BYTES: usize = 512 << 10;
const BUFFER: usize = 256 << 10;

/// A file of rows.
pub struct Rows<R> {
    reader: Reader<R>,
    record: ByteRecord,
    /// `"name":` for each column, with what stands before it.
    keys: Vec<String>,
    /// The columns' names, each once.
    columns: Vec<String>,
    /// Rows with too few values, and with too many.
    short: u64,
    long: u64,
    /// Values that weren't UTF-8.
    mended: u64,
}

/// Some rows, one behind the other.
#[derive(Debug, Default)]
pub struct JsonRows {
    /// Their objects, without anything between them.
    pub text: String,
    /// Where each ends.
    pub ends: Vec<usize>,
}

impl<R: Read> Rows<R> {
    /// Reads the header. The rows begin with a member `first`, where there is one.
    pub fn open(file: R, first: Option<(&str, &str)>) -> csv::Result<Self> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(file);
        let mut record = ByteRecord::new();
        reader.read_byte_record(&mut record)?;
        let mut columns = Vec::new();
        let taken: HashSet<&str> = first.iter().map(|(name, _)| *name).collect();
        for (place, name) in record.iter().enumerate() {
            let name = String::from_utf8_lossy(name).into_owned();
            let name = name.trim_start_matches('\u{feff}').to_owned();
            let taken = |name: &str| taken.contains(name) || columns.iter().any(|it| it == name);
            columns.push(unique(name, place, taken));
        }
        let lead = match first {
            Some((name, value)) => format!("{{{}:{}", quoted(name), quoted(value)),
            None => "{".to_owned(),
        };
        let mut rows = Self {
            reader,
            record,
            keys: Vec::new(),
            columns: Vec::new(),
            short: 0,
            long: 0,
            mended: 0,
        };
        for name in columns {
            let before = match rows.keys.is_empty() {
                true if first.is_some() => format!("{lead},"),
                true => lead.clone(),
                false => ",".to_owned(),
            };
            rows.keys.push(format!("{before}{}:", quoted(&name)));
            rows.columns.push(name);
        }
        Ok(rows)
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next rows; none at the end.
    pub fn next_rows(&mut self) -> csv::Result<Option<JsonRows>> {
        let mut rows = JsonRows {
            text: String::with_capacity(BATCH_BYTES + BATCH_BYTES / 8),
            ends: Vec::new(),
        };
        while rows.text.len() < BATCH_BYTES {
            if !self.reader.read_byte_record(&mut self.record)? {
                break;
            }
            // An empty line is no row where there are several columns.
            if self.record.len() == 1 && self.record[0].is_empty() && self.keys.len() > 1 {
                continue;
            }
            self.put(&mut rows.text);
            rows.ends.push(rows.text.len());
        }
        Ok((!rows.ends.is_empty()).then_some(rows))
    }

    /// Says what was odd about a file.
    pub fn tell(&self, stream: &str) {
        if self.short + self.long > 0 {
            tracing::warn!(
                "{stream}: {} rows of an export have fewer values than its header has names, and {} \
                 more; the latter's are in properties named by their place, such as `column_{}`",
                self.short,
                self.long,
                self.keys.len() + 1
            );
        }
        if self.mended > 0 {
            tracing::warn!(
                "{stream}: {} values of an export aren't UTF-8; what can't be read in them is replaced",
                self.mended
            );
        }
    }

    fn put(&mut self, text: &mut String) {
        self.short += u64::from(self.record.len() < self.keys.len());
        self.long += u64::from(self.record.len() > self.keys.len());
        for (place, value) in self.record.iter().enumerate() {
            match self.keys.get(place) {
                Some(key) => text.push_str(key),
                None => {
                    text.push_str(&format!(",\"column_{}\":", place + 1));
                }
            }
            text.push('"');
            let value = String::from_utf8_lossy(value);
            self.mended += u64::from(matches!(value, Cow::Owned(_)));
            escape(&value, text);
            text.push('"');
        }
        text.push('}');
    }
}

/// A column's name, told from those before it.
fn unique(name: String, place: usize, is_taken: impl Fn(&str) -> bool) -> String {
    if name.is_empty() {
        return format!("column_{}", place + 1);
    }
    if !is_taken(&name) {
        return name;
    }
    let mut numbered = (2..).map(|number| format!("{name}_{number}"));
    let unique = numbered.find(|name| !is_taken(name)).unwrap_or_default();
    tracing::warn!(
        "an export has two columns {}; the second is `{}`",
        told(&name),
        told(&unique)
    );
    unique
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a text as JSON writes it, without the quotes.
fn escape(value: &str, text: &mut String) {
    let mut rest = value;
    let is_special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    while let Some(at) = rest.bytes().position(is_special) {
        text.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            other => text.push_str(&format!("\\u{other:04x}")),
        }
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(csv: &[u8], first: Option<(&str, &str)>) -> Vec<String> {
        let mut rows = Rows::open(csv, first).unwrap();
        let mut found = Vec::new();
        while let Some(some) = rows.next_rows().unwrap() {
            let mut start = 0;
            for end in some.ends {
                found.push(some.text[start..end].to_owned());
                start = end;
            }
        }
        for object in &found {
            serde_json::from_str::<serde_json::Value>(object).unwrap();
        }
        found
    }

    #[test]
    fn values_are_the_text_that_they_were() {
        let csv = "id,text\n007,\"line one\r\nline \"\"two\"\", ü\"\n, \\ \t\u{1} \n";
        assert_eq!(
            objects(csv.as_bytes(), None),
            [
                r#"{"id":"007","text":"line one\r\nline \"two\", ü"}"#,
                r#"{"id":"","text":" \\ \t\u0001 "}"#
            ]
        );
    }

    #[test]
    fn columns_are_told_apart_and_rows_may_be_ragged() {
        assert_eq!(
            objects(
                "\u{feff}a,a,,a_2\n1,2,3,4\n1\n1,2,3,4,5,6\n".as_bytes(),
                None
            ),
            [
                r#"{"a":"1","a_2":"2","column_3":"3","a_2_2":"4"}"#,
                r#"{"a":"1"}"#,
                r#"{"a":"1","a_2":"2","column_3":"3","a_2_2":"4","column_5":"5","column_6":"6"}"#
            ]
        );
        assert_eq!(objects(b"", None), Vec::<String>::new());
        assert_eq!(objects(b"a,b", None), Vec::<String>::new());
        assert_eq!(objects(b"a\n\xff\n", None), ["{\"a\":\"\u{fffd}\"}"]);
    }

    #[test]
    fn the_kind_comes_first_and_keeps_its_name() {
        assert_eq!(
            objects(b"kind,b\nx,y\n", Some(("kind", "bounce"))),
            [r#"{"kind":"bounce","kind_2":"x","b":"y"}"#]
        );
    }
}
