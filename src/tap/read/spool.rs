//! A list that is held back until it was read to its end: in memory as long as it is small, then in
//! a temporary file that has no name and goes with the process.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use super::page::{RecordJson, Row};
use super::reading::{Batch, BatchSink};
use crate::tap::api::memory::Memory;
use crate::tap::fault::Fault;

/// What is held in memory of one list, at most.
const MOST_BYTES_IN_MEMORY: usize = 8 << 20;
/// What is held in memory of all lists that are read side by side, as far as they can help it.
const MOST_BYTES_OF_ALL: u64 = 16 << 20;
/// What is given on at once from a file, at least.
const BATCH_BYTES: usize = 1 << 20;

/// Batches that wait for the end.
#[derive(Debug)]
pub struct Spool {
    memory: Memory,
    waiting: Vec<Batch>,
    bytes: usize,
    file: Option<BufWriter<File>>,
    total_count: Option<u64>,
}

impl Spool {
    /// Nothing is held yet.
    pub fn new(memory: &Memory) -> Self {
        Self {
            memory: memory.clone(),
            waiting: Vec::new(),
            bytes: 0,
            file: None,
            total_count: None,
        }
    }

    /// Holds a batch back.
    pub fn add(&mut self, batch: Batch) -> Result<(), Fault> {
        self.total_count = batch.total_count.or(self.total_count);
        let lengths = batch.rows.iter().map(|row| row.record.json().len());
        let more = lengths.sum::<usize>();
        self.bytes += more;
        self.waiting.push(batch);
        let of_all = self.memory.hold_of_list(more as u64);
        if self.bytes > MOST_BYTES_IN_MEMORY || of_all > MOST_BYTES_OF_ALL {
            self.write_down().map_err(|error| unusable(&error))?;
        }
        Ok(())
    }

    /// The list was read to its end: gives all of it on.
    pub fn drain(mut self, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        if let Some(file) = self.file.take() {
            self.read_back(file, sink)?;
        }
        for batch in std::mem::take(&mut self.waiting) {
            sink(batch)?;
        }
        Ok(())
    }

    /// Empties the memory into the file.
    fn write_down(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        for row in self.waiting.drain(..).flat_map(|batch| batch.rows) {
            write_row(file, &row)?;
        }
        self.memory.give_back_of_list(self.bytes as u64);
        self.bytes = 0;
        Ok(())
    }

    fn read_back(&self, file: BufWriter<File>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
        let mut file = file.into_inner().map_err(|error| unusable(error.error()))?;
        file.rewind().map_err(|error| unusable(&error))?;
        let mut file = BufReader::new(file);
        let mut is_end = false;
        while !is_end {
            let mut batch = Batch {
                total_count: self.total_count,
                ..Batch::default()
            };
            let mut bytes = 0;
            while bytes < BATCH_BYTES {
                let Some(row) = next_row(&mut file).map_err(|error| unusable(&error))? else {
                    is_end = true;
                    break;
                };
                bytes += row.record.json().len();
                batch.rows.push(row);
            }
            sink(batch)?;
        }
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.memory.give_back_of_list(self.bytes as u64);
    }
}

/// Writes a line for what is known of a row, then its record.
pub(super) fn write_row(file: &mut impl Write, row: &Row) -> io::Result<()> {
    let record = row.record.json();
    let at = &row.replication_key_value_json;
    let about = (
        record.len(),
        &row.id,
        row.replication_key_value,
        at.start,
        at.end,
        row.is_truncated,
    );
    serde_json::to_writer(&mut *file, &about)?;
    file.write_all(b"\n")?;
    file.write_all(record.as_bytes())
}

/// Reads a row back, unless there is none left.
pub(super) fn next_row(file: &mut impl BufRead) -> io::Result<Option<Row>> {
    let mut about = Vec::new();
    if file.read_until(b'\n', &mut about)? == 0 {
        return Ok(None);
    }
    let (length, id, replication_key_value, start, end, is_truncated) =
        serde_json::from_slice(&about)?;
    let mut record = vec![0; length];
    io::Read::read_exact(file, &mut record)?;
    let record = String::from_utf8(record)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a record isn't UTF-8"))?;
    Ok(Some(Row {
        record: RecordJson::owned(record),
        id,
        replication_key_value,
        replication_key_value_json: start..end,
        is_truncated,
        wanted: super::places::Outputs::ALL,
    }))
}

/// The temporary file can't be used.
pub(super) fn unusable(error: &io::Error) -> Fault {
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
            assert!(spool.bytes <= MOST_BYTES_IN_MEMORY);
        }
        assert!(spool.file.is_some());
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
