//! How pages say that they are the last, and whether to believe them.

use std::collections::HashSet;

use super::envelope::Continuation;
use super::page::Page;
use crate::tap::api::client::BadAnswer;
use crate::tap::fault::Fault;

/// Whether numbered pages end with this one. `total_pages` may be off by one, so a full last page is
/// no end, and an empty one is unless more than one page should follow it.
pub fn is_last(page: &Page, number: u32, per_page: u32) -> bool {
    let announced = match page.total_pages {
        Some(total) => total.saturating_sub(number),
        None => u32::from(page.next != Continuation::End),
    };
    if page.rows.is_empty() {
        return announced <= 1;
    }
    announced == 0 && !is_full(page, per_page)
}

/// Whether a page has as many records as it may.
fn is_full(page: &Page, per_page: u32) -> bool {
    page.rows.len() >= page.per_page.unwrap_or(per_page).max(1) as usize
}

/// What is read of pages with cursors, held against what their totals promise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Promise {
    /// How many pages were read.
    pub pages: u32,
    rows: u64,
}

impl Promise {
    /// A page was read.
    pub fn read(&mut self, page: &Page) {
        self.pages += 1;
        self.rows += page.rows.len() as u64;
    }

    /// Whether a page says that none follows, though its totals promise more. Between two requests
    /// records come and go; within the first, nothing does.
    pub fn is_broken_by(self, page: &Page, per_page: u32) -> bool {
        let rows = self.rows + page.rows.len() as u64;
        let is_more = |total: Option<u64>, read: u64| total.is_none_or(|total| total > read);
        let has_totals = page.total_count.is_some() || page.total_pages.is_some();
        let total_pages = page.total_pages.map(u64::from);
        page.next == Continuation::End
            && has_totals
            && is_more(page.total_count, rows)
            && is_more(total_pages, u64::from(self.pages) + 1)
            && (self.pages == 0 || is_full(page, per_page))
    }

    /// Such a page is a bad answer.
    pub fn check(self, page: &Page, per_page: u32) -> Result<(), BadAnswer> {
        // Fewer than a page may have come while others were read.
        let total = page.total_count.unwrap_or(u64::MAX);
        let is_page_missing = total >= self.rows + 2 * page.rows.len() as u64;
        if self.is_broken_by(page, per_page) && (self.pages == 0 || is_page_missing) {
            return Err(BadAnswer(format!(
                "the answer names no next page, though its totals ({}) promise more",
                page.total_count
                    .or(page.total_pages.map(u64::from))
                    .unwrap_or_default()
            )));
        }
        Ok(())
    }
}

/// The cursors met while reading, since one that comes again would be followed for ever.
#[derive(Debug, Default)]
pub struct Cursors {
    met: HashSet<String>,
}

impl Cursors {
    /// The cursor of the page after `page`, or `None` at the end.
    pub fn after(&mut self, page: &Page) -> Result<Option<String>, Fault> {
        match &page.next {
            Continuation::End => Ok(None),
            Continuation::Unnamed => Err(Fault::Stream(
                "the API says that there is a next page, but gives no cursor for it".into(),
            )),
            Continuation::Cursor(cursor) | Continuation::Bare(cursor)
                if self.met.insert(cursor.clone()) =>
            {
                Ok(Some(cursor.clone()))
            }
            Continuation::Cursor(cursor) | Continuation::Bare(cursor) => Err(Fault::Stream(
                format!("the API repeats the cursor {cursor:?}, so its pages have no end"),
            )),
        }
    }
}
