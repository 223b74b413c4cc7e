//! Memory for lines on their way to objects, used again and again, and handed on rather than copied.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Used blocks that are kept for their memory, up to which size each and in all, in bytes.
const KEPT_BLOCK_BYTES: usize = 4 * 1024 * 1024;
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// What a block has room for that small pieces are gathered in, in bytes.
const GATHERED_BYTES: usize = 256 * 1024;

/// Memory to use again: fresh pages cost as much as filling them.
#[derive(Debug, Default)]
pub struct SpareBlocks {
    blocks: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    blocks: Vec<Vec<u8>>,
    bytes: usize,
}

impl SpareBlocks {
    /// An empty block.
    pub fn take(&self) -> Vec<u8> {
        let mut kept = self.lock();
        let block = kept.blocks.pop().unwrap_or_default();
        kept.bytes -= block.capacity();
        block
    }

    /// Takes back a block that nobody needs any more.
    pub fn give(&self, mut block: Vec<u8>) {
        let bytes = block.capacity();
        let mut kept = self.lock();
        // What was handed on has left no memory, and would be in the way of what has.
        if bytes > 0 && bytes <= KEPT_BLOCK_BYTES && kept.bytes + bytes <= KEPT_BYTES {
            block.clear();
            kept.bytes += bytes;
            kept.blocks.push(block);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that wait to be sent, in the blocks that they came in.
#[derive(Debug)]
pub struct Unsent {
    blocks: VecDeque<Vec<u8>>,
    /// How much of the first block is gone.
    gone: usize,
    length: usize,
    spare: Arc<SpareBlocks>,
}

impl Unsent {
    /// Nothing; blocks go back to `spare`.
    pub fn new(spare: &Arc<SpareBlocks>) -> Self {
        Self {
            blocks: VecDeque::new(),
            gone: 0,
            length: 0,
            spare: Arc::clone(spare),
        }
    }

    /// In bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Adds a block as it is.
    pub fn push(&mut self, block: Vec<u8>) {
        if block.is_empty() {
            return self.spare.give(block);
        }
        self.length += block.len();
        self.blocks.push_back(block);
    }

    /// Adds a copy of bytes, to the last block where it has room.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        match self.blocks.back_mut() {
            Some(last) if last.capacity() - last.len() >= bytes.len() => {
                last.extend_from_slice(bytes);
            }
            _ => {
                let mut block = self.spare.take();
                block.reserve(bytes.len().max(GATHERED_BYTES));
                block.extend_from_slice(bytes);
                self.blocks.push_back(block);
            }
        }
    }

    /// The first `length` bytes.
    pub fn front(&self, length: usize) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        let mut gone = self.gone;
        let mut left = length;
        for block in &self.blocks {
            if left == 0 {
                break;
            }
            let bytes = &block[gone..];
            let piece = &bytes[..left.min(bytes.len())];
            left -= piece.len();
            pieces.push(piece);
            gone = 0;
        }
        pieces
    }

    /// Forgets the first `length` bytes.
    pub fn advance(&mut self, length: usize) {
        self.length -= length;
        self.gone += length;
        while let Some(first) = self.blocks.front()
            && self.gone >= first.len()
        {
            self.gone -= first.len();
            self.spare.give(self.blocks.pop_front().unwrap_or_default());
        }
    }

    /// Keeps no more memory than for what is left.
    pub fn shrink(&mut self) {
        let rest = self.front(self.length).concat();
        for block in self.blocks.drain(..) {
            self.spare.give(block);
        }
        self.gone = 0;
        self.length = 0;
        self.push(rest);
    }
}

/// Reads pieces as if they were one.
#[derive(Debug)]
pub struct Joined<'a> {
    pieces: std::slice::Iter<'a, &'a [u8]>,
    piece: &'a [u8],
}

impl<'a> Joined<'a> {
    /// From the first one on.
    pub fn new(pieces: &'a [&'a [u8]]) -> Self {
        Self {
            pieces: pieces.iter(),
            piece: b"",
        }
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        // As much as there is room for: each read becomes a write of its own.
        while filled < buffer.len() {
            if self.piece.is_empty() {
                match self.pieces.next() {
                    Some(piece) => self.piece = piece,
                    None => break,
                }
            }
            filled += self.piece.read(&mut buffer[filled..])?;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_out_in_the_order_in_which_they_came() {
        let spare = Arc::new(SpareBlocks::default());
        let mut unsent = Unsent::new(&spare);
        for number in 0..20_u8 {
            if number % 3 == 0 {
                unsent.push(vec![number; 7]);
            } else {
                unsent.extend(&[number; 7]);
            }
        }
        let expected: Vec<u8> = (0..20_u8).flat_map(|number| [number; 7]).collect();
        let mut sent = Vec::new();
        for length in [0, 1, 6, 30, 14, 9, 20] {
            let pieces = unsent.front(length);
            Joined::new(&pieces).read_to_end(&mut sent).unwrap();
            unsent.advance(length);
            assert_eq!(unsent.length(), expected.len() - sent.len());
        }
        assert!(!spare.lock().blocks.is_empty());
        unsent.shrink();
        sent.extend(unsent.front(unsent.length()).concat());
        assert_eq!(sent, expected);
    }
}
