//! The rows of the workspace: how they come about, change and go, and which ids there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::noise::{noise, one_in};
use super::settings::{Churn, Settings};
use super::table::{Row, Stream, Table, Transcript};

const DAY_SECONDS: u64 = 86_400;
/// The API gives no more parts of a conversation than its newest so many.
pub const MOST_PARTS: u16 = 500;
/// The parts of a conversation that has more than the API gives.
const LONG_CONVERSATION_PARTS: u16 = 620;

/// The rows. Streams go by their names: `contacts`, `conversations`, `calls`, `articles`,
/// `collections`, `tickets`, `companies`, `macros`, `activity_logs`, `contact_activities`. A method that
/// is given an id that is not (or no longer) there panics.
pub struct Data {
    pub(super) seed: u64,
    tables: [Table; 10],
    /// Contacts that were merged, with those that they were merged into.
    pub(super) merged: BTreeMap<String, String>,
    clock_ahead: i64,
    random: fastrand::Rng,
}

impl Data {
    pub(super) fn generate(settings: &Settings) -> Data {
        let base_time = settings.base_time.unwrap_or_else(now);
        let counts = [
            settings.contacts,
            settings.conversations,
            settings.calls,
            settings.articles,
            settings.collections,
            settings.tickets,
            settings.companies,
            settings.macros,
            settings.activity_logs,
            settings.contact_activities,
        ];
        let tables = Stream::ALL.map(|stream| {
            let rows = (0..counts[stream as usize] as u32)
                .map(|row| generate_row(settings, stream, row, counts[stream as usize], base_time))
                .collect();
            Table::new(stream, settings.seed ^ (stream as u64 + 1), rows)
        });
        Data {
            seed: settings.seed,
            tables,
            merged: BTreeMap::new(),
            clock_ahead: settings.clock_ahead.unwrap_or_default(),
            random: fastrand::Rng::with_seed(settings.seed),
        }
    }

    /// The ids of a stream's rows: the table streams, and `conversation_parts`, `ticket_parts` and
    /// `call_transcriptions` (by the call's id) as far as the API gives them.
    pub fn ids(&self, stream: &str) -> BTreeSet<String> {
        match stream {
            "conversation_parts" => self.part_ids(),
            "ticket_parts" => self.ticket_part_ids(),
            "call_transcriptions" => {
                let calls = self.table(Stream::Calls);
                calls
                    .alive()
                    .filter(|&row| calls.row(row).transcript == Transcript::Published)
                    .map(|row| calls.id(row))
                    .collect()
            }
            name => {
                let table = self.table(Stream::named(name));
                table.alive().map(|row| table.id(row)).collect()
            }
        }
    }

    /// The ids of a stream's rows updated at or after that second.
    pub fn ids_since(&self, stream: &str, updated_at: i64) -> BTreeSet<String> {
        let table = self.table(Stream::named(stream));
        table
            .alive()
            .filter(|&row| table.row(row).updated_at >= updated_at)
            .map(|row| table.id(row))
            .collect()
    }

    /// The ids of the parts of one conversation that the API gives.
    pub fn part_ids_of(&self, conversation_id: &str) -> BTreeSet<String> {
        let row = self.find("conversations", conversation_id);
        self.newest_parts(Stream::Conversations, row)
            .map(|part| part_id(row, part))
            .collect()
    }

    fn part_ids(&self) -> BTreeSet<String> {
        self.table(Stream::Conversations)
            .alive()
            .flat_map(|row| {
                self.newest_parts(Stream::Conversations, row)
                    .map(move |part| part_id(row, part))
            })
            .collect()
    }

    /// When a row was last updated, in epoch seconds.
    pub fn updated_at(&self, stream: &str, id: &str) -> i64 {
        let row = self.find(stream, id);
        self.table(Stream::named(stream)).row(row).updated_at
    }

    /// Adds a row; gives its id.
    pub fn add(&mut self, stream: &str, updated_at: i64) -> String {
        let table = self.table_mut(Stream::named(stream));
        let row = table.add(Row {
            created_at: updated_at - 3600,
            updated_at,
            parts: 2,
            transcript: Transcript::Published,
            deleted: false,
            hidden: false,
            indexed_as: None,
        });
        table.id(row)
    }

    /// Updates a row. A conversation's parts stay as they are.
    pub fn touch(&mut self, stream: &str, id: &str, updated_at: i64) {
        self.change(stream, id, |row| {
            row.updated_at = updated_at;
            row.indexed_as = None;
        });
    }

    /// Updates a row, which keeps its place in searches and lists until [`Data::index`] is called.
    pub fn touch_in_place(&mut self, stream: &str, id: &str, updated_at: i64) {
        self.change(stream, id, |row| {
            row.indexed_as = row.indexed_as.or(Some(row.updated_at));
            row.updated_at = updated_at;
        });
    }

    /// Puts all rows of a stream where they belong.
    pub fn index(&mut self, stream: &str) {
        for id in self.ids(stream) {
            self.change(stream, &id, |row| row.indexed_as = None);
        }
    }

    /// Deletes a row, for good.
    pub fn delete(&mut self, stream: &str, id: &str) {
        self.change(stream, id, |row| row.deleted = true);
    }

    /// Merges a contact into another, which alone is left.
    pub fn merge(&mut self, contact_id: &str, into: &str) {
        self.delete("contacts", contact_id);
        self.merged.insert(contact_id.to_owned(), into.to_owned());
    }

    /// Takes a row out of searches and lists (not from under its own URL) until it is revealed.
    pub fn hide(&mut self, stream: &str, id: &str) {
        self.change(stream, id, |row| row.hidden = true);
    }

    /// Takes a row out of searches and lists until then.
    pub fn hide_until(&mut self, stream: &str, id: &str, until: Instant) {
        let row = self.find(stream, id);
        self.table_mut(Stream::named(stream)).hide_until(row, until);
    }

    /// Lets searches and lists see a hidden row.
    pub fn reveal(&mut self, stream: &str, id: &str) {
        self.change(stream, id, |row| row.hidden = false);
    }

    /// Sets how many parts a conversation has. Their own times follow from their position.
    pub fn set_parts(&mut self, conversation_id: &str, parts: u16) {
        self.change("conversations", conversation_id, |row| row.parts = parts);
    }

    /// Sets whether a call has a transcript.
    pub(super) fn set_transcript(&mut self, call_id: &str, transcript: Transcript) {
        self.change("calls", call_id, |row| row.transcript = transcript);
    }

    /// Adds, touches and deletes random rows.
    pub(super) fn churn(&mut self, stream: Stream, churn: Churn) {
        let now = now() + self.clock_ahead;
        for _ in 0..churn.inserts {
            let number = self.table(stream).alive().count();
            let transcript = if one_in(number as u64, 2) {
                Transcript::Published
            } else {
                Transcript::None
            };
            self.table_mut(stream).add(Row {
                created_at: now - 3600,
                updated_at: now,
                parts: 1,
                transcript,
                deleted: false,
                hidden: false,
                indexed_as: None,
            });
        }
        for _ in 0..churn.touches {
            if let Some(row) = self.random_row(stream) {
                self.table_mut(stream).change(row, |row| {
                    row.updated_at = now;
                    row.indexed_as = None;
                });
            }
        }
        for _ in 0..churn.deletes {
            if let Some(row) = self.random_row(stream) {
                self.table_mut(stream).change(row, |row| row.deleted = true);
            }
        }
    }

    fn random_row(&mut self, stream: Stream) -> Option<u32> {
        let visible = self.tables[stream as usize].index().len();
        let place = (visible > 0).then(|| self.random.usize(0..visible))?;
        Some(self.tables[stream as usize].index()[place].row)
    }

    pub(super) fn table(&self, stream: Stream) -> &Table {
        &self.tables[stream as usize]
    }

    pub(super) fn table_mut(&mut self, stream: Stream) -> &mut Table {
        &mut self.tables[stream as usize]
    }

    pub(super) fn has_due(&self, now: Instant) -> bool {
        self.tables.iter().any(|table| table.has_due(now))
    }

    pub(super) fn reveal_due(&mut self, now: Instant) {
        for table in &mut self.tables {
            table.reveal_due(now);
        }
    }

    /// The numbers, from 1, of the parts that the API gives, oldest first.
    pub(super) fn newest_parts(&self, stream: Stream, row: u32) -> std::ops::RangeInclusive<u16> {
        let parts = self.table(stream).row(row).parts;
        parts.saturating_sub(MOST_PARTS) + 1..=parts
    }

    fn change(&mut self, stream: &str, id: &str, change: impl FnOnce(&mut Row)) {
        let row = self.find(stream, id);
        self.table_mut(Stream::named(stream)).change(row, change);
    }

    fn find(&self, stream: &str, id: &str) -> u32 {
        self.table(Stream::named(stream))
            .find(id)
            .unwrap_or_else(|| panic!("there is no row {id} in {stream}"))
    }
}

/// The id of a part: a numeric string, as the conversation's.
pub fn part_id(conversation: u32, part: u16) -> String {
    (30_000_000_000 + u64::from(conversation) * 100_000 + u64::from(part)).to_string()
}

/// The wall clock, in epoch seconds.
pub fn now() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is set");
    since_epoch.as_secs() as i64
}

fn generate_row(
    settings: &Settings,
    stream: Stream,
    row: u32,
    count: usize,
    base_time: i64,
) -> Row {
    let noise = |salt: u32| noise(settings.seed ^ (stream as u64 + 1), row, salt);
    let spread = u64::from(settings.spread_days) * DAY_SECONDS;
    // The rows of the one second are scattered over the ids as all others are.
    let same_second = (row as usize) < settings.same_second_rows.min(count / 2);
    let age = if same_second {
        spread / 2
    } else {
        noise(1) % spread.max(1)
    };
    let updated_at = base_time - age as i64;
    let parts = if (row as usize) < settings.long_conversations {
        LONG_CONVERSATION_PARTS
    } else {
        1 + (noise(2) % u64::from(settings.parts_per_conversation.max(1))) as u16
    };
    let transcript = if one_in(noise(3), settings.pending_transcripts_every) {
        Transcript::Pending
    } else if one_in(noise(4), 4) {
        Transcript::None
    } else {
        Transcript::Published
    };
    // Parts come 30 seconds apart and are not of the future.
    let lasted = 30 * (i64::from(parts) + 2);
    Row {
        created_at: updated_at - lasted - (noise(5) % (90 * DAY_SECONDS)) as i64,
        updated_at,
        parts,
        transcript,
        deleted: false,
        hidden: false,
        indexed_as: None,
    }
}
