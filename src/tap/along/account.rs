//! How one child, or one kind of nested list, fares in a run.

/// After so many lists whose count alone said that they have more, and none had, counts aren't believed.
pub const MOST_MISCOUNTED: u64 = 20;

/// What came of all requests for it.
#[derive(Debug, Default)]
pub struct Account {
    /// So many were had.
    pub had: u64,
    /// So many lists lacked nothing, though their count said so.
    pub all_there: u64,
    /// Whether a list lacked what its count alone told of.
    pub lacked_by_count: bool,
    /// So many parents seemed to be gone, after the last one that was found to be.
    pub seem_gone: u64,
    /// So many parents had none.
    pub without: u64,
    /// So many couldn't be had.
    pub missing: u64,
    /// So many of these were refused.
    pub refused: u64,
    /// Of the last refusal.
    pub why: Option<String>,
    /// Why no more of it is asked for in this run.
    pub given_up: Option<String>,
}

impl Account {
    /// Whether lists of its kind are counted otherwise than by what is in them.
    #[must_use]
    pub fn is_miscounted(&self) -> bool {
        self.all_there >= MOST_MISCOUNTED && !self.lacked_by_count
    }
}
