//! `GET /companies/scroll`: one scroll at a time, whose place the server keeps.

use std::sync::Mutex;
use std::time::Instant;

use super::answer::{error, object};
use super::data::Data;
use super::noise::noise;
use super::settings::Settings;
use super::table::Stream;
use super::template::put_array;
use crate::http::{Reply, Request};
use crate::lock::lock;

const PER_PAGE: usize = 100;

/// An open scroll.
pub struct Scroll {
    param: String,
    /// The rows that are still to come, as they were when it was opened.
    rows: Vec<u32>,
    last_used: Instant,
}

/// The workspace's scroll, if one is open.
pub type OpenScroll = Mutex<Option<Scroll>>;

/// Opens a scroll or goes on with it. Each answer moves the place, whether it arrives or not.
pub fn companies(data: &Data, settings: &Settings, open: &OpenScroll, request: &Request) -> Reply {
    let mut open = lock(open);
    if open
        .as_ref()
        .is_some_and(|scroll| scroll.last_used.elapsed() >= settings.scroll_lifetime)
    {
        *open = None;
    }
    let scroll = match (request.parameter("scroll_param"), open.as_mut()) {
        (None, Some(_)) => {
            let message = "scroll already exists for this workspace";
            return error(request, 400, "scroll_exists", message);
        }
        (None, None) => {
            let table = data.table(Stream::Companies);
            let mut rows: Vec<u32> = table.index().iter().map(|entry| entry.row).collect();
            rows.sort_by_key(|&row| table.tie(row));
            open.insert(Scroll {
                param: format!("{:016x}-b9f8", noise(data.seed, 0, request.ordinal as u32)),
                rows,
                last_used: Instant::now(),
            })
        }
        (Some(param), Some(scroll)) if scroll.param == param => scroll,
        (Some(_), _) => return error(request, 404, "not_found", "scroll parameter not found"),
    };
    scroll.last_used = Instant::now();
    let rest = scroll.rows.split_off(scroll.rows.len().min(PER_PAGE));
    let page = std::mem::replace(&mut scroll.rows, rest);
    let mut records = Vec::new();
    put_array(&mut records, &page, |out, &row| {
        // One that was deleted meanwhile is still what it was.
        data.put_company(out, row);
    });
    let param = format!("\"{}\"", scroll.param);
    if page.is_empty() {
        *open = None;
    }
    Reply::json(
        200,
        object(&[
            ("type", b"\"list\""),
            ("data", &records),
            ("pages", b"null"),
            ("total_count", b"null"),
            ("scroll_param", param.as_bytes()),
        ]),
    )
}
