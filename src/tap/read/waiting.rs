//! Pages that were read ahead and wait for their turn: in memory, or in a temporary file that has no
//! name and goes with the process.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::page::{RecordJson, Row};
use super::places::Outputs;
use crate::tap::fault::Fault;
use crate::tap::time::EpochSeconds;

/// What is handed to the file at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

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

/// A piece in the file: what is known of its rows as JSON, then their records, one after the other.
#[derive(Debug)]
struct Written {
    about_bytes: usize,
    record_bytes: usize,
    position: Option<EpochSeconds>,
}

/// What is known of a row: the bytes of its record, its key, the value of its replication key and where
/// that stands, whether a list in it is cut, and what it is wanted for.
type About<Id> = (
    usize,
    Id,
    Option<EpochSeconds>,
    (usize, usize),
    bool,
    Outputs,
);

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

    fn write(&mut self, piece: &Piece) -> io::Result<()> {
        let about: Vec<About<&str>> = piece.rows.iter().map(about).collect();
        let about = serde_json::to_vec(&about)?;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.write_at))?;
        let mut writer = BufWriter::with_capacity(WRITTEN_AT_ONCE, file);
        writer.write_all(&about)?;
        for row in &piece.rows {
            writer.write_all(row.record.json().as_bytes())?;
        }
        writer.flush()?;
        let written = Written {
            about_bytes: about.len(),
            record_bytes: piece.bytes(),
            position: piece.position,
        };
        self.write_at += written.bytes();
        self.written.push_back(written);
        Ok(())
    }

    fn read(&mut self, written: &Written) -> io::Result<Piece> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        file.seek(SeekFrom::Start(self.read_at))?;
        let about = next_bytes(file, written.about_bytes)?;
        let records = next_bytes(file, written.record_bytes)?;
        self.read_at += written.bytes();
        let about: Vec<About<String>> = serde_json::from_slice(&about)?;
        let records = String::from_utf8(records).map_err(io::Error::other)?;
        let records = Arc::new(records);
        let mut end = 0;
        let rows = about.into_iter().map(|about| {
            let start = end;
            end += about.0;
            row(about, RecordJson::of(&records, start..end))
        });
        Ok(Piece {
            rows: rows.collect(),
            position: written.position,
        })
    }
}

impl Written {
    fn bytes(&self) -> u64 {
        (self.about_bytes + self.record_bytes) as u64
    }
}

fn next_bytes(file: &mut File, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    file.take(count as u64).read_to_end(&mut bytes)?;
    if bytes.len() < count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn about(row: &Row) -> About<&str> {
    let at = &row.replication_key_value_json;
    (
        row.record.json().len(),
        &row.id,
        row.replication_key_value,
        (at.start, at.end),
        row.is_truncated,
        row.wanted,
    )
}

fn row(about: About<String>, record: RecordJson) -> Row {
    let (_, id, replication_key_value, (start, end), is_truncated, wanted) = about;
    Row {
        record,
        id,
        replication_key_value,
        replication_key_value_json: start..end,
        is_truncated,
        wanted,
    }
}

/// The temporary file can't be used.
fn unusable(error: &io::Error) -> Fault {
    let directory = std::env::temp_dir();
    Fault::Stream(format!(
        "what was read can't be held in a temporary file in {} until its turn comes: {error}",
        directory.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::read::page::Names;

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
