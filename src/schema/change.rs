//! What a schema allows that it didn't, in words.

use std::fmt;

/// Something that was added to a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// Where in the record, as a JSON pointer with `*` for every element of an array; empty at its
    /// top.
    pub path: String,
    /// What it is.
    pub kind: ChangeKind,
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The value may be of this type too.
    Type(&'static str),
    /// The property was unknown; its value is of this type.
    Declared(&'static str),
    /// The value need no longer meet this keyword.
    Unbound(String),
    /// The property need no longer be there.
    Optional,
    /// The object has had too many unknown properties: it is free-form from here on.
    FreeForm,
    /// Values need no longer meet anything but types.
    TypesOnly,
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path.as_str() {
            "" => "the record",
            path => path,
        };
        write!(formatter, "{path} {}", self.kind)
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(name) => write!(formatter, "may be {}", with_article(name)),
            Self::Declared(name) => write!(formatter, "is new and may be {}", with_article(name)),
            Self::Unbound(keyword) => write!(formatter, "is no longer bound by `{keyword}`"),
            Self::Optional => formatter.write_str("may be missing"),
            Self::FreeForm => {
                formatter.write_str("has too many unknown properties and may hold any from here on")
            }
            Self::TypesOnly => formatter.write_str("is bound by types alone from here on"),
        }
    }
}

fn with_article(name: &str) -> String {
    match name {
        "null" => name.to_owned(),
        "array" | "integer" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    }
}
