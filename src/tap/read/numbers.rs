//! Numbers around the records, in whatever form they come: what can't be read says nothing, and is no
//! reason to refuse the records.

/// From here on not every whole number is one of `f64`.
const LIMIT: f64 = 9_007_199_254_740_992.0;

/// A whole number that isn't negative: `4`, `"4"`, `4.0`.
#[must_use]
pub fn whole_number(json: &str) -> Option<u64> {
    let text = json
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(json)
        .trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    let is_whole = number.fract() == 0.0 && (0.0..LIMIT).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the limits"
    )]
    is_whole.then_some(number as u64)
}

/// Whether a value is a number that isn't whole. No schema has such keys.
#[must_use]
pub fn is_fraction(json: &str) -> bool {
    json.contains(['.', 'e', 'E'])
        && json
            .parse()
            .is_ok_and(|number: f64| number.is_finite() && number.fract() != 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_count() {
        for (json, expected) in [
            ("4", Some(4)),
            ("\" 4 \"", Some(4)),
            ("4.0", Some(4)),
            ("4e2", Some(400)),
            ("4.5", None),
            ("-4", None),
            ("1e300", None),
            ("\"NaN\"", None),
            ("null", None),
            ("\"\"", None),
        ] {
            assert_eq!(whole_number(json), expected, "{json}");
        }
    }
    #[test]
    fn only_numbers_with_a_part_behind_the_point_are_fractions() {
        for (json, expected) in [
            ("1.5", true),
            ("15e-1", true),
            ("-1.5", true),
            ("1.0", false),
            ("1e2", false),
            ("1e999", false),
            ("7", false),
            ("\"1.5\"", false),
            ("null", false),
        ] {
            assert_eq!(is_fraction(json), expected, "{json}");
        }
    }
}
