//! Where the lake and the workspace differ: a line each, and what it comes to. Pure.

use serde_json::{Value, json};

use crate::tap::time::EpochSeconds;

/// How a key differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The lake has nothing of it.
    Missing,
    /// The lake has an older version.
    Stale,
    /// The workspace no longer has it.
    Gone {
        /// The key of what it was merged into, where the API names it.
        successor: Option<String>,
    },
    /// The lake has fewer of its parts than the workspace.
    PartsMissing,
}

/// A difference.
#[derive(Clone, Debug)]
pub struct Difference<'a> {
    /// The stream.
    pub stream: &'a str,
    /// The key, as JSON.
    pub key_json: &'a str,
    /// How it differs.
    pub what: What,
    /// The workspace's version.
    pub changed_at: Option<EpochSeconds>,
    /// The lake's.
    pub lake_changed_at: Option<EpochSeconds>,
}

/// What the audit of one stream, or of one that is read along with it, came to.
#[derive(Clone, Debug, Default)]
pub struct AuditTally {
    /// The stream.
    pub stream: &'static str,
    /// How many the workspace has.
    pub in_workspace: u64,
    /// How many keys the lake has.
    pub in_lake: u64,
    /// What differs, by how.
    pub missing: u64,
    pub stale: u64,
    pub gone: u64,
    pub parts_missing: u64,
}

impl Difference<'_> {
    /// As a line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        let what = match self.what {
            What::Missing => "missing",
            What::Stale => "stale",
            What::Gone { .. } => "gone",
            What::PartsMissing => "parts_missing",
        };
        let successor = match &self.what {
            What::Gone {
                successor: Some(successor),
            } => format!(r#","merged_into":{}"#, json!(successor)),
            _ => String::new(),
        };
        // The key's bytes stay as they are: a number may be longer than any type has digits for.
        format!(
            "{{\"stream\":{},\"key\":{},\"what\":\"{what}\",\"updated_at\":{},\
             \"lake_updated_at\":{}{successor}}}\n",
            json!(self.stream),
            self.key_json,
            json!(self.changed_at),
            json!(self.lake_changed_at),
        )
    }
}

impl AuditTally {
    /// Of a stream of which nothing is compared yet.
    #[must_use]
    pub fn of(stream: &'static str, in_lake: u64) -> Self {
        Self {
            stream,
            in_lake,
            ..Self::default()
        }
    }

    /// Counts a difference.
    pub fn count(&mut self, what: &What) {
        *match what {
            What::Missing => &mut self.missing,
            What::Stale => &mut self.stale,
            What::Gone { .. } => &mut self.gone,
            What::PartsMissing => &mut self.parts_missing,
        } += 1;
    }

    /// For a report: the stream's name, and what it came to.
    #[must_use]
    pub fn document(&self) -> (String, Value) {
        let document = json!({
            "in_workspace": self.in_workspace,
            "in_lake": self.in_lake,
            "missing": self.missing,
            "stale": self.stale,
            "gone": self.gone,
            "parts_missing": self.parts_missing,
        });
        (self.stream.to_owned(), document)
    }

    /// How many differences there are.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.missing + self.stale + self.gone + self.parts_missing
    }
}

/// The lines of a table of them.
#[must_use]
pub fn table(tallies: &[AuditTally]) -> Vec<String> {
    let names = tallies.iter().map(|tally| tally.stream.len());
    let width = names.chain(["stream".len()]).max().unwrap_or_default();
    let row = |name: &str, cells: [String; 6]| {
        let [workspace, lake, missing, stale, gone, parts] = cells;
        format!(
            "{name:width$}  {workspace:>16}  {lake:>11}  {missing:>8}  {stale:>8}  {gone:>8}  {parts:>13}"
        )
    };
    let heads = [
        "in the workspace",
        "in the lake",
        "missing",
        "stale",
        "gone",
        "parts missing",
    ];
    let mut lines = vec![row("stream", heads.map(str::to_owned))];
    for tally in tallies {
        let cells = [
            tally.in_workspace,
            tally.in_lake,
            tally.missing,
            tally.stale,
            tally.gone,
            tally.parts_missing,
        ];
        lines.push(row(tally.stream, cells.map(|cell| cell.to_string())));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_differs_and_numbers_keep_their_digits() {
        let difference = |key_json, what| Difference {
            stream: "s",
            key_json,
            what,
            changed_at: EpochSeconds::new(5),
            lake_changed_at: None,
        };
        assert_eq!(
            difference("123456789012345678901", What::Missing).line(),
            "{\"stream\":\"s\",\"key\":123456789012345678901,\"what\":\"missing\",\"updated_at\":5,\
             \"lake_updated_at\":null}\n"
        );
        let merged = What::Gone {
            successor: Some("b".into()),
        };
        let line = difference(r#"["a",1]"#, merged).line();
        assert!(line.ends_with(",\"lake_updated_at\":null,\"merged_into\":\"b\"}\n"));
        assert!(line.contains(r#""key":["a",1],"what":"gone""#), "{line}");
    }

    #[test]
    fn the_table_has_a_row_for_each() {
        let mut tally = AuditTally::of("long_name", 7);
        tally.count(&What::Stale);
        let lines = table(&[tally]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), lines[1].len());
        let cells: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(cells, ["long_name", "0", "7", "0", "1", "0", "0"]);
    }
}
