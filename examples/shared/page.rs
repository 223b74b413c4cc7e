//! A page to look at: what is in a lake and what the runs that filled it asked for. One file that
//! needs nothing else and nobody, light and dark as the browser is.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::DateTime;
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
    by_day: Vec<usize>,
}

/// The page of a lake in a directory, as of `now` in epoch seconds.
pub fn render(lake: &Path, runs: &[Run], now: i64) -> Result<String, Box<dyn Error>> {
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
    let mut page = String::from(HEAD);
    page += "<h1>The lake</h1>\n<h2>Streams</h2>\n<table>\n<tr><th>Stream</th><th>Records</th>\
             <th>Files</th><th>Newest record</th><th>By day of update, the last 60</th></tr>\n";
    for (name, stream) in &streams {
        writeln!(
            page,
            "<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            stream.records,
            stream.files,
            age(stream.newest, now),
            bars(&stream.by_day, 240, 24, &|place| days_ago(DAYS - 1 - place)),
        )?;
    }
    page += "</table>\n<h2>Conversations by the hour they were opened, UTC</h2>\n";
    page += &bars(&hours, 720, 120, &|hour| format!("{hour:02}:00"));
    for run in runs {
        let most = run.requests.values().max().copied().unwrap_or(1).max(1);
        let total: usize = run.requests.values().sum();
        writeln!(
            page,
            "<h2>{}: {total} requests</h2>\n<table>",
            escaped(&run.name)
        )?;
        for (endpoint, count) in &run.requests {
            writeln!(
                page,
                "<tr><td>{}</td><td class=n>{count}</td><td><div class=bar style=\"width:{}px\">\
                 </div></td></tr>",
                escaped(endpoint),
                (count * 320).div_ceil(most)
            )?;
        }
        page += "</table>\n";
    }
    page += "</main>\n";
    Ok(page)
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

/// A bar for each count, with its number and what it is of where the mouse rests on it.
fn bars(counts: &[usize], width: usize, height: usize, of: &dyn Fn(usize) -> String) -> String {
    let most = counts.iter().max().copied().unwrap_or(1).max(1);
    let step = width / counts.len().max(1);
    let mut svg = format!("<svg width={width} height={height} role=img>");
    for (place, count) in counts.iter().enumerate() {
        let tall = (count * (height - 1)).div_ceil(most);
        svg += &format!(
            "<rect x={} y={} width={} height={tall}><title>{}: {count}</title></rect>",
            place * step,
            height - tall,
            step.saturating_sub(1).max(1),
            of(place)
        );
    }
    svg + "</svg>"
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            other => escaped.push(other),
        }
    }
    escaped
}

const HEAD: &str = "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content=\"width=device-width, initial-scale=1\">
<title>The lake</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --paper: #ffffff; --line: #d8dde6; --bar: #2f6fde; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8f0; --paper: #12161d; --line: #333b48; --bar: #6aa1ff; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem; overflow-x: auto; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 600; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); }
.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; } rect, .bar { fill: var(--bar); background: var(--bar); }
.bar { height: .7rem; }
</style>
<main>
";
