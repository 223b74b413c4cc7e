//! A list that is held back until it was read to its end: in memory as long as it is small, then in
//! a temporary file that has no name and goes with the process.

use super::reading::{Batch, BatchSink};
use super::waiting::{Piece, WaitingPieces};
use crate::tap::api::memory::Memory;
use crate::tap::fault::Fault;

/// What is held in memory of one list, at most.
const MOST_BYTES_IN_MEMORY: usize = 4 << 20;
/// What is held in memory of all lists that are read side by side, as far as they can help it.
const MOST_BYTES_OF_ALL: u64 = 6 << 20;

/// Batches that wait for the end.
#[derive(Debug)]
pub struct Spool {
    memory: Memory,
    /// Without their rows.
    batches: Vec<Batch>,
    /// The rows of each.
    rows: WaitingPieces,
    bytes_in_memory: usize,
}

impl Spool {
    /// Nothing is held yet.
    pub fn new(memory: &Memory) -> Self {
        Self {
            memory: memory.clone(),
            batches: Vec::new(),
            rows: WaitingPieces::default(),
            bytes_in_memory: 0,
        }
    }

    /// Holds a batch back.
    pub fn add(&mut self, mut batch: Batch) -> Result<(), Fault> {
        let piece = Piece {
            rows: std::mem::take(&mut batch.rows),
            position: None,
        };
        self.batches.push(batch);
        let bytes = piece.bytes();
        let of_all = self.memory.hold_of_list(bytes as u64);
        self.bytes_in_memory += bytes;
        let may_stay = self.bytes_in_memory <= MOST_BYTES_IN_MEMORY && of_all <= MOST_BYTES_OF_ALL;
        if !self.rows.push(piece, may_stay)? {
            self.give_back(bytes);
        }
        Ok(())
    }

    /// The list was read to its end: gives all of it on.
    pub fn drain(mut self, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        for mut batch in std::mem::take(&mut self.batches) {
            if let Some((piece, was_in_memory)) = self.rows.pop()? {
                if was_in_memory {
                    self.give_back(piece.bytes());
                }
                batch.rows = piece.rows;
            }
            sink(batch)?;
        }
        Ok(())
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes_in_memory -= bytes;
        self.memory.give_back_of_list(bytes as u64);
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.memory.give_back_of_list(self.bytes_in_memory as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::read::page::{Names, RecordJson, Row};

    #[test]
    fn what_went_through_the_file_comes_back_as_it_was() {
        let row = |id: usize, bytes: usize| {
            let text = "x\\n".repeat(bytes / 3);
            let json = format!(r#"{{"id":"{id}","text":"{text}","updated_at": "17{id:08}"}}"#);
            Row::parse(RecordJson::owned(json), Names::USUAL).unwrap()
        };
        let rows: Vec<Row> = (0..40).map(|id| row(id, 600_000)).collect();
        let mut spool = Spool::new(&Memory::default());
        for page in rows.chunks(3) {
            let batch = Batch {
                rows: page.to_vec(),
                ..Batch::default()
            };
            spool.add(batch).unwrap();
            assert!(spool.bytes_in_memory <= MOST_BYTES_IN_MEMORY);
        }
        let mut found = Vec::new();
        spool
            .drain(&mut |batch| {
                found.extend(batch.rows);
                Ok(())
            })
            .unwrap();
        assert_eq!(found.len(), rows.len());
        for (found, row) in found.iter().zip(&rows) {
            assert_eq!(found.record.json(), row.record.json());
            assert_eq!(found.id, row.id);
            assert_eq!(found.replication_key_value, row.replication_key_value);
            assert_eq!(
                found.replication_key_value_json(),
                row.replication_key_value_json()
            );
        }
    }
}
