//! Finding what may end a string, for 64 bytes at once.

use wide::u8x16;

/// What is searched at once.
pub(super) const BLOCK_BYTES: usize = 64;
/// The last of the control characters, which may not stand in a string.
const LAST_CONTROL: u8 = 0x1f;

/// Where quotes, backslashes and control characters are: what a string doesn't just pass through.
///
/// They are looked for in blocks of 64 bytes, before it is known where strings begin, so that one
/// string need not be read to its end before the next can be found.
#[derive(Clone, Copy, Debug)]
pub struct Specials<'a> {
    /// The text they are looked for in.
    pub(super) bytes: &'a [u8],
    /// Where the block begins.
    block: usize,
    /// A bit for each of its bytes, the lowest for the first: 1 for a special one.
    mask: u64,
}

impl<'a> Specials<'a> {
    /// Those of a text.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            block: 0,
            mask: specials_of_block(bytes),
        }
    }

    /// The first special byte at `at` or behind it, or a place behind the end. Places asked for must
    /// not fall.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `end_of_string` in the scanner")]
    pub fn next(&mut self, mut at: usize) -> usize {
        loop {
            if at - self.block >= BLOCK_BYTES {
                self.block = at / BLOCK_BYTES * BLOCK_BYTES;
                if self.block >= self.bytes.len() {
                    return at;
                }
                self.mask = specials_of_block(&self.bytes[self.block..]);
            }
            let ahead = self.mask >> (at % BLOCK_BYTES);
            if ahead != 0 {
                return at + ahead.trailing_zeros() as usize;
            }
            at = self.block + BLOCK_BYTES;
        }
    }
}

#[inline]
fn specials_of_block(bytes: &[u8]) -> u64 {
    if let Some(block) = bytes.first_chunk() {
        return specials_of(block);
    }
    // Zeros are special too: they mark the end.
    let mut block = [0; BLOCK_BYTES];
    block[..bytes.len()].copy_from_slice(bytes);
    specials_of(&block)
}

#[inline]
fn specials_of(block: &[u8; BLOCK_BYTES]) -> u64 {
    let mut mask = 0;
    for (place, part) in block.as_chunks().0.iter().enumerate() {
        let part = u8x16::new(*part);
        let special = part.simd_eq(u8x16::splat(b'"'))
            | part.simd_eq(u8x16::splat(b'\\'))
            | part.simd_le(u8x16::splat(LAST_CONTROL));
        mask |= u64::from(special.to_bitmask()) << (16 * place);
    }
    mask
}
