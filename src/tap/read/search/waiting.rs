//! Pages that were read ahead and wait for their turn: in memory, or in a temporary file that has no
//! name and goes with the process.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use crate::tap::fault::Fault;
use crate::tap::read::page::Row;
use crate::tap::read::spool::{next_row, unusable, write_row};
use crate::tap::time::EpochSeconds;

/// A page on its way out.
#[derive(Debug, Default)]
pub struct Piece {
    /// The rows as they came.
    pub rows: Vec<Row>,
    /// Up to where nothing of its query is still to come.
    pub position: Option<EpochSeconds>,
}

/// Pieces of one slice, in their order.
#[derive(Debug, Default)]
pub struct WaitingPieces {
    memory: VecDeque<Piece>,
    /// What came after those in memory.
    written: VecDeque<Written>,
    file: Option<File>,
    /// Where in the file the next piece is read, and where one is written.
    read_at: u64,
    write_at: u64,
}

#[derive(Debug)]
struct Written {
    rows: usize,
    bytes: usize,
    position: Option<EpochSeconds>,
}

impl Piece {
    /// The bytes of its records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.record.json().len()).sum()
    }
}

impl WaitingPieces {
    /// Adds a piece, in memory where it may be there. Returns whether it is.
    pub fn push(&mut self, piece: Piece, in_memory: bool) -> Result<bool, Fault> {
        if in_memory && self.written.is_empty() {
            self.memory.push_back(piece);
            return Ok(true);
        }
        self.write(&piece).map_err(|error| unusable(&error))?;
        Ok(false)
    }

    /// Takes the first piece out; tells whether it was in memory.
    pub fn pop(&mut self) -> Result<Option<(Piece, bool)>, Fault> {
        if let Some(piece) = self.memory.pop_front() {
            return Ok(Some((piece, true)));
        }
        let Some(written) = self.written.pop_front() else {
            return Ok(None);
        };
        let piece = self.read(&written).map_err(|error| unusable(&error))?;
        Ok(Some((piece, false)))
    }

    fn write(&mut self, piece: &Piece) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(piece.bytes() + 100 * piece.rows.len());
        for row in &piece.rows {
            write_row(&mut bytes, row)?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.write_at))?;
        file.write_all(&bytes)?;
        self.write_at += bytes.len() as u64;
        self.written.push_back(Written {
            rows: piece.rows.len(),
            bytes: bytes.len(),
            position: piece.position,
        });
        Ok(())
    }

    fn read(&mut self, written: &Written) -> std::io::Result<Piece> {
        let mut bytes = vec![0; written.bytes];
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.read_at))?;
            file.read_exact(&mut bytes)?;
        }
        self.read_at += bytes.len() as u64;
        let mut rest = bytes.as_slice();
        let mut rows = Vec::with_capacity(written.rows);
        while let Some(row) = next_row(&mut rest)? {
            rows.push(row);
        }
        Ok(Piece {
            rows,
            position: written.position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::read::page::{Names, RecordJson};

    fn piece(number: i64) -> Piece {
        let row = |id| {
            let json = format!(r#"{{"id":"{id}","text":"x\ny","updated_at":{number}}}"#);
            Row::parse(RecordJson::owned(json), Names::USUAL).unwrap()
        };
        Piece {
            rows: (0..3).map(row).collect(),
            position: EpochSeconds::new(number),
        }
    }

    #[test]
    fn pieces_come_out_as_they_went_in_wherever_they_waited() {
        let mut waiting = WaitingPieces::default();
        let mut expected = 0;
        for number in 0..40 {
            let in_memory = waiting.push(piece(number), number % 10 < 3).unwrap();
            assert!(number > 2 || in_memory);
            if number % 3 == 0 {
                let (piece, _) = waiting.pop().unwrap().unwrap();
                assert_eq!(piece.position, EpochSeconds::new(expected));
                assert_eq!(piece.rows.len(), 3);
                assert_eq!(
                    piece.rows[2].replication_key_value,
                    EpochSeconds::new(expected)
                );
                expected += 1;
            }
        }
        while let Some((piece, _)) = waiting.pop().unwrap() {
            assert_eq!(piece.position, EpochSeconds::new(expected));
            expected += 1;
        }
        assert_eq!(expected, 40);
    }
}
