//! Whether a list inside a record has more than is there, seen while the record is passed over.

use super::numbers::whole_number;
use crate::json::scanner::Scanner;
use crate::json::strings::unquoted;

/// Passes over what stands where a list may be; whether that is a list, and says by `has_more`, in
/// whatever form it comes, or by its count that there is more of it.
pub(super) fn has_more(scanner: &mut Scanner<'_>) -> Option<bool> {
    if scanner.peek()? != b'{' {
        return scanner.value().map(|_| false);
    }
    let (mut is_list, mut length) = (false, 0);
    let (mut says_so, mut total) = (false, None);
    scanner.object(|scanner, name| {
        if name.is("data") {
            length = 0;
            is_list = scanner.peek()? == b'[';
            if is_list {
                return scanner.array(|scanner| {
                    length += 1;
                    scanner.value().map(drop)
                });
            }
            is_list = scanner.value()? == "null";
            return Some(());
        }
        let value = scanner.value()?;
        if name.is("has_more") {
            says_so = is_true(value);
        } else if name.is("total_count") {
            total = whole_number(value);
        }
        Some(())
    })?;
    Some(is_list && (says_so || total.is_some_and(|total| total > length)))
}

/// Whether a value says yes: `true`, as text too, or a number that isn't 0.
#[must_use]
pub fn is_true(json: &str) -> bool {
    match unquoted(json).as_deref().unwrap_or(json) {
        text if text.eq_ignore_ascii_case("true") => true,
        text => whole_number(text).is_some_and(|number| number > 0),
    }
}
