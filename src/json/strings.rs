//! Strings and names as they stand in JSON text.

use std::borrow::Cow;

use super::surrogates::mended;

/// The name of a member, as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    json: &'a str,
    is_plain: bool,
}

impl<'a> Name<'a> {
    /// A name with its quotes; `is_plain` says that it has no escapes.
    pub(super) fn new(json: &'a str, is_plain: bool) -> Self {
        Self { json, is_plain }
    }

    /// Its text, quotes and escapes included.
    #[must_use]
    #[inline]
    pub fn json(self) -> &'a str {
        self.json
    }

    /// Whether its bytes stand for themselves.
    #[must_use]
    #[inline]
    pub fn is_plain(self) -> bool {
        self.is_plain
    }

    /// Without quotes and escapes; see [`unquoted`].
    #[must_use]
    pub fn content(self) -> Option<Cow<'a, str>> {
        if self.is_plain {
            return Some(Cow::Borrowed(self.inside()));
        }
        unquoted(self.json)
    }

    /// Whether this is the name, however it is written.
    #[must_use]
    #[inline]
    pub fn is(self, name: &str) -> bool {
        if self.is_plain {
            return self.inside() == name;
        }
        unquoted(self.json).is_some_and(|content| content == name)
    }

    #[inline]
    fn inside(self) -> &'a str {
        &self.json[1..self.json.len() - 1]
    }
}

/// Tells most names from those that are looked for, without comparing them: by their lengths and first
/// letters.
#[derive(Clone, Copy, Debug)]
pub struct NameSieve(u64);

impl NameSieve {
    /// Lets these names through.
    #[must_use]
    pub fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self(names.fold(0, |bits, name| bits | Self::bit(name)))
    }

    /// Whether it may be one of them.
    #[must_use]
    #[inline]
    pub fn lets_through(self, name: Name<'_>) -> bool {
        !name.is_plain || self.0 & Self::bit(name.inside()) != 0
    }

    #[inline]
    fn bit(name: &str) -> u64 {
        let first = name.as_bytes().first().copied().unwrap_or_default();
        1 << ((5 * name.len() + usize::from(first)) % 64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sieve_lets_through_what_is_looked_for_however_it_is_written() {
        let sieve = NameSieve::of(["id", "updated_at", ""].into_iter());
        for json in [r#""id""#, r#""updated_at""#, r#""""#] {
            assert!(sieve.lets_through(Name::new(json, true)), "{json}");
        }
        assert!(sieve.lets_through(Name::new(r#""\u0069d""#, false)));
        let others = ["email", "name", "type", "phone", "tags", "created_at"];
        let kept_back = |name: &&str| !sieve.lets_through(Name::new(&format!("\"{name}\""), true));
        assert_eq!(others.iter().filter(|name| kept_back(name)).count(), 6);
    }

    #[test]
    fn half_a_pair_is_one_character() {
        assert_eq!(unquoted(r#""x\ud83d""#).unwrap(), "x\u{fffd}");
        assert_eq!(unquoted(r#""\ud83d\ude00""#).unwrap(), "\u{1f600}");
        assert_eq!(unquoted(r#""plain""#).unwrap(), "plain");
        assert_eq!(unquoted("plain"), None);
    }
}
