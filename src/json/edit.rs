//! Text with some of its bytes replaced.

use std::ops::Range;

/// The text with each of these ranges, which don't overlap, replaced by what stands beside it.
#[must_use]
pub fn edited(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let added: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut out = String::with_capacity(text.len() + added);
    let mut copied = 0;
    for (range, new) in edits {
        out += &text[copied..range.start];
        out += &new;
        copied = range.end;
    }
    out + &text[copied..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_come_in_any_order_and_may_be_empty() {
        let edits = vec![
            (4..6, "EF".to_owned()),
            (0..0, ">".to_owned()),
            (1..2, String::new()),
        ];
        assert_eq!(edited("abcdef", edits), ">acdEF");
        assert_eq!(edited("abc", Vec::new()), "abc");
    }
}
