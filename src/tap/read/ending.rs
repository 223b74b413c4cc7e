//! How ids end: what sets rows apart that no bound of time does. Pure.

use std::fmt;

/// The ids of contacts end with any of these, those of other records with the first ten.
const DIGITS: [u8; 16] = *b"0123456789abcdef";
/// Ids that have so many last digits in common aren't set apart.
const MOST_DIGITS: usize = 4;

/// The last digits of ids; of none, all ids have them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ending {
    digits: [u8; MOST_DIGITS],
    /// How many of them count, from the first on.
    length: usize,
}

impl Ending {
    /// None where it isn't the end of an id as they are set apart.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_fit = text.len() <= MOST_DIGITS && text.bytes().all(|digit| DIGITS.contains(&digit));
        is_fit.then(|| {
            let mut ending = Self::default();
            for digit in text.bytes().rev() {
                ending = ending.behind(digit);
            }
            ending
        })
    }

    /// The digits.
    #[must_use]
    pub fn text(&self) -> &str {
        // Digits are ASCII.
        std::str::from_utf8(&self.digits[..self.length]).unwrap_or_default()
    }

    /// Whether it is of all ids.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The endings that are longer by a digit; none where these are the longest.
    pub fn longer(self) -> impl Iterator<Item = Self> {
        let digits = if self.length < MOST_DIGITS {
            &DIGITS[..]
        } else {
            &[]
        };
        digits.iter().map(move |digit| self.behind(*digit))
    }

    /// The end that all ids have which end in one of both.
    #[must_use]
    pub fn shared(self, other: Self) -> Self {
        let pairs = self.text().bytes().rev().zip(other.text().bytes().rev());
        let mut shared = Self::default();
        for (digit, _) in pairs.take_while(|(one, other)| one == other) {
            shared = shared.behind(digit);
        }
        shared
    }

    /// These digits behind that one.
    fn behind(self, digit: u8) -> Self {
        let mut longer = self;
        longer.digits[1..=self.length].copy_from_slice(&self.digits[..self.length]);
        longer.digits[0] = digit;
        longer.length += 1;
        longer
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_digits_ends_in_just_one_longer_ending() {
        for id in ["6650", "66a0f3c9", "0", "ffff"] {
            let mut ending = Ending::default();
            for length in 1..=id.len().min(MOST_DIGITS) {
                let longer: Vec<Ending> = ending
                    .longer()
                    .filter(|longer| id.ends_with(longer.text()))
                    .collect();
                let [next] = longer[..] else {
                    panic!("{id}: {longer:?}");
                };
                assert_eq!(next.text(), &id[id.len() - length..]);
                assert_eq!(Ending::parse(next.text()), Some(next));
                ending = next;
            }
        }
        let longest = Ending::parse("12ab").unwrap();
        assert_eq!(longest.longer().count(), 0);
    }

    #[test]
    fn what_two_share_is_what_both_end_in() {
        for (one, other, expected) in [
            ("12", "12", "12"),
            ("32", "12", "2"),
            ("2", "12", "2"),
            ("1", "2", ""),
            ("", "2", ""),
        ] {
            let (one, other) = (Ending::parse(one).unwrap(), Ending::parse(other).unwrap());
            assert_eq!(one.shared(other).text(), expected);
            assert_eq!(other.shared(one).text(), expected);
        }
    }

    #[test]
    fn no_other_text_is_one() {
        for text in ["12345", "g", "A", "é", " "] {
            assert_eq!(Ending::parse(text), None, "{text}");
        }
    }
}
