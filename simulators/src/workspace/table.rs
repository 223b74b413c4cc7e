//! The rows of one stream and their order by `updated_at`. A row holds little more than its times:
//! its record is written out of its number whenever it is asked for, so a million rows fit in tens
//! of megabytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::noise::noise;

/// The streams whose rows have an `updated_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Contacts,
    Conversations,
    Calls,
    Articles,
    Collections,
    Tickets,
    Companies,
    Macros,
    ActivityLogs,
    ContactActivities,
}

impl Stream {
    /// Every stream, in the order of their numbers.
    pub const ALL: [Stream; 10] = [
        Stream::Contacts,
        Stream::Conversations,
        Stream::Calls,
        Stream::Articles,
        Stream::Collections,
        Stream::Tickets,
        Stream::Companies,
        Stream::Macros,
        Stream::ActivityLogs,
        Stream::ContactActivities,
    ];

    /// The stream of that name.
    pub fn named(name: &str) -> Stream {
        match name {
            "contacts" => Stream::Contacts,
            "conversations" => Stream::Conversations,
            "calls" => Stream::Calls,
            "articles" => Stream::Articles,
            "collections" => Stream::Collections,
            "tickets" => Stream::Tickets,
            "companies" => Stream::Companies,
            "macros" => Stream::Macros,
            "activity_logs" => Stream::ActivityLogs,
            "contact_activities" => Stream::ContactActivities,
            _ => panic!("the workspace has no rows of a stream named {name:?}"),
        }
    }
}

/// Whether a call has a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transcript {
    /// It has none and never will.
    None,
    /// It has a URL, which answers 404 until the transcript is published.
    Pending,
    /// It can be fetched.
    Published,
}

/// One row. `parts` is for conversations and tickets, `transcript` for calls. `updated_at` is what
/// the stream is sorted by: of an activity log, its creation.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub created_at: i64,
    pub updated_at: i64,
    pub parts: u16,
    pub transcript: Transcript,
    pub deleted: bool,
    /// Not in searches and lists yet.
    pub hidden: bool,
    /// Where the index still has it, though it has been updated since: answers hold it as it is, in
    /// the place of what it was.
    pub indexed_as: Option<i64>,
}

/// Where a row stands in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it is sorted by, in epoch seconds.
    pub sort_value: i64,
    /// Orders rows of one second; different for each row.
    pub tie: u32,
    /// The row's number.
    pub row: u32,
}

/// The rows of one stream.
pub struct Table {
    stream: Stream,
    seed: u64,
    rows: Vec<Row>,
    /// The rows that searches and lists see, oldest first. A vector and not a tree: the number of
    /// rows in a range of time, and the n-th of them, are then a binary search away.
    index: Vec<Entry>,
    hidden_until: Vec<(Instant, u32)>,
    /// The rows in the order of the stream's list; built when asked for, dropped at every change.
    listing: Mutex<Option<Arc<Vec<u32>>>>,
}

impl Table {
    pub fn new(stream: Stream, seed: u64, rows: Vec<Row>) -> Table {
        let mut table = Table {
            stream,
            seed,
            rows,
            index: Vec::new(),
            hidden_until: Vec::new(),
            listing: Mutex::default(),
        };
        assert!(table.rows.len() <= MAX_ROWS, "a stream has too many rows");
        table.index = (0..table.rows.len() as u32)
            .map(|row| table.entry(row))
            .collect();
        table.index.sort_unstable();
        table
    }

    /// The rows that searches and lists see, oldest first.
    pub fn index(&self) -> &[Entry] {
        &self.index
    }

    pub fn row(&self, row: u32) -> &Row {
        &self.rows[row as usize]
    }

    /// The id of a row: in no relation to its times.
    pub fn id(&self, row: u32) -> String {
        let number = u64::from(scramble(row));
        match self.stream {
            Stream::Contacts => {
                let head = 0x6000_0000 + noise(self.seed, row, 90) % 0x0800_0000;
                let workspace = noise(self.seed, 0, 91) & 0xff_ffff_ffff;
                format!("{head:08x}{workspace:010x}{number:06x}")
            }
            Stream::Conversations => (215_470_000_000_000 + number).to_string(),
            Stream::Calls => (1_000_000 + number).to_string(),
            Stream::Articles => (9_000_000 + number).to_string(),
            Stream::Collections => (3_000_000 + number).to_string(),
            Stream::Tickets => (60_000_000 + number).to_string(),
            Stream::Companies => format!("66{number:022x}"),
            Stream::Macros => (40_000_000 + number).to_string(),
            Stream::ActivityLogs => format!("fca05814-4b72-4dce-ad4f-{number:012x}"),
            Stream::ContactActivities => format!("1717000000000.{number:06x}"),
        }
    }

    /// The row of that id, unless it has been deleted.
    pub fn find(&self, id: &str) -> Option<u32> {
        let number = match self.stream {
            Stream::Contacts => u64::from_str_radix(id.get(18..)?, 16).ok()?,
            Stream::Conversations => id.parse::<u64>().ok()?.checked_sub(215_470_000_000_000)?,
            Stream::Calls => id.parse::<u64>().ok()?.checked_sub(1_000_000)?,
            Stream::Articles => id.parse::<u64>().ok()?.checked_sub(9_000_000)?,
            Stream::Collections => id.parse::<u64>().ok()?.checked_sub(3_000_000)?,
            Stream::Tickets => id.parse::<u64>().ok()?.checked_sub(60_000_000)?,
            Stream::Companies => u64::from_str_radix(id.strip_prefix("66")?, 16).ok()?,
            Stream::Macros => id.parse::<u64>().ok()?.checked_sub(40_000_000)?,
            Stream::ActivityLogs => u64::from_str_radix(id.get(24..)?, 16).ok()?,
            Stream::ContactActivities => u64::from_str_radix(id.get(14..)?, 16).ok()?,
        };
        let row = unscramble(u32::try_from(number).ok()?);
        let known = (row as usize) < self.rows.len();
        (known && self.id(row) == id && !self.row(row).deleted).then_some(row)
    }

    /// The rows that have not been deleted, seen by searches or not.
    pub fn alive(&self) -> impl Iterator<Item = u32> {
        (0..self.rows.len() as u32).filter(|&row| !self.row(row).deleted)
    }

    pub fn add(&mut self, row: Row) -> u32 {
        let number = self.rows.len() as u32;
        assert!(self.rows.len() < MAX_ROWS, "a stream has too many rows");
        self.rows.push(row);
        self.show(number);
        number
    }

    /// Changes a row, and its place in the order if need be.
    pub fn change(&mut self, row: u32, change: impl FnOnce(&mut Row)) {
        self.forget(row);
        change(&mut self.rows[row as usize]);
        self.show(row);
    }

    /// Takes a row out of searches and lists until then.
    pub fn hide_until(&mut self, row: u32, until: Instant) {
        self.change(row, |row| row.hidden = true);
        self.hidden_until.push((until, row));
    }

    /// Whether some row's time to be seen has come.
    pub fn has_due(&self, now: Instant) -> bool {
        self.hidden_until.iter().any(|(until, _)| *until <= now)
    }

    /// Shows the rows whose time to be seen has come.
    pub fn reveal_due(&mut self, now: Instant) {
        let (due, later) = std::mem::take(&mut self.hidden_until)
            .into_iter()
            .partition(|(until, _)| *until <= now);
        self.hidden_until = later;
        let due: Vec<(Instant, u32)> = due;
        for (_, row) in due {
            self.change(row, |row| row.hidden = false);
        }
    }

    /// The rows in the order of the stream's list, which `arrange` makes out of the index.
    pub fn listing(&self, arrange: impl FnOnce(&Table) -> Vec<u32>) -> Arc<Vec<u32>> {
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(listing.get_or_insert_with(|| Arc::new(arrange(self))))
    }

    /// Makes the next request arrange the list anew.
    pub fn forget_listing(&mut self) {
        *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn entry(&self, row: u32) -> Entry {
        Entry {
            sort_value: self.row(row).indexed_as.unwrap_or(self.row(row).updated_at),
            tie: self.tie(row),
            row,
        }
    }

    /// Orders rows of one second; different for each row.
    pub fn tie(&self, row: u32) -> u32 {
        scramble(row ^ (self.seed as u32 & 0xff_ffff))
    }

    fn show(&mut self, row: u32) {
        self.forget_listing();
        if self.row(row).deleted || self.row(row).hidden {
            return;
        }
        let entry = self.entry(row);
        if let Err(place) = self.index.binary_search(&entry) {
            self.index.insert(place, entry);
        }
    }

    fn forget(&mut self, row: u32) {
        if let Ok(place) = self.index.binary_search(&self.entry(row)) {
            self.index.remove(place);
        }
    }
}

/// Ids hold 24 bits of a row's number.
const MAX_ROWS: usize = 1 << 24;
const FACTOR: u32 = 0x005d_1e35;

/// Takes 24 bits to 24 bits, one to one, in no visible order.
fn scramble(number: u32) -> u32 {
    let number = number.wrapping_mul(FACTOR) & 0xff_ffff;
    (number ^ (number >> 13)).wrapping_mul(FACTOR) & 0xff_ffff
}

/// The inverse of [`scramble`].
fn unscramble(number: u32) -> u32 {
    let inverse = inverse_of_factor();
    let number = number.wrapping_mul(inverse) & 0xff_ffff;
    (number ^ (number >> 13)).wrapping_mul(inverse) & 0xff_ffff
}

/// What undoes a multiplication by the factor (Newton's iteration doubles the right bits).
const fn inverse_of_factor() -> u32 {
    let mut inverse = FACTOR;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(FACTOR.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}
