//! What a file of an export holds, by its name or, where it has none, by its columns.

use crate::tap::read::places::Outputs;
use crate::tap::read::reading::Reading;
use crate::tap::streams::{ChildSource, ExportKind};

/// One column alone, such as an identifier, is common to many kinds.
const ENOUGH_COLUMNS: usize = 2;

/// The kinds that are known.
pub struct Kinds {
    named: Vec<Named>,
    /// Who gets what isn't known, and the property that says what it is.
    others: (Outputs, Option<&'static str>),
    /// Whether names say nothing: all files hold the same.
    are_all_one: bool,
}

struct Named {
    name: &'static str,
    columns: Vec<String>,
    outputs: Outputs,
}

/// The kind of one file.
#[derive(Debug, PartialEq)]
pub struct FileKind {
    /// What it is called.
    pub name: String,
    /// The outputs that its rows are for; none where nobody wants them.
    pub outputs: Outputs,
    /// The property that says what it is.
    pub told_as: Option<&'static str>,
}

impl Kinds {
    /// Those of a stream, the stream's own among them.
    pub fn new(reading: &Reading<'_>, own: ExportKind) -> Self {
        let mut kinds = Self {
            named: Vec::new(),
            others: (Outputs::default(), None),
            are_all_one: false,
        };
        kinds.add(own, &(reading.stream.schema)(), Outputs::OWN);
        for child in reading.stream.children {
            let ChildSource::SameExport(kind) = child.source else {
                continue;
            };
            let mut emitted = reading.children.iter();
            let place = emitted.position(|emitted| emitted.name == child.name);
            let outputs = place.map_or_else(Outputs::default, Outputs::child);
            kinds.add(kind, &(child.schema)(), outputs);
        }
        kinds
    }

    fn add(&mut self, kind: ExportKind, schema: &serde_json::Value, outputs: Outputs) {
        match kind {
            ExportKind::Named(name) => {
                let properties = schema["properties"].as_object();
                let columns = properties
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone());
                self.named.push(Named {
                    name,
                    columns: columns.collect(),
                    outputs,
                });
            }
            ExportKind::Others { told_as } => self.others = (outputs, Some(told_as)),
            ExportKind::Rows => {
                self.others = (outputs, None);
                self.are_all_one = true;
            }
        }
    }

    /// The first of those that know most of the columns, if it knows enough of them.
    fn by_columns(&self, columns: &[String]) -> Option<&Named> {
        let mut best = None;
        let mut most = ENOUGH_COLUMNS.max(columns.len().div_ceil(2)) - 1;
        for named in &self.named {
            let known = columns
                .iter()
                .filter(|column| named.columns.contains(column));
            let known = known.count();
            if known > most {
                (best, most) = (Some(named), known);
            }
        }
        best
    }

    /// The kind of a file of that name, with these columns.
    pub fn of(&self, name: Option<&str>, columns: &[String]) -> FileKind {
        // Rows are remembered with their kind, and the name of a file is another in every job.
        let name = name.filter(|_| !self.are_all_one);
        let from_name = name.and_then(kind_in);
        let known = match from_name {
            Some(kind) => self.named.iter().find(|named| named.name == kind),
            None if self.are_all_one => None,
            None => self.by_columns(columns),
        };
        match known {
            Some(known) => FileKind {
                name: known.name.to_owned(),
                outputs: known.outputs,
                told_as: None,
            },
            None => FileKind {
                name: from_name.or(name).unwrap_or_default().to_owned(),
                outputs: self.others.0,
                told_as: self.others.1,
            },
        }
    }
}

/// The kind in a name such as `kind_20240131-235959.csv`; none where the name isn't of that form.
fn kind_in(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?;
    let (kind, stamp) = file.strip_suffix(".csv")?.rsplit_once('_')?;
    let is_stamp = stamp
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    (!kind.is_empty() && !stamp.is_empty() && is_stamp).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Kinds {
        let named = |name, columns: &[&str], place| Named {
            name,
            columns: columns.iter().map(ToString::to_string).collect(),
            outputs: Outputs::child(place),
        };
        Kinds {
            named: vec![
                named("open", &["id", "opened_at"], 0),
                named("long", &["id", "opened_at", "more"], 1),
            ],
            others: (Outputs::child(2), Some("kind")),
            are_all_one: false,
        }
    }

    fn of(name: Option<&str>, columns: &[&str]) -> (String, Outputs) {
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let kind = kinds().of(name, &columns);
        (kind.name, kind.outputs)
    }

    #[test]
    fn a_name_says_the_kind() {
        let open = ("open".to_owned(), Outputs::child(0));
        assert_eq!(of(Some("a/open_20240131-235959.csv"), &["x"]), open);
        let other = ("series_exit".to_owned(), Outputs::child(2));
        let columns = ["id", "opened_at"];
        assert_eq!(of(Some("series_exit_20240131-235959.csv"), &columns), other);
    }

    #[test]
    fn without_one_the_columns_do() {
        assert_eq!(of(None, &["id", "opened_at", "new"]).0, "open");
        assert_eq!(of(None, &["more", "id", "opened_at"]).0, "long");
        assert_eq!(of(Some("export.csv"), &["id", "opened_at"]).0, "open");
        assert_eq!(of(None, &["id"]), (String::new(), Outputs::child(2)));
    }
}
