//! Leaving properties out of a record while every other byte stays as it came. A path leads through
//! arrays to the properties of their elements, whether or not an array is expected there.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::json::members::{fault_of, members, range_in};
use crate::json::scanner::Scanner;

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

    /// Whether a property of the object is left out with all that is in it.
    #[must_use]
    pub fn leaves_out(&self, name: &str) -> bool {
        self.left_out.get(name) == Some(&LeftOut::Whole)
    }

    /// Appends `record`, a JSON object, to `out` without what is left out.
    pub fn copy(&self, record: &str, out: &mut String) -> Result<(), serde_json::Error> {
        let mut cuts = Vec::new();
        self.cuts(record, 0, &mut cuts)?;
        let mut copied = 0;
        for cut in cuts {
            out.push_str(&record[copied..cut.start]);
            copied = cut.end;
        }
        out.push_str(&record[copied..]);
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
        let place = |part: &str| range_in(object, part);
        let mut kept_before = None;
        for (index, member) in members.iter().enumerate() {
            let value = place(member.value);
            match self.left_out.get(member.name.as_ref()) {
                Some(LeftOut::Whole) => {
                    // One comma goes with it: the following one, or, behind the last kept member,
                    // the one before.
                    let start = place(member.name_json).start;
                    let cut = match (members.get(index + 1), kept_before) {
                        (Some(next), _) => start..place(next.name_json).start,
                        (None, Some(end)) => end..value.end,
                        (None, None) => start..value.end,
                    };
                    merge(cuts, base + cut.start..base + cut.end);
                }
                Some(LeftOut::Inside(inner)) => {
                    inner.cuts_inside(member.value, base + value.start, cuts)?;
                    kept_before = Some(value.end);
                }
                None => kept_before = Some(value.end),
            }
        }
        Ok(())
    }

    /// The same for a value of any kind, which begins at `base` of the record.
    fn cuts_inside(
        &self,
        value: &str,
        base: usize,
        cuts: &mut Vec<Range<usize>>,
    ) -> Result<(), serde_json::Error> {
        match value.as_bytes().first() {
            Some(b'{') => self.cuts(value, base, cuts)?,
            Some(b'[') => {
                for element in elements(value)? {
                    self.cuts_inside(element, base + range_in(value, element).start, cuts)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The elements of a JSON array, in their order.
fn elements(array: &str) -> Result<Vec<&str>, serde_json::Error> {
    let mut elements = Vec::new();
    let mut scanner = Scanner::new(array);
    let passed = scanner.array(|scanner| {
        elements.push(scanner.value()?);
        Some(())
    });
    passed.map(|()| elements).ok_or_else(|| fault_of(array))
}

/// A cut of the last member begins where cuts before it may already have begun.
fn merge(cuts: &mut Vec<Range<usize>>, cut: Range<usize>) {
    while cuts.last().is_some_and(|last| last.start >= cut.start) {
        cuts.pop();
    }
    cuts.push(cut);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(paths: &[&[&str]], record: &str) -> String {
        let mut projection = Projection::default();
        for path in paths {
            projection.leave_out(path);
        }
        let mut out = String::new();
        projection.copy(record, &mut out).unwrap();
        out
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
    fn a_path_leads_into_the_elements_of_arrays() {
        assert_eq!(
            without(
                &[&["tags", "name"], &["tags", "list", "a"]],
                r#"{"tags":[ {"id":1,"name":"x"},7,[{"name":2}], {"list":{"a":1,"b":2}}]}"#
            ),
            r#"{"tags":[ {"id":1},7,[{}], {"list":{"b":2}}]}"#
        );
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
