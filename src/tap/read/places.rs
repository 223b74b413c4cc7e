//! Up to where in a stream's list each of its outputs was emitted: the stream's own records, and
//! each child's. Where they stand at different places, one reading serves them all, and each row is
//! for those only that lack it.

use serde::{Deserialize, Serialize};

use super::bookmark::Bookmark;

/// Some of what is emitted of a stream.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outputs(u32);

impl Outputs {
    /// All of it.
    pub const ALL: Self = Self(u32::MAX);
    /// The stream's own records.
    pub const OWN: Self = Self(1);

    /// The records of the child at that place in the plan.
    #[must_use]
    pub fn child(place: usize) -> Self {
        Self(2 << place)
    }

    /// These and those.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These but for those.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether some of those are among these.
    #[must_use]
    pub fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Where some outputs stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Which.
    pub outputs: Outputs,
    /// What is remembered of them.
    pub bookmark: Bookmark,
}

impl Place {
    /// Everything stands where nothing was emitted yet.
    #[must_use]
    pub fn beginning() -> Vec<Self> {
        vec![Self {
            outputs: Outputs::ALL,
            bookmark: Bookmark::default(),
        }]
    }
}
