//! One stream's records on their way to objects, split by what a STATE has covered.
//!
//! Lines gather in a buffer whose front is covered by a STATE and whose rest is not yet. Only
//! covered lines go to the open object, so that after a fault the rest can be dropped. When too
//! much gathers without a STATE, the object is sealed and a *speculative* one is opened for lines
//! that nothing covers yet: the next STATE covers it, a fault discards it whole.

use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use memchr::{memchr, memrchr};
use tempfile::SpooledTempFile;

use super::object_name::PathTemplate;
use super::store::StoreError;
use super::writer::{ObjectWriter, Workshop};

/// Lines go to the writer in blocks of about this size, in bytes.
const BLOCK_BYTES: usize = 1024 * 1024;
/// What may gather without a STATE before an object is opened for it, in bytes: for one stream,
/// and for all of them together.
const UNCOVERED_BYTES: usize = 8 * 1024 * 1024;
const UNCOVERED_BUDGET: usize = 24 * 1024 * 1024;
const LEAST_UNCOVERED_BYTES: usize = 64 * 1024;

/// What is put off stays in memory up to this, in bytes: it is on its way to the disk.
const SPOOLED_BYTES: usize = 64 * 1024;

/// How much a sink may hold, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    largest_file: u64,
    block: usize,
    uncovered: usize,
}

impl Limits {
    /// The limits of each of `sinks` sinks.
    #[must_use]
    pub fn new(max_file_bytes: u64, sinks: usize) -> Self {
        let uncovered =
            (UNCOVERED_BUDGET / sinks.max(1)).clamp(LEAST_UNCOVERED_BYTES, UNCOVERED_BYTES);
        let largest_block = usize::try_from(max_file_bytes).unwrap_or(usize::MAX);
        Self {
            largest_file: max_file_bytes,
            block: BLOCK_BYTES.min(uncovered / 2).min(largest_block),
            uncovered,
        }
    }
}

/// A stream's buffer and objects.
#[derive(Debug)]
pub struct Sink {
    /// The stream's name.
    pub stream: Arc<str>,
    /// How its objects are named.
    template: Arc<PathTemplate>,
    buffer: Vec<u8>,
    /// How much of the buffer's front a STATE covers.
    covered_bytes: usize,
    /// When the first record of the next object came.
    opened_at: DateTime<Utc>,
    current: Option<ObjectWriter>,
    /// Whether `current` and `uncovered` wait for a STATE.
    is_speculative: bool,
    /// Full objects that a STATE covers.
    covered: Vec<ObjectWriter>,
    /// Full objects that no STATE covers yet.
    uncovered: Vec<ObjectWriter>,
    /// Whether its records are a list that goes into one object, however large.
    is_list: bool,
    /// What follows in a list's object once a STATE covers it, before the buffer: too much for memory.
    put_off: Option<SpooledTempFile>,
}

impl Sink {
    /// A sink without records.
    #[must_use]
    pub fn new(stream: &str, template: &Arc<PathTemplate>) -> Self {
        Self {
            stream: Arc::from(stream),
            template: Arc::clone(template),
            buffer: Vec::new(),
            covered_bytes: 0,
            opened_at: DateTime::UNIX_EPOCH,
            current: None,
            is_speculative: false,
            covered: Vec::new(),
            uncovered: Vec::new(),
            is_list: false,
            put_off: None,
        }
    }

    /// Whether it holds something that no STATE covers.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.covered_bytes < self.buffer.len() || self.is_speculative || self.put_off.is_some()
    }

    /// Whether a full object waits for a commit.
    #[must_use]
    pub fn wants_commit(&self) -> bool {
        !self.covered.is_empty()
    }

    /// Whether it has objects open.
    #[must_use]
    pub fn holds_objects(&self) -> bool {
        self.current.is_some() || !self.covered.is_empty()
    }

    /// Whether it holds nothing at all.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.buffer.is_empty()
            && !self.is_dirty()
            && !self.holds_objects()
            && self.uncovered.is_empty()
    }

    /// The buffer, to append one whole line to, and when the object that takes the line was opened.
    /// [`Sink::appended`] must follow.
    pub fn begin_line(
        &mut self,
        workshop: &Workshop,
        limits: &Limits,
    ) -> (&mut Vec<u8>, DateTime<Utc>) {
        if self.buffer.is_empty() && self.current.is_none() {
            self.opened_at = workshop.clock.now();
        }
        if self.buffer.capacity() == 0 {
            self.buffer = fresh_buffer(workshop, limits);
        }
        (&mut self.buffer, self.opened_at)
    }

    /// Takes note of a line appended after [`Sink::begin_line`].
    pub fn appended(&mut self, workshop: &Workshop, limits: &Limits) -> Result<(), StoreError> {
        let length = self.buffer.len();
        if length < limits.block {
            return Ok(());
        }
        if self.is_speculative {
            return self.write_out(length, workshop, limits);
        }
        if self.is_list && length >= limits.uncovered && self.has_covered() {
            self.write_out(self.covered_bytes, workshop, limits)?;
            return self.put_off();
        }
        if length >= limits.uncovered {
            self.write_out(self.covered_bytes, workshop, limits)?;
            if self.buffer.len() < limits.uncovered {
                return Ok(());
            }
            self.seal_current();
            self.is_speculative = true;
            self.opened_at = workshop.clock.now();
            return self.write_out(self.buffer.len(), workshop, limits);
        }
        if self.covered_bytes > length / 2 && self.may_open(workshop) {
            return self.write_out(self.covered_bytes, workshop, limits);
        }
        Ok(())
    }

    /// From here on records are those of a list, for which a file of its own begins where that can be.
    pub fn begin_list(&mut self, workshop: &Workshop, limits: &Limits) -> Result<(), StoreError> {
        if !self.is_dirty() {
            self.write_out(self.covered_bytes, workshop, limits)?;
            self.seal_current();
        }
        self.is_list = true;
        Ok(())
    }

    /// Has an object without records, unless there is one with some.
    pub fn leave_empty(&mut self, workshop: &Workshop, limits: &Limits) {
        if self.buffer.is_empty() && self.current.is_none() {
            self.opened_at = workshop.clock.now();
            self.open(workshop, limits);
        }
    }

    /// Whether a STATE covers something of what its next object is to hold.
    fn has_covered(&self) -> bool {
        self.current.is_some() || self.covered_bytes > 0
    }

    /// Puts the buffer aside on disk: neither memory nor the object may have it yet.
    fn put_off(&mut self) -> Result<(), StoreError> {
        let file = self
            .put_off
            .get_or_insert_with(|| tempfile::spooled_tempfile(SPOOLED_BYTES));
        file.write_all(&self.buffer).map_err(unkept)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes out what was put aside.
    fn bring_back(&mut self, workshop: &Workshop, limits: &Limits) -> Result<(), StoreError> {
        let Some(mut file) = self.put_off.take() else {
            return Ok(());
        };
        file.rewind().map_err(unkept)?;
        loop {
            let mut block = workshop.blocks.take();
            let read = (&mut file)
                .take(BLOCK_BYTES as u64)
                .read_to_end(&mut block)
                .map_err(unkept)?;
            if read == 0 {
                return Ok(());
            }
            self.open(workshop, limits).write(block)?;
        }
    }

    /// The open object, or a new one.
    fn open(&mut self, workshop: &Workshop, limits: &Limits) -> &mut ObjectWriter {
        self.current.get_or_insert_with(|| {
            let (template, stream) = (&self.template, &self.stream);
            ObjectWriter::open(workshop, template, stream, self.opened_at, limits.block)
        })
    }

    /// A STATE covers all that has come so far.
    pub fn cover(&mut self, workshop: &Workshop, limits: &Limits) -> Result<(), StoreError> {
        self.bring_back(workshop, limits)?;
        self.is_speculative = false;
        self.covered.append(&mut self.uncovered);
        self.covered_bytes = self.buffer.len();
        if self.covered_bytes >= limits.block && self.may_open(workshop) {
            self.write_out(self.covered_bytes, workshop, limits)?;
        }
        Ok(())
    }

    /// Whether lines may go out before they must.
    fn may_open(&self, workshop: &Workshop) -> bool {
        self.current.is_some() || !workshop.is_crowded()
    }

    /// Forgets what no STATE covers, and gives its objects: dropping them may take the time that
    /// the service takes to cancel them.
    #[must_use]
    pub fn discard_uncovered(&mut self) -> Vec<ObjectWriter> {
        self.put_off = None;
        self.buffer.truncate(self.covered_bytes);
        let mut discarded = std::mem::take(&mut self.uncovered);
        if self.is_speculative {
            discarded.extend(self.current.take());
            self.is_speculative = false;
        }
        for object in &mut discarded {
            object.abandon();
        }
        discarded
    }

    /// Seals all that it holds, what no STATE covers in objects of its own.
    pub fn close(&mut self, workshop: &Workshop, limits: &Limits) -> Result<(), StoreError> {
        if !self.is_speculative {
            self.write_out(self.covered_bytes, workshop, limits)?;
            self.seal_current();
            self.opened_at = workshop.clock.now();
            self.is_speculative = !self.buffer.is_empty();
        }
        self.write_out(self.buffer.len(), workshop, limits)?;
        self.seal_current();
        workshop.blocks.give(std::mem::take(&mut self.buffer));
        Ok(())
    }

    /// Seals and gives all objects that a STATE covers.
    pub fn take_covered(
        &mut self,
        workshop: &Workshop,
        limits: &Limits,
    ) -> Result<Vec<ObjectWriter>, StoreError> {
        if self.covered_bytes > 0 {
            self.write_out(self.covered_bytes, workshop, limits)?;
        }
        if !self.is_speculative {
            self.seal_current();
            self.opened_at = workshop.clock.now();
        }
        Ok(std::mem::take(&mut self.covered))
    }

    /// Moves the first `length` bytes of the buffer, whole lines, into objects: as the block that they
    /// are in, where one object takes them all. What stays is most often less, and is copied.
    fn write_out(
        &mut self,
        length: usize,
        workshop: &Workshop,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        if length == 0 {
            return Ok(());
        }
        let mut lines = std::mem::take(&mut self.buffer);
        if length < lines.len() {
            self.buffer = fresh_buffer(workshop, limits);
            self.buffer.extend_from_slice(&lines[length..]);
            lines.truncate(length);
        }
        self.covered_bytes = self.covered_bytes.saturating_sub(length);
        let largest = self.largest_file(limits);
        let mut written = 0;
        while written < length {
            let current = self.open(workshop, limits);
            let room = largest.saturating_sub(current.bytes);
            let fitting = fitting_lines(&lines[written..], room, current.bytes == 0);
            if fitting == length {
                current.write(std::mem::take(&mut lines))?;
            } else if fitting > 0 {
                let mut block = workshop.blocks.take();
                block.extend_from_slice(&lines[written..written + fitting]);
                current.write(block)?;
            }
            written += fitting;
            if fitting == 0 || room <= fitting as u64 {
                self.seal_current();
                self.opened_at = workshop.clock.now();
            }
        }
        workshop.blocks.give(lines);
        Ok(())
    }

    fn largest_file(&self, limits: &Limits) -> u64 {
        if self.is_list {
            u64::MAX
        } else {
            limits.largest_file
        }
    }

    fn seal_current(&mut self) {
        if let Some(mut object) = self.current.take() {
            object.seal();
            if self.is_speculative {
                self.uncovered.push(object);
            } else {
                self.covered.push(object);
            }
        }
    }
}

/// Memory for a block, and for the line that makes it one: what outgrows its memory is moved, and takes
/// twice as much as it needs.
fn fresh_buffer(workshop: &Workshop, limits: &Limits) -> Vec<u8> {
    let mut buffer = workshop.blocks.take();
    buffer.reserve(limits.block + limits.block / 8);
    buffer
}

fn unkept(error: io::Error) -> StoreError {
    StoreError::failed("a list can't be kept in the temporary directory").caused_by(error)
}

/// How many bytes of `lines` go into a file with `room`: whole lines, and into an empty file at
/// least one.
fn fitting_lines(lines: &[u8], room: u64, file_is_empty: bool) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if lines.len() <= room {
        return lines.len();
    }
    let last_fitting = memrchr(b'\n', &lines[..room]).map_or(0, |end| end + 1);
    if last_fitting > 0 || !file_is_empty {
        return last_fitting;
    }
    memchr(b'\n', lines).map_or(lines.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_whole_lines() {
        let lines = b"aa\nbbbb\nc\n";
        assert_eq!(fitting_lines(lines, 100, true), 10);
        assert_eq!(fitting_lines(lines, 9, true), 8);
        assert_eq!(fitting_lines(lines, 8, true), 8);
        assert_eq!(fitting_lines(lines, 7, true), 3);
        assert_eq!(
            fitting_lines(lines, 2, true),
            3,
            "one line too long for any file"
        );
        assert_eq!(fitting_lines(lines, 2, false), 0);
        assert_eq!(fitting_lines(lines, 0, false), 0);
    }

    #[test]
    fn many_sinks_hold_less_each() {
        let one = Limits::new(1 << 28, 1);
        assert_eq!((one.block, one.uncovered), (BLOCK_BYTES, UNCOVERED_BYTES));
        let many = Limits::new(1 << 28, 1000);
        assert_eq!(many.uncovered, LEAST_UNCOVERED_BYTES);
        assert_eq!(Limits::new(10, 1).block, 10);
    }
}
