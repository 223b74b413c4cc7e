//! Numbered pages, newest first: read from page 1 until enough pages in a row hold nothing new.
//!
//! A record that is updated while the list is read jumps to page 1 and pushes others back, which
//! only makes them come twice; the next run meets it, since the bookmark stays below this run's
//! start. A deleted record pulls others forward, past the page being asked for: then `total_count`
//! falls, and reading steps back.

use std::collections::{HashSet, VecDeque};

use super::{Batch, Fault, Reading, Sink, is_last, pages_to_step_back};
use crate::tap::bookmark::{Bookmark, Resume};
use crate::tap::page::Row;

/// How many emitted keys are remembered, so as not to emit a record again that was pushed to a
/// later page. It takes this many updates during one run to push it further.
const MOST_RECENT: usize = 100_000;

/// Reads the stream from page 1, or from where an unfinished run left off.
pub fn read(
    reading: &Reading<'_>,
    per_page: u32,
    overlap_pages: u32,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let before = &reading.bookmark;
    let resume = before.resume.as_ref();
    let lower = reading.lower_bound();
    let known = reading.known_bookmark().or(lower);
    let newest_bookmark = reading.newest_bookmark();
    let lookback = reading.client.config().lookback_seconds;

    let mut number = resume.map_or(1, |resume| resume.page.saturating_sub(overlap_pages).max(1));
    let mut total_count = resume.and_then(|resume| resume.total_count);
    // What a resumed run finds at the top belongs to the run after it, which starts there.
    let mut newest = resume.map(|resume| resume.updated_at);
    let mut seen = before.seen.clone();
    let mut recent = Recent::default();
    let mut quiet_pages = 0;
    let mut has_emitted = false;
    loop {
        let page = reading.numbered_page(number, per_page)?;
        let back = pages_to_step_back(total_count, page.total_count, per_page).min(number - 1);
        total_count = page.total_count;
        if back > 0 {
            number -= back;
            continue;
        }
        let is_last = is_last(&page, number, per_page);
        let mut is_quiet = known.is_some();
        let mut rows = Vec::new();
        for row in page.rows {
            if let Some(updated_at) = row.updated_at {
                if before.seen.contains(&row.id, updated_at) {
                    continue;
                }
                is_quiet &= known.is_none_or(|known| updated_at <= known);
            }
            if !reading.is_wanted(&row, lower) {
                continue;
            }
            if let Some(updated_at) = row.updated_at {
                if resume.is_none() {
                    newest = newest.max(Some(updated_at.min(newest_bookmark)));
                }
                let from = newest.unwrap_or(newest_bookmark) - lookback;
                seen.insert(&row.id, updated_at, from);
            }
            if recent.is_first(&row) {
                rows.push(row);
            }
        }
        has_emitted |= !rows.is_empty();
        let bookmark = newest.filter(|_| has_emitted).map(|newest| Bookmark {
            resume: Some(Resume {
                page: number,
                updated_at: newest,
                total_count,
            }),
            seen: seen.since(newest - lookback),
            ..before.clone()
        });
        sink(Batch {
            rows,
            bookmark,
            total_count,
        })?;
        quiet_pages = if is_quiet { quiet_pages + 1 } else { 0 };
        if is_last || quiet_pages >= overlap_pages {
            break;
        }
        number += 1;
    }
    if !has_emitted && resume.is_none() && !reading.is_ahead() {
        return Ok(());
    }
    let bookmark = reading.final_bookmark(newest).map(|updated_at| Bookmark {
        updated_at: Some(updated_at),
        seen: seen.since(updated_at - lookback),
        resume: None,
        ..before.clone()
    });
    sink(Batch {
        bookmark,
        ..Batch::default()
    })
}

/// The keys emitted last.
#[derive(Default)]
struct Recent {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Recent {
    fn is_first(&mut self, row: &Row) -> bool {
        if !self.ids.insert(row.id.clone()) {
            return false;
        }
        self.order.push_back(row.id.clone());
        if self.order.len() > MOST_RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
