//! Numbered pages, newest first: read from page 1 until enough pages in a row hold nothing new.
//!
//! A record that is updated while the list is read jumps to page 1 and pushes others back, which
//! only makes them come twice; the next run meets it, since the bookmark stays below this run's
//! start. A deleted record pulls others forward, past the page being asked for: then `total_count`
//! falls, and reading steps back ([`Coverage`]).

use std::collections::{HashSet, VecDeque};

use super::coverage::Coverage;
use super::{Batch, Fault, Reading, Sink, is_last};
use crate::tap::read::bookmark::{Bookmark, Resume, Version};

/// How many emitted records are remembered, so as not to emit one again that was pushed to a
/// later page. It takes this many updates during one run to push it further.
const MOST_RECENT: usize = 100_000;
/// Pages beyond the overlap that a run without anything new may cost time and again.
const MOST_PAGES_FOR_NOTHING: u32 = 2;

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

    let first = resume.map_or(1, |resume| resume.page.saturating_sub(overlap_pages).max(1));
    let total_count = resume.and_then(|resume| resume.total_count);
    let mut coverage = Coverage::up_to_page(first, per_page, total_count);
    // What a resumed run finds at the top belongs to the run after it, which starts there.
    let mut newest = resume.map(|resume| resume.updated_at);
    let mut seen = before.seen.clone();
    let mut recent = Recent::default();
    let mut quiet_pages: u32 = 0;
    let mut has_emitted = false;
    // Emitted before or not.
    let mut newest_met = None;
    let mut pages_read: u32 = 0;
    loop {
        let number = coverage.next_page();
        let page = reading.numbered_page(number, per_page)?;
        pages_read += 1;
        let total_count = page.total_count;
        // One that is updated from now on may move without a sign of it, twice in one second.
        let lasting = page
            .rows
            .iter()
            .filter(|row| row.updated_at < Some(reading.started))
            .map(|row| (row.id.clone(), row.updated_at));
        let is_all_before_read = coverage.read(
            number,
            page.per_page.unwrap_or(per_page),
            total_count,
            Some(lasting.collect()),
        );
        let is_end = is_all_before_read && is_last(&page, number, per_page);
        let mut is_quiet = known.is_some();
        let mut rows = Vec::new();
        for row in page.rows {
            let version = row.version();
            if let Some(version) = version {
                // Above the bookmark, records that were emitted say nothing of those between them,
                // which may be indexed only now.
                is_quiet &= known.is_none_or(|known| version.updated_at <= known);
                newest_met = newest_met.max(Some(version.updated_at));
                if before.seen.contains(&row.id, version) {
                    continue;
                }
            }
            if !reading.is_wanted(&row, lower) {
                continue;
            }
            if let Some(version) = version {
                if resume.is_none() {
                    newest = newest.max(Some(version.updated_at.min(newest_bookmark)));
                }
                let from = newest.unwrap_or(newest_bookmark) - lookback;
                seen.insert(&row.id, version, reading.started, from);
            }
            if recent.is_first(&row.id, version) {
                rows.push(row);
            }
        }
        has_emitted |= !rows.is_empty();
        let bookmark = newest.filter(|_| has_emitted).map(|newest| Bookmark {
            resume: Some(Resume {
                page: coverage.whole_pages(),
                updated_at: newest,
                total_count: coverage.total_count(),
            }),
            seen: seen.since(newest - lookback),
            ..before.clone()
        });
        sink(Batch {
            rows,
            bookmark,
            total_count,
        })?;
        quiet_pages = if is_quiet && is_all_before_read {
            quiet_pages + 1
        } else {
            0
        };
        if is_end || quiet_pages >= overlap_pages {
            break;
        }
    }
    if !has_emitted && resume.is_none() && !reading.is_ahead() {
        let is_costly = pages_read > overlap_pages.saturating_add(MOST_PAGES_FOR_NOTHING);
        if !is_costly || !reading.is_look_back_over(newest_met) {
            return Ok(());
        }
        newest = Some(newest_bookmark);
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

/// The versions of records emitted last, by their keys.
#[derive(Default)]
struct Recent {
    records: HashSet<(String, Option<Version>)>,
    order: VecDeque<(String, Option<Version>)>,
}

impl Recent {
    fn is_first(&mut self, id: &str, version: Option<Version>) -> bool {
        let record = (id.to_owned(), version);
        if !self.records.insert(record.clone()) {
            return false;
        }
        self.order.push_back(record);
        if self.order.len() > MOST_RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.records.remove(&oldest);
        }
        true
    }
}
