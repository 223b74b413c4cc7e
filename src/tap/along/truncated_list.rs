//! Lists inside a record of which the API gives only the first elements, and what shows it: `has_more`,
//! in whatever form it comes, or a count that is higher than what is there.

use std::ops::Range;

use crate::json::members::{members, range_in};
use crate::json::scanner::Scanner;
use crate::json::strings::unquoted;
use crate::tap::read::nested_list::is_true;
use crate::tap::read::numbers::whole_number;
use crate::tap::streams::{NestedList, NestedLists};

/// A list inside a record that has more than is there.
#[derive(Debug)]
pub struct TruncatedList<'a> {
    /// Which of the table's lists it is.
    pub list: &'static NestedList,
    /// Its elements.
    pub elements: Vec<&'a str>,
    /// Where the rest is, as it says itself.
    pub url: Option<String>,
    /// Whether its count alone says that it has more.
    pub is_by_count: bool,
    /// Where its elements stand in the record; it may be null that stands there.
    data: Range<usize>,
    /// Where it says that it has more.
    has_more: Option<Range<usize>>,
}

impl TruncatedList<'_> {
    /// What makes it whole: the elements that it lacks, behind those it has, and `has_more` false.
    pub fn completed(&self, record: &str, rest: &[&str]) -> Vec<(Range<usize>, String)> {
        let is_joined = !self.elements.is_empty() && !rest.is_empty();
        let comma = if is_joined { "," } else { "" };
        let rest = format!("{comma}{}", rest.join(","));
        let mut edits = vec![match &record[self.data.clone()] {
            "null" => (self.data.clone(), format!("[{rest}]")),
            _ => (self.data.end - 1..self.data.end - 1, rest),
        }];
        let has_more = self.has_more.clone();
        edits.extend(has_more.map(|range| (range, "false".to_owned())));
        edits
    }
}

/// The lists of a record that have more than is there. What isn't of the form of a list is none.
#[must_use]
pub fn truncated_lists<'a>(record: &'a str, nested: &NestedLists) -> Vec<TruncatedList<'a>> {
    let properties = members(record).unwrap_or_default();
    let found = properties.into_iter().filter_map(|property| {
        let mut lists = nested.lists.iter();
        let list = lists.find(|list| list.name == property.name)?;
        truncated_list(record, list, property.value)
    });
    found.collect()
}

fn truncated_list<'a>(
    record: &str,
    list: &'static NestedList,
    json: &'a str,
) -> Option<TruncatedList<'a>> {
    if !json.starts_with('{') {
        return None;
    }
    let (mut data, mut has_more, mut total, mut url) = (None, None, None, None);
    for member in members(json).ok()? {
        match &*member.name {
            "data" => data = Some(member.value),
            "has_more" => has_more = Some(member.value),
            "total_count" => total = whole_number(member.value),
            "url" => url = unquoted(member.value).map(std::borrow::Cow::into_owned),
            _ => {}
        }
    }
    let data = data?;
    let elements = if data == "null" {
        Vec::new()
    } else {
        elements_of(data)?
    };
    let says_so = has_more.is_some_and(is_true);
    let counts_more = total.is_some_and(|total| total > elements.len() as u64);
    (says_so || counts_more).then(|| TruncatedList {
        list,
        elements,
        url,
        is_by_count: !says_so,
        data: range_in(record, data),
        has_more: has_more.map(|json| range_in(record, json)),
    })
}

fn elements_of(array: &str) -> Option<Vec<&str>> {
    let mut elements = Vec::new();
    let mut scanner = Scanner::new(array);
    scanner.array(|scanner| {
        elements.push(scanner.value()?);
        Some(())
    })?;
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::edit::edited;
    use crate::tap::read::page::{Names, RecordJson, Row};

    const NESTED: NestedLists = NestedLists {
        lists: &[
            NestedList {
                name: "tags",
                place: "tags",
            },
            NestedList {
                name: "notes",
                place: "notes",
            },
        ],
        record_path: "/contacts/{id}",
    };

    fn found(record: &str) -> Vec<(&'static str, bool)> {
        let lists = truncated_lists(record, &NESTED).into_iter();
        let found: Vec<_> = lists.map(|one| (one.list.name, one.is_by_count)).collect();
        let names = Names {
            key: "is",
            lists: NESTED.lists,
            ..Names::USUAL
        };
        let row = RecordJson::owned(record.replacen('{', r#"{"is":"1","#, 1));
        let row = Row::parse(row, names).unwrap();
        assert_eq!(row.is_truncated, !found.is_empty(), "{record}");
        found
    }

    #[test]
    fn a_list_is_truncated_however_it_says_so() {
        for (rest, expected) in [
            (r#""has_more":true"#, Some(false)),
            (r#""has_more":"true","url":null"#, Some(false)),
            (r#""has_more":1"#, Some(false)),
            (r#""total_count":2,"has_more":null"#, Some(true)),
            (r#""total_count":"2""#, Some(true)),
            (r#""total_count":2,"has_more":false"#, Some(true)),
            (r#""total_count":1,"has_more":false"#, None),
            (r#""total_count":1,"has_more":"false""#, None),
            (r#""total_count":1,"has_more":0"#, None),
            (r#""total_count":1"#, None),
            (r#""has_more":"later""#, None),
        ] {
            let record = format!(r#"{{"tags":{{"data":[{{"id":"1"}}],{rest}}}}}"#);
            let expected: Vec<_> = expected
                .map(|is_by_count| ("tags", is_by_count))
                .into_iter()
                .collect();
            assert_eq!(found(&record), expected, "{record}");
        }
    }

    #[test]
    fn only_lists_of_the_table_are_lists_and_only_in_their_form() {
        let list = r#"{"data":[{"id":"1"}],"has_more":true,"url":"/contacts/1/tags"}"#;
        assert_eq!(
            found(&format!(r#"{{"tags":{list},"other":{list}}}"#)),
            [("tags", false)]
        );
        assert!(found(&format!(r#"{{"custom_attributes":{list}}}"#)).is_empty());
        assert!(found(&format!(r#"{{"custom_attributes":{{"tags":{list}}}}}"#)).is_empty());
        for odd in [
            "null",
            "[]",
            r#""later""#,
            r#"{"data":7,"has_more":true}"#,
            r#"{"has_more":true,"total_count":7}"#,
        ] {
            assert!(found(&format!(r#"{{"tags":{odd}}}"#)).is_empty(), "{odd}");
        }
    }

    #[test]
    fn what_it_lacks_comes_behind_what_it_has() {
        for (list, expected) in [
            (
                r#"{"data":[ 1 ],"has_more":1}"#,
                r#"{"data":[ 1 ,2,3],"has_more":false}"#,
            ),
            (
                r#"{"has_more":true,"data":[]}"#,
                r#"{"has_more":false,"data":[2,3]}"#,
            ),
            (
                r#"{"total_count":2,"data":null}"#,
                r#"{"total_count":2,"data":[2,3]}"#,
            ),
        ] {
            let record = format!(r#"{{"id":"a","notes":{list}}}"#);
            let truncated = truncated_lists(&record, &NESTED).remove(0);
            let whole = edited(&record, truncated.completed(&record, &["2", "3"]));
            assert_eq!(whole, format!(r#"{{"id":"a","notes":{expected}}}"#));
        }
    }
}
