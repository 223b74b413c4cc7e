//! A page to look at: how things stand in a lake, as `target-gcs --status --format html` says it, with
//! what is in the records and what the runs that filled it asked for.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use intercom_singer::internals::target::status_page::{END, bars, shown};
use serde_json::Value;

const DAY: i64 = 86_400;
/// Days that are drawn of each stream.
const DAYS: usize = 60;

/// What one run asked the API for: endpoints, and how often.
pub struct Run {
    pub name: String,
    pub requests: BTreeMap<String, usize>,
}

/// What is known of one stream.
#[derive(Default)]
struct Stream {
    files: usize,
    records: usize,
    newest: Option<i64>,
    /// Records by the day of their last update, oldest first, up to the page's own.
    by_day: Vec<u64>,
}

/// The page of a lake in a directory, as of `now` in epoch seconds; `status` is the target's own page.
pub fn render(status: &str, lake: &Path, runs: &[Run], now: i64) -> Result<String, Box<dyn Error>> {
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    let mut hours = [0; 24];
    for entry in fs::read_dir(lake)? {
        let folder = entry?;
        let name = folder.file_name().into_string().unwrap_or_default();
        if folder.path().is_dir() && !name.starts_with(['_', '.']) {
            let mut stream = Stream {
                by_day: vec![0; DAYS],
                ..Stream::default()
            };
            let is_opened = name == "conversations";
            take_in(&folder.path(), now, &mut stream, &mut |record| {
                let opened = record["created_at"].as_i64().filter(|_| is_opened);
                if let Some(hour) = opened.map(|at| at.rem_euclid(DAY) / 3600) {
                    hours[usize::try_from(hour).unwrap_or_default()] += 1;
                }
            })?;
            streams.insert(name, stream);
        }
    }
    let Some(status) = status.strip_suffix(END) else {
        return Err("the target's page ends otherwise".into());
    };
    let mut page = status.to_owned();
    page += "<h2>Records</h2>\n<table>\n<thead><tr><th>Stream</th><th class=n>Records</th>\
             <th>Newest record</th><th>By day of update, the last 60</th></tr></thead>\n<tbody>\n";
    for (name, stream) in &streams {
        let days: Vec<(String, u64, String)> = (0..DAYS)
            .zip(&stream.by_day)
            .map(|(place, count)| {
                let day = days_ago(DAYS - 1 - place);
                (format!("{day}: {count}"), *count, String::new())
            })
            .collect();
        writeln!(
            page,
            "<tr><td data-label=Stream><b>{}</b></td><td data-label=Records class=n><div>{}</div></td>\
             <td data-label=\"Newest record\">{}</td><td data-label=\"By day\"><div>{}</div></td></tr>",
            shown(name),
            stream.records,
            age(stream.newest, now),
            bars(&days, 300, 24),
        )?;
    }
    page += "</tbody>\n</table>\n<h2>Conversations by the hour they were opened, UTC</h2>\n";
    page += &bars(&by_hour(hours), 720, 120);
    for run in runs {
        write_run(&mut page, run)?;
    }
    page += END;
    Ok(page)
}

/// Every third hour has its name below.
fn by_hour(hours: [u64; 24]) -> Vec<(String, u64, String)> {
    let all = (0..24).zip(hours);
    all.map(|(hour, count)| {
        let name = format!("{hour:02}:00");
        let label = if hour % 3 == 0 {
            name.clone()
        } else {
            String::new()
        };
        (format!("{name}: {count}"), count, label)
    })
    .collect()
}

fn write_run(page: &mut String, run: &Run) -> Result<(), std::fmt::Error> {
    let most = run.requests.values().max().copied().unwrap_or(1).max(1);
    let total: usize = run.requests.values().sum();
    writeln!(
        page,
        "<h2>{}: {total} requests</h2>\n<table>\n<tbody>",
        shown(&run.name)
    )?;
    for (endpoint, count) in &run.requests {
        writeln!(
            page,
            "<tr><td data-label=Endpoint>{}</td><td data-label=Requests class=n><div>{count}</div></td>\
             <td data-label=\"\"><div class=bar style=\"width:{}px\"></div></td></tr>",
            shown(endpoint),
            (count * 320).div_ceil(most)
        )?;
    }
    writeln!(page, "</tbody>\n</table>")
}

/// Counts the records of all files below a folder.
fn take_in(
    folder: &Path,
    now: i64,
    stream: &mut Stream,
    look: &mut dyn FnMut(&Value),
) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            take_in(&path, now, stream, look)?;
            continue;
        }
        stream.files += 1;
        for line in fs::read_to_string(&path)?.lines() {
            let record: Value = serde_json::from_str(line)?;
            stream.records += 1;
            look(&record);
            let Some(updated) = updated_at(&record) else {
                continue;
            };
            stream.newest = stream.newest.max(Some(updated));
            let days = usize::try_from(now.div_euclid(DAY) - updated.div_euclid(DAY));
            if let Some(place) = days.ok().and_then(|days| DAYS.checked_sub(days + 1)) {
                stream.by_day[place] += 1;
            }
        }
    }
    Ok(())
}

/// A record's own instant, or its parent's.
fn updated_at(record: &Value) -> Option<i64> {
    ["updated_at", "conversation_updated_at", "call_updated_at"]
        .iter()
        .find_map(|name| instant(&record[*name]))
}

/// Epoch seconds, or ISO 8601 as calls have it.
fn instant(value: &Value) -> Option<i64> {
    let text = || DateTime::parse_from_rfc3339(value.as_str()?).ok();
    value.as_i64().or_else(|| Some(text()?.timestamp()))
}

fn age(instant: Option<i64>, now: i64) -> String {
    let Some(instant) = instant else {
        return "–".to_owned();
    };
    match now - instant {
        ..60 => "just now".to_owned(),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..DAY => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / DAY),
    }
}

fn days_ago(days: usize) -> String {
    match days {
        0 => "today".to_owned(),
        days => format!("{days} days ago"),
    }
}
