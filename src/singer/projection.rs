//! Leaving properties out of a record while every other byte stays as it came.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// Which properties of an object are left out, at any depth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    left_out: BTreeMap<String, LeftOut>,
}

#[derive(Clone, Debug, PartialEq)]
enum LeftOut {
    Whole,
    Inside(Projection),
}

impl Projection {
    /// Leaves out the property at `path`, such as `["source", "author"]`.
    pub fn leave_out(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [name] => {
                self.left_out.insert((*name).to_owned(), LeftOut::Whole);
            }
            [name, rest @ ..] => {
                let inner = self
                    .left_out
                    .entry((*name).to_owned())
                    .or_insert_with(|| LeftOut::Inside(Self::default()));
                if let LeftOut::Inside(inner) = inner {
                    inner.leave_out(rest);
                }
            }
        }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn keeps_all(&self) -> bool {
        self.left_out.is_empty()
    }

    /// Appends `record`, a JSON object, to `out` without what is left out.
    pub fn copy(&self, record: &str, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let mut cuts = Vec::new();
        self.cuts(record, 0, &mut cuts)?;
        let bytes = record.as_bytes();
        let mut copied = 0;
        for cut in cuts {
            out.extend_from_slice(&bytes[copied..cut.start]);
            copied = cut.end;
        }
        out.extend_from_slice(&bytes[copied..]);
        Ok(())
    }

    /// Finds the ranges to cut, ascending; `object` begins at `base` of the record.
    fn cuts(
        &self,
        object: &str,
        base: usize,
        cuts: &mut Vec<Range<usize>>,
    ) -> Result<(), serde_json::Error> {
        let members = members(object)?;
        let mut kept_before = None;
        for (index, member) in members.iter().enumerate() {
            match self.left_out.get(member.name.as_ref()) {
                Some(LeftOut::Whole) => {
                    // One comma goes with it: the following one, or, behind the last kept member,
                    // the one before.
                    let cut = match (members.get(index + 1), kept_before) {
                        (Some(next), _) => member.key.start..next.key.start,
                        (None, Some(end)) => end..member.value.end,
                        (None, None) => member.key.start..member.value.end,
                    };
                    merge(cuts, base + cut.start..base + cut.end);
                }
                Some(LeftOut::Inside(inner)) if object.as_bytes()[member.value.start] == b'{' => {
                    let value = &object[member.value.clone()];
                    inner.cuts(value, base + member.value.start, cuts)?;
                    kept_before = Some(member.value.end);
                }
                _ => kept_before = Some(member.value.end),
            }
        }
        Ok(())
    }
}

/// A cut of the last member begins where cuts before it may already have begun.
fn merge(cuts: &mut Vec<Range<usize>>, cut: Range<usize>) {
    while cuts.last().is_some_and(|last| last.start >= cut.start) {
        cuts.pop();
    }
    cuts.push(cut);
}

struct Member<'a> {
    name: Cow<'a, str>,
    key: Range<usize>,
    value: Range<usize>,
}

fn members(object: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    struct Members<'a>(&'a str);
    impl<'a> Visitor<'a> for Members<'a> {
        type Value = Vec<Member<'a>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<&'a RawValue, &'a RawValue>()? {
                let name = match key.get().trim_matches('"') {
                    plain if !plain.contains('\\') => Cow::Borrowed(plain),
                    _ => Cow::Owned(
                        serde_json::from_str(key.get()).map_err(serde::de::Error::custom)?,
                    ),
                };
                members.push(Member {
                    name,
                    key: range_in(self.0, key.get()),
                    value: range_in(self.0, value.get()),
                });
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(object);
    deserializer.deserialize_map(Members(object))
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

    fn without(paths: &[&[&str]], record: &str) -> String {
        let mut projection = Projection::default();
        for path in paths {
            projection.leave_out(path);
        }
        let mut out = Vec::new();
        projection.copy(record, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_other_byte_stays() {
        let record = r#"{"a": 1e2, "b":[1, {"a":2}],"c" : {"a":1.10,"b":-0.0}, "d":null}"#;
        let cases: [(&[&[&str]], &str); 9] = [
            (&[], record),
            (
                &[&["a"]],
                r#"{"b":[1, {"a":2}],"c" : {"a":1.10,"b":-0.0}, "d":null}"#,
            ),
            (
                &[&["b"]],
                r#"{"a": 1e2, "c" : {"a":1.10,"b":-0.0}, "d":null}"#,
            ),
            (
                &[&["d"]],
                r#"{"a": 1e2, "b":[1, {"a":2}],"c" : {"a":1.10,"b":-0.0}}"#,
            ),
            (&[&["c"], &["d"]], r#"{"a": 1e2, "b":[1, {"a":2}]}"#),
            (
                &[&["b"], &["d"]],
                r#"{"a": 1e2, "c" : {"a":1.10,"b":-0.0}}"#,
            ),
            (
                &[&["c", "b"], &["d"]],
                r#"{"a": 1e2, "b":[1, {"a":2}],"c" : {"a":1.10}}"#,
            ),
            (
                &[&["c", "a"], &["c", "b"]],
                r#"{"a": 1e2, "b":[1, {"a":2}],"c" : {}, "d":null}"#,
            ),
            (&[&["a"], &["b"], &["c"], &["d"]], "{}"),
        ];
        for (paths, expected) in cases {
            assert_eq!(without(paths, record), expected, "{paths:?}");
        }
    }

    #[test]
    fn an_escaped_name_is_the_same_name() {
        assert_eq!(without(&[&["é"]], r#"{"\u00e9":1,"e":2}"#), r#"{"e":2}"#);
    }

    #[test]
    fn a_path_into_what_is_no_object_cuts_nothing() {
        let record = r#"{"source":null,"tags":[1]}"#;
        assert_eq!(
            without(&[&["source", "author"], &["tags", "x"]], record),
            record
        );
    }
}
