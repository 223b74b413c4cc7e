//! Names that come more than once in an object. Most programs take the last of their values, some
//! look at all of them.

use std::collections::HashMap;

use super::members::members;
use super::scanner::Scanner;

/// The text with the values that come before: wherever names come more than once, the last of each
/// is gone. `None` where there are no such names.
#[must_use]
pub fn without_last(json: &str) -> Option<String> {
    let mut cut = String::new();
    copy(json, &mut cut).then_some(cut)
}

/// Appends the text without the last of names that come more than once; whether there were any.
fn copy(json: &str, cut: &mut String) -> bool {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => copy_object(json.trim(), cut),
        Some(b'[') => copy_array(json.trim(), cut),
        _ => {
            cut.push_str(json);
            false
        }
    }
}

fn copy_object(object: &str, cut: &mut String) -> bool {
    let members = members(object).unwrap_or_default();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for member in &members {
        *times.entry(&member.name).or_default() += 1;
    }
    let mut met: HashMap<&str, usize> = HashMap::new();
    let mut has_cut = false;
    cut.push('{');
    let start = cut.len();
    for member in &members {
        let met = met.entry(&member.name).or_default();
        *met += 1;
        if times[&*member.name] > 1 && *met == times[&*member.name] {
            has_cut = true;
            continue;
        }
        if cut.len() > start {
            cut.push(',');
        }
        cut.push_str(member.name_json);
        cut.push(':');
        has_cut |= copy(member.value, cut);
    }
    cut.push('}');
    has_cut
}

fn copy_array(array: &str, cut: &mut String) -> bool {
    let mut has_cut = false;
    cut.push('[');
    let start = cut.len();
    let mut scanner = Scanner::new(array);
    scanner.array(|scanner| {
        let element = scanner.value()?;
        if cut.len() > start {
            cut.push(',');
        }
        has_cut |= copy(element, cut);
        Some(())
    });
    cut.push(']');
    has_cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_goes_at_any_depth() {
        for (json, expected) in [
            (r#"{"a":1,"b":[1,{"c":"x"}]}"#, None),
            (r#"{"a":1, "\u0061":2,"b":3}"#, Some(r#"{"a":1,"b":3}"#)),
            (
                r#"[{"b":{"a":1,"a":2,"a":[]},"c":[]}, 7]"#,
                Some(r#"[{"b":{"a":1,"a":2},"c":[]},7]"#),
            ),
        ] {
            assert_eq!(without_last(json).as_deref(), expected, "{json}");
        }
    }
}
