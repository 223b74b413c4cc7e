//! A scroll: the server keeps the place, and each answer carries the `scroll_param` that the next
//! request sends. There is no order and no lower bound, so all is read and what is old left out.
//!
//! A request whose answer is lost has moved the place all the same: repeated, it would leave out a
//! page. So it isn't repeated; the scroll is begun anew, and what was emitted isn't emitted again.
//! A scroll that breaks off stays open for a minute, and a workspace has but one at a time.

use std::time::Duration;

use super::guard::{Fingerprints, Guard};
use super::reading::{Batch, BatchSink, Reading, unexpectedly_gone};
use super::sieve::Sieve;
use crate::tap::api::client::{ApiRequest, Once};
use crate::tap::api::error::ErrorList;
use crate::tap::api::path::with_parameter;
use crate::tap::fault::Fault;
use crate::tap::read::page::Page;

/// Pause before the second look whether another scroll has ended; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long another scroll is waited for: that of another app may take minutes.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Reads the stream.
pub fn read(reading: &Reading<'_>, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    let lower = reading.lower_bound();
    let mut sieve = Sieve::new(reading);
    let mut emitted = Fingerprints::default();
    let mut scroll_param: Option<String> = None;
    let mut fruitless_starts = 1;
    let mut guard = Guard::default();
    loop {
        let page = next_page(reading, scroll_param.as_deref(), fruitless_starts - 1)?;
        // The place moves with every answer, so that none repeats what this scroll gave before.
        let page = page.and_then(|page| {
            if page.rows.is_empty() || guard.read(&page.rows) {
                Ok(page)
            } else {
                Err("it repeats a page".to_owned())
            }
        });
        let page = match page {
            Ok(page) => page,
            Err(why) => {
                let attempts = reading.client.config().max_attempts;
                if fruitless_starts >= attempts {
                    return Err(Fault::Stream(format!(
                        "the scroll broke off {attempts} times without anything new, at last with: \
                         {why}"
                    )));
                }
                tracing::warn!("the scroll broke off and is begun anew: {why}");
                fruitless_starts += 1;
                scroll_param = None;
                guard = Guard::default();
                continue;
            }
        };
        if page.rows.is_empty() {
            return sink(sieve.end());
        }
        scroll_param = page.scroll_param.clone().or(scroll_param);
        if scroll_param.is_none() {
            return Err(Fault::Stream(
                "the API gives no `scroll_param` for the next page".into(),
            ));
        }
        let total_count = page.total_count;
        let mut rows = page.rows;
        rows.retain(|row| emitted.is_first(row));
        let rows = sieve.take(rows, lower, None);
        if !rows.is_empty() {
            fruitless_starts = 1;
        }
        sink(Batch {
            rows,
            total_count,
            ..Batch::default()
        })?;
    }
}

/// The scroll's next page, or its first; or why the scroll must be begun anew.
fn next_page(
    reading: &Reading<'_>,
    scroll_param: Option<&str>,
    losses: u32,
) -> Result<Result<Page, String>, Fault> {
    let path = reading.path("");
    let request = ApiRequest::Get(match scroll_param {
        None => path,
        Some(scroll_param) => with_parameter(&path, "scroll_param", scroll_param),
    });
    let names = reading.names();
    let mut pause = FIRST_PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        let answer = reading
            .client
            .send_once(&request, losses, |body| Page::parse(body, names));
        let why = match answer {
            Ok(Once::Done(page)) => {
                reading.tell_odd(&page);
                return Ok(Ok(page));
            }
            Ok(Once::Lost(why)) => return Ok(Err(why)),
            Err(Fault::Gone { message, .. }) if scroll_param.is_some() => return Ok(Err(message)),
            Err(fault) => return Err(unexpectedly_gone(fault)),
            Ok(Once::Error {
                words,
                fault: Fault::Stream(why),
            }) if is_in_use(&words) => why,
            Ok(Once::Error { fault, .. }) => match fault {
                Fault::Gone { message, .. } if scroll_param.is_some() => return Ok(Err(message)),
                fault => return Err(unexpectedly_gone(fault)),
            },
        };
        if waited >= LONGEST_WAIT {
            return Err(Fault::Stream(format!(
                "{why}; another app or another run has kept it for {} minutes",
                LONGEST_WAIT.as_secs() / 60
            )));
        }
        if waited.is_zero() {
            tracing::warn!(
                "{why}; waiting for it to end, which it does a minute after its last use"
            );
        }
        reading.client.sleep(pause)?;
        waited += pause;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Whether an error says that another scroll is open: by its code, or, where that is missing, by its
/// message ("scroll already exists for this workspace").
fn is_in_use(error: &ErrorList) -> bool {
    error.words().any(|(code, message)| {
        let message = message.to_ascii_lowercase();
        code == "scroll_exists" || (message.contains("scroll") && message.contains("exists"))
    })
}
