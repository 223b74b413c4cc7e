//! The members of an object, and where they stand in its text.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::scanner::Scanner;
use super::surrogates::mended;

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name, without quotes and escapes; see [`unquoted`].
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
    let passed = scanner.object(|scanner, name_json| {
        let value = scanner.value()?;
        members.push(Member {
            name: unquoted(name_json)?,
            name_json,
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

/// A JSON string without its quotes and escapes; U+FFFD for each half of a surrogate pair.
#[must_use]
pub fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    let content = serde_json::from_str(json).or_else(|_| serde_json::from_str(&mended(json)));
    content.ok().map(Cow::Owned)
}

/// Where `part`, a slice of `whole`, lies in it.
#[must_use]
pub fn range_in(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_pair_is_one_character() {
        assert_eq!(unquoted(r#""x\ud83d""#).unwrap(), "x\u{fffd}");
        assert_eq!(unquoted(r#""\ud83d\ude00""#).unwrap(), "\u{1f600}");
        assert_eq!(unquoted(r#""plain""#).unwrap(), "plain");
        assert_eq!(unquoted("plain"), None);
    }
}
