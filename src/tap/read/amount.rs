//! How many of something there are, as far as that can be told: pure arithmetic.

use std::fmt;

/// A number that may be known, bounded or guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// No fewer.
    pub least: u64,
    /// The best guess, where there is one.
    pub about: Option<u64>,
    /// No more, where that is known.
    pub most: Option<u64>,
}

impl Amount {
    /// None.
    pub const NONE: Self = Self::exactly(0);

    /// So many.
    #[must_use]
    pub const fn exactly(number: u64) -> Self {
        Self {
            least: number,
            about: Some(number),
            most: Some(number),
        }
    }

    /// So many or more.
    #[must_use]
    pub const fn at_least(number: u64) -> Self {
        Self {
            least: number,
            about: None,
            most: None,
        }
    }

    /// Between these, both included.
    #[must_use]
    pub const fn between(least: u64, most: u64) -> Self {
        Self {
            least,
            about: if least == most { Some(least) } else { None },
            most: Some(most),
        }
    }

    /// The same with that guess, or with the bound that is nearer to it.
    #[must_use]
    pub fn guessed(self, about: u64) -> Self {
        let most = self.most.unwrap_or(u64::MAX).max(self.least);
        Self {
            about: Some(about.clamp(self.least, most)),
            ..self
        }
    }

    /// Whether it is known.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.most == Some(self.least)
    }

    /// These and those.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        Self {
            least: self.least.saturating_add(other.least),
            about: sum(self.about, other.about),
            most: sum(self.most, other.most),
        }
    }

    /// What something makes of each of the numbers, which must grow with them.
    #[must_use]
    pub fn map(self, make: impl Fn(u64) -> u64) -> Self {
        Self {
            least: make(self.least),
            about: self.about.map(&make),
            most: self.most.map(&make),
        }
    }

    /// Whether nothing at all is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.least == 0 && self.about.is_none() && self.most.is_none()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.about, self.most) {
            _ if self.is_exact() => self.least.fmt(formatter),
            (Some(about), _) => write!(formatter, "about {about}"),
            (None, Some(most)) => write!(formatter, "{} to {most}", self.least),
            (None, None) if self.least == 0 => formatter.write_str("not told"),
            (None, None) => write!(formatter, "{} or more", self.least),
        }
    }
}

/// Pages that so many rows fill.
#[must_use]
pub fn pages(rows: u64, per_page: u32) -> u64 {
    rows.div_ceil(u64::from(per_page.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_knows_what_all_of_it_knows() {
        let known = Amount::exactly(3).plus(Amount::between(1, 5).guessed(2));
        assert_eq!(
            (known.least, known.about, known.most),
            (4, Some(5), Some(8))
        );
        let open = known.plus(Amount::at_least(1));
        assert_eq!((open.least, open.about, open.most), (5, None, None));
    }

    #[test]
    fn an_amount_says_how_well_it_is_known() {
        let told = [
            Amount::exactly(7),
            Amount::between(2, 9),
            Amount::between(2, 9).guessed(100),
            Amount::at_least(4),
            Amount::at_least(0),
        ];
        let told = told.map(|amount| amount.to_string());
        assert_eq!(told, ["7", "2 to 9", "about 9", "4 or more", "not told"]);
    }
}
