//! Versions of full tables: which lists are being loaded, and which came to be empty. Pure.

use std::collections::{HashMap, HashSet};

/// The versions of all streams of a run, which are called by their places.
#[derive(Debug, Default)]
pub struct Versions {
    /// The version of each stream's newest record, as JSON text.
    current: HashMap<usize, String>,
    /// Versions that are said to be whole.
    activated: HashMap<usize, String>,
    /// Streams whose version isn't whole yet.
    open: HashSet<usize>,
}

impl Versions {
    /// A record of that version has come. Gives whether a list begins with it: a version that was
    /// activated before its records isn't one.
    pub fn record(&mut self, stream: usize, version: &str) -> bool {
        if self
            .current
            .get(&stream)
            .is_some_and(|current| current == version)
        {
            return false;
        }
        self.current.insert(stream, version.to_owned());
        if self
            .activated
            .get(&stream)
            .is_some_and(|whole| whole == version)
        {
            self.open.remove(&stream);
            return false;
        }
        self.open.insert(stream);
        true
    }

    /// A version is whole.
    pub fn activate(&mut self, stream: usize, version: &str) {
        self.open.remove(&stream);
        self.activated.insert(stream, version.to_owned());
    }

    /// Whether some list isn't whole yet.
    #[must_use]
    pub fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Streams of which a version is whole that no record was of.
    pub fn empty(&self) -> impl Iterator<Item = usize> {
        self.activated
            .iter()
            .filter(|(stream, version)| self.current.get(stream) != Some(version))
            .map(|(stream, _)| *stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_open_until_it_is_whole() {
        let mut versions = Versions::default();
        assert!(versions.record(0, "1"));
        assert!(!versions.record(0, "1"));
        assert!(versions.are_open());
        versions.activate(0, "1");
        versions.activate(1, "1");
        assert!(!versions.are_open());
        assert_eq!(versions.empty().collect::<Vec<_>>(), [1]);
        // Tables that only grow have a version that was activated long ago.
        assert!(!versions.record(1, "1"));
        assert!(!versions.are_open());
        assert_eq!(versions.empty().count(), 0);
    }
}
