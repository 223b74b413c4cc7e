//! What the lake holds of one stream, to be looked up by key as the list passes by: 24 bytes a key,
//! since a stream may have millions.

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
    version: EpochSeconds,
    parts: u32,
    /// Whether the list has it, or it is settled otherwise.
    pub is_settled: bool,
}

const NO_VERSION: EpochSeconds = EpochSeconds::MIN;
const NO_COUNT: u32 = u32::MAX;

impl Holdings {
    /// Of these keys; of one that was given several times, the newest version counts.
    pub fn of(keys: &mut KeysOf) -> Result<Self, Failure> {
        let mut held = Vec::with_capacity(keys.count());
        keys.each(|line| {
            held.push(Held {
                hash: hash_of(&line.key.text),
                version: line.updated_at.unwrap_or(NO_VERSION),
                parts: line.parts.unwrap_or(NO_COUNT),
                is_settled: false,
            });
            Ok::<(), Failure>(())
        })?;
        held.sort_unstable_by_key(|held| (held.hash, std::cmp::Reverse(held.version)));
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
        self.held.iter().any(|held| !held.is_settled)
    }

    /// Whether it is known of some key how many parts belong to it.
    #[must_use]
    pub fn knows_parts(&self) -> bool {
        self.held.iter().any(|held| held.parts != NO_COUNT)
    }
}

impl Held {
    /// The version, where it is known.
    #[must_use]
    pub fn version(self) -> Option<EpochSeconds> {
        (self.version != NO_VERSION).then_some(self.version)
    }

    /// How many parts belong to it, where it is known.
    #[must_use]
    pub fn parts(self) -> Option<u32> {
        (self.parts != NO_COUNT).then_some(self.parts)
    }

    /// Whether it is older than what was updated at that instant. What has no version never is.
    #[must_use]
    pub fn is_older(self, changed_at: Option<EpochSeconds>) -> bool {
        self.version().is_some() && self.version() < changed_at
    }

    /// From here on, it is held in this version, and with as many parts as there are.
    pub fn is_mended(&mut self, changed_at: Option<EpochSeconds>) {
        self.version = changed_at.unwrap_or(self.version);
        self.parts = NO_COUNT;
    }
}
