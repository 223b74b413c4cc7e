//! What of the pages read is to be emitted, and what the bookmark is then: for every way of reading
//! that gives no thought to the order of the records within what was asked for.

use super::{Batch, Reading};
use crate::tap::read::bookmark::{Bookmark, Seen};
use crate::tap::read::page::{Page, Row};
use crate::tap::time::EpochSeconds;

/// Pages without anything new that a run may cost time and again.
const MOST_PAGES_FOR_NOTHING: u32 = 3;

/// Lets records through that lie within the bounds and weren't emitted yet, in this run or before.
pub struct Sieve<'a> {
    reading: &'a Reading<'a>,
    /// The newest instant met.
    newest: Option<EpochSeconds>,
    /// What was emitted, in this run or before, and may be met again by the next.
    seen: Seen,
    has_emitted: bool,
    /// How many pages were read.
    pub pages: u32,
}

impl<'a> Sieve<'a> {
    /// A sieve that knows what runs before emitted.
    pub fn new(reading: &'a Reading<'a>) -> Self {
        Self {
            reading,
            newest: None,
            seen: reading.bookmark.seen.clone(),
            has_emitted: false,
            pages: 0,
        }
    }

    /// The rows of a page that are to be emitted, between `lower`, inclusive, and `upper`, exclusive.
    pub fn take(
        &mut self,
        page: Page,
        lower: Option<EpochSeconds>,
        upper: Option<EpochSeconds>,
    ) -> Vec<Row> {
        let mut rows = page.rows;
        rows.retain(|row| {
            if !self.reading.is_wanted(row, lower) {
                return false;
            }
            let Some(version) = row.version() else {
                return true;
            };
            let updated_at = version.updated_at;
            if upper.is_some_and(|upper| updated_at >= upper) {
                return false;
            }
            self.newest = self.newest.max(Some(updated_at));
            if self.seen.contains(&row.id, version) {
                return false;
            }
            let from = self.position() - self.reading.client.config().lookback_seconds;
            self.seen
                .insert(&row.id, version, self.reading.started, from);
            true
        });
        self.has_emitted |= !rows.is_empty();
        rows
    }

    /// The bookmark when all up to the newest record met is emitted, once that is above the one
    /// before.
    pub fn bookmark_in_progress(&self) -> Option<Bookmark> {
        let position = self.newest.map(|_| self.position())?;
        let before = self.reading.known_bookmark();
        if !self.has_emitted || before.is_some_and(|before| before >= position) {
            return None;
        }
        // What goes on from here asks for nothing below, but the run after that may look back there.
        let lookback = self.reading.client.config().lookback_seconds;
        Some(Bookmark {
            updated_at: Some(position),
            in_progress: true,
            seen: self.seen.since(position - lookback),
            ..self.reading.bookmark.clone()
        })
    }

    /// The end of reading: no rows, and the bookmark when all is read; none when there was nothing
    /// new, so that the state stays as it is.
    pub fn end(&self) -> Batch {
        Batch {
            bookmark: self.final_bookmark(),
            ..Batch::default()
        }
    }

    fn final_bookmark(&self) -> Option<Bookmark> {
        let before = &self.reading.bookmark;
        let reached = if self.has_emitted || before.in_progress || self.reading.is_ahead() {
            self.newest.map(|_| self.position())
        } else if self.pages > MOST_PAGES_FOR_NOTHING && self.reading.is_look_back_over(self.newest)
        {
            Some(self.reading.newest_bookmark())
        } else {
            return None;
        };
        let updated_at = self.reading.final_bookmark(reached)?;
        let lookback = self.reading.client.config().lookback_seconds;
        Some(Bookmark {
            updated_at: Some(updated_at),
            in_progress: false,
            seen: self.seen.since(updated_at - lookback),
            ..before.clone()
        })
    }

    /// How far the bookmark may go for what was read so far.
    fn position(&self) -> EpochSeconds {
        let newest_bookmark = self.reading.newest_bookmark();
        self.newest
            .map_or(newest_bookmark, |newest| newest.min(newest_bookmark))
    }
}
