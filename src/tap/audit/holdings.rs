//! What the lake holds of one stream, to be looked up by key as the list passes by: 16 bytes a key,
//! since a stream may have millions.

use std::cmp::Reverse;

use super::keys::KeysOf;
use super::line::hash_of;
use crate::cli::Failure;
use crate::tap::time::EpochSeconds;

/// The keys of one stream, by their hashes. Two keys of one hash are as likely among a million as one
/// in thirty million.
#[derive(Debug, Default)]
pub struct Holdings {
    held: Vec<Held>,
}

/// What the lake holds of one key.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    hash: u64,
    /// From the lowest bit on: the version, in seconds since the earliest one, and 1; how many parts there
    /// are, and 1; whether it is settled. 0 is what isn't known.
    packed: u64,
}

/// Seconds of all instants that there are.
const VERSION_BITS: u32 = 39;
const VERSION: u64 = (1 << VERSION_BITS) - 1;
/// More parts than a record can have.
const PARTS_BITS: u32 = 24;
const PARTS: u64 = (1 << PARTS_BITS) - 1;
const SETTLED: u64 = 1 << (VERSION_BITS + PARTS_BITS);

impl Holdings {
    /// Of these keys; of one that was given several times, the newest version counts.
    pub fn of(keys: &mut KeysOf) -> Result<Self, Failure> {
        let mut held = Vec::with_capacity(keys.count());
        keys.each(|line| {
            let hash = hash_of(&line.key.text);
            held.push(Held::new(hash, line.updated_at, line.parts));
            Ok::<(), Failure>(())
        })?;
        held.sort_unstable_by_key(|held| (held.hash, Reverse(held.version())));
        held.dedup_by_key(|held| held.hash);
        Ok(Self { held })
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.held.len() as u64
    }

    /// What is held of a key.
    pub fn find(&mut self, hash: u64) -> Option<&mut Held> {
        let place = self.held.binary_search_by_key(&hash, |held| held.hash);
        self.held.get_mut(place.ok()?)
    }

    /// Whether there are keys that nothing has settled.
    #[must_use]
    pub fn has_unsettled(&self) -> bool {
        self.held.iter().any(|held| !held.is_settled())
    }

    /// Whether it is known of some key how many parts belong to it.
    #[must_use]
    pub fn knows_parts(&self) -> bool {
        self.held.iter().any(|held| held.parts().is_some())
    }
}

impl Held {
    fn new(hash: u64, version: Option<EpochSeconds>, parts: Option<u32>) -> Self {
        let mut held = Self { hash, packed: 0 };
        held.put(version, parts);
        held
    }

    fn put(&mut self, version: Option<EpochSeconds>, parts: Option<u32>) {
        let version = version.map_or(0, |version| {
            1 + (version - EpochSeconds::MIN).unsigned_abs()
        });
        let parts = parts.map_or(0, |parts| (1 + u64::from(parts)).min(PARTS));
        self.packed = version | parts << VERSION_BITS | self.packed & SETTLED;
    }

    /// The version, where it is known.
    #[must_use]
    pub fn version(self) -> Option<EpochSeconds> {
        let seconds = (self.packed & VERSION).checked_sub(1)?;
        Some(EpochSeconds::MIN + seconds.cast_signed())
    }

    /// How many parts belong to it, where it is known.
    #[must_use]
    pub fn parts(self) -> Option<u32> {
        let parts = (self.packed >> VERSION_BITS & PARTS).checked_sub(1)?;
        u32::try_from(parts).ok()
    }

    /// Whether the list has it, or it is settled otherwise.
    #[must_use]
    pub fn is_settled(self) -> bool {
        self.packed & SETTLED != 0
    }

    /// From here on, it is settled. Whether it was before.
    pub fn settle(&mut self) -> bool {
        let was = self.is_settled();
        self.packed |= SETTLED;
        was
    }

    /// Whether it is older than what was updated at that instant. What has no version never is.
    #[must_use]
    pub fn is_older(self, changed_at: Option<EpochSeconds>) -> bool {
        self.version().is_some() && self.version() < changed_at
    }

    /// From here on, it is held in this version, and with as many parts as there are.
    pub fn is_mended(&mut self, changed_at: Option<EpochSeconds>) {
        self.put(changed_at.or(self.version()), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out() {
        let instants = [EpochSeconds::MIN, EpochSeconds::EPOCH, EpochSeconds::MAX];
        let versions = instants.map(Some).into_iter().chain([None]);
        for version in versions {
            for parts in [None, Some(0), Some(1), Some(500)] {
                let mut held = Held::new(7, version, parts);
                assert_eq!((held.version(), held.parts()), (version, parts));
                assert!(!held.settle() && held.settle());
                assert_eq!((held.version(), held.parts()), (version, parts));
                held.is_mended(None);
                assert_eq!((held.version(), held.parts()), (version, None));
                assert!(held.is_settled());
            }
        }
        let many = Held::new(7, None, Some(u32::MAX));
        assert!(many.parts() > Some(16_000_000));
    }
}
