//! What figures are held against. A figure that misses its bar is marked, so that nobody has to
//! compare the columns of a table.

use std::fmt;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Bar {
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
}

/// A share of two decimals, rounded down: what is told to reach a bar does.
pub fn rounded_down(share: f64) -> f64 {
    (share * 100.0).floor() / 100.0
}

/// What follows a figure in its row: its bar, and a mark where it misses it.
pub struct Verdict {
    bar: f64,
    is_missed: bool,
}

impl Bar {
    /// Holds a figure against it.
    pub fn of(self, figure: f64) -> Verdict {
        let (bar, is_missed) = match self {
            Bar::AtLeast(bar) => (bar, figure < bar),
            Bar::AtMost(bar) => (bar, figure > bar),
        };
        Verdict { bar, is_missed }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "(bar: {})", self.bar)?;
        if self.is_missed {
            write!(out, " **missed**")?;
        }
        Ok(())
    }
}
