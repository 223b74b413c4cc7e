//! How many parts belong to a key: keys are asked for in the order in which both are sorted.

use std::io;
use std::iter::Peekable;

use super::sorter::Sorted;

/// Counts as they are asked for.
pub struct Counts {
    links: Peekable<Sorted>,
}

impl Counts {
    /// `links` are entries whose key is the record that a part belongs to, one for each part.
    #[must_use]
    pub fn new(links: Sorted) -> Self {
        Self {
            links: links.peekable(),
        }
    }

    /// How many belong to that key, which must not come before one that was asked for earlier.
    pub fn of(&mut self, hash: u64, key: &str) -> io::Result<u64> {
        let mut count = 0;
        loop {
            match self.links.peek() {
                Some(Ok(link)) if (link.hash, link.key.as_str()) <= (hash, key) => {
                    count += u64::from(link.key == key);
                }
                Some(Err(_)) => {}
                _ => return Ok(count),
            }
            if let Some(taken) = self.links.next() {
                taken?;
            }
        }
    }
}
