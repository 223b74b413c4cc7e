//! What a record must be to be let in: an object that has its keys and is as its schema says.

use std::fmt;

use super::record::{KeyFault, KeyProperties};
use crate::json::scanner::MOST_LEVELS;
use crate::schema::validator::{Invalid, Rejection, Validator};

/// What the records of a stream must be, by its last SCHEMA.
#[derive(Debug)]
pub struct Admission {
    /// What every record must have.
    pub key_properties: KeyProperties,
    /// What every record must satisfy, unless validation is off. A schema that can't be used is a
    /// fault only once a record has to be held against it.
    pub validator: Result<Option<Validator>, SchemaFault>,
}

/// Why a SCHEMA can't be used.
#[derive(Clone, Debug)]
pub struct SchemaFault {
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a record isn't let in.
#[derive(Debug)]
pub enum Inadmissible {
    /// It is no object.
    NotAnObject,
    /// It nests so deep that it can't be told whether it has its keys.
    TooDeep,
    /// It lacks this key property.
    LacksKey(String),
    /// It fails its schema in these ways, at least one.
    Invalid(Vec<Invalid>),
    /// The schema asks for a check that nobody would wait for.
    TooCostly,
    /// There is no schema that it can be held against.
    NoSchema(SchemaFault),
}

impl Admission {
    /// Looks at a record, which must be valid JSON.
    pub fn check(&self, record: &str) -> Result<(), Inadmissible> {
        let validator = self.validator.as_ref();
        let validator = validator.map_err(|fault| Inadmissible::NoSchema(fault.clone()))?;
        if !record.starts_with('{') {
            return Err(Inadmissible::NotAnObject);
        }
        self.key_properties
            .check(record)
            .map_err(|fault| match fault {
                KeyFault::Lacks(key) => Inadmissible::LacksKey(key.to_owned()),
                KeyFault::TooDeep => Inadmissible::TooDeep,
            })?;
        let Some(validator) = validator else {
            return Ok(());
        };
        validator
            .check(record)
            .map_err(|rejection| match rejection {
                Rejection::Invalid(faults) => Inadmissible::Invalid(faults),
                Rejection::TooCostly => Inadmissible::TooCostly,
            })
    }
}

impl Inadmissible {
    /// Whether the schema is at fault, and not the record.
    pub fn is_of_schema(&self) -> bool {
        matches!(self, Self::TooCostly | Self::NoSchema(_))
    }

    /// Everything that is wrong with the record.
    pub fn errors(&self) -> Vec<String> {
        match self {
            Self::Invalid(faults) => faults.iter().map(ToString::to_string).collect(),
            _ => vec![self.to_string()],
        }
    }
}

impl fmt::Display for Inadmissible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => formatter.write_str("the record is not an object"),
            Self::TooDeep => write!(
                formatter,
                "the record nests deeper than {MOST_LEVELS} levels"
            ),
            Self::LacksKey(key) => write!(formatter, "the record lacks the key property `{key}`"),
            Self::TooCostly => formatter.write_str(
                "the schema can't be used: checking this record against it takes too many steps",
            ),
            Self::NoSchema(fault) => {
                write!(formatter, "the schema can't be used: {}", fault.reason)
            }
            Self::Invalid(faults) => {
                formatter.write_str("the record does not match the schema")?;
                match faults.first() {
                    Some(fault) => write!(formatter, ": {fault}"),
                    None => Ok(()),
                }
            }
        }
    }
}
