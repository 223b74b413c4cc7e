//! The members of an object, and where they stand in its text.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::scanner::Scanner;

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name, without quotes and escapes; see [`super::strings::unquoted`].
    pub name: Cow<'a, str>,
    /// Its name as it stands in the text.
    pub name_json: &'a str,
    /// Its value as it stands in the text.
    pub value: &'a str,
}

/// The members of a JSON object, in their order.
pub fn members(object: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    let mut members = Vec::new();
    let mut scanner = Scanner::new(object);
    let passed = scanner.object(|scanner, name| {
        let value = scanner.value()?;
        members.push(Member {
            name: name.content()?,
            name_json: name.json(),
            value,
        });
        Some(())
    });
    match passed {
        Some(()) if scanner.is_at_end() => Ok(members),
        _ => Err(fault_of(object)),
    }
}

/// The value of one member of a JSON object.
pub fn member<'a>(object: &'a str, name: &str) -> Result<Option<&'a str>, serde_json::Error> {
    let found = members(object)?
        .into_iter()
        .find(|member| member.name == name);
    Ok(found.map(|member| member.value))
}

/// What is wrong with a text that a [`Scanner`] didn't get through.
#[must_use]
pub fn fault_of(text: &str) -> serde_json::Error {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => error,
        Ok(_) => serde::de::Error::custom("it isn't of the form expected"),
    }
}

/// Where `part`, a slice of `whole`, lies in it.
#[must_use]
pub fn range_in(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}
