//! How things stand, as a page for a browser: one file that needs nothing else and nobody, light and
//! dark as the browser is. It shows what the document for programs says, and adds nothing to it.

use chrono::DateTime;
use serde_json::Value;

use super::status::{Status, size, span};
use crate::cli::foreign::told;

/// Bookmarks beyond this many seconds are marked.
const OLD: i64 = 172_800;

/// The page.
#[must_use]
pub fn render(status: &Status) -> String {
    let document = status.document();
    let streams = document["streams"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let mut page = String::from(HEAD);
    page += &format!(
        "<h1>How things stand</h1>\n<p class=quiet>As of {}, as all times here in UTC</p>\n",
        time(&document["now"])
    );
    page += &summary(streams);
    for reason in document["unreadable"].as_array().into_iter().flatten() {
        page += &format!("<p class=bad>{}</p>\n", shown(text(reason)));
    }
    if number(&document["foreign_files"]) > 0 {
        page += &format!(
            "<p>{} other files are beside the data files.</p>\n",
            data(
                "foreign_files",
                &document["foreign_files"],
                &number(&document["foreign_files"]).to_string()
            )
        );
    }
    if streams.is_empty() {
        page += "<p>Nothing is stored yet.</p>\n";
    } else {
        page += "<h2>Streams</h2>\n<table>\n<thead><tr><th>Stream</th><th>Bookmark</th><th class=n>Age</th>\
                 <th>Last seven days</th><th class=n>Files</th><th class=n>Bytes</th><th>Newest file</th>\
                 <th>Open</th></tr></thead>\n<tbody>\n";
        for stream in streams {
            page += &row(stream);
        }
        page += "</tbody>\n</table>\n";
    }
    page + END
}

/// What all streams come to.
fn summary(streams: &[Value]) -> String {
    let sum = |member: &str| streams.iter().map(|one| number(&one[member])).sum::<u64>();
    let unfinished = streams.iter().filter(|one| one["is_unfinished"] == true);
    let tiles = [
        ("Streams", streams.len().to_string()),
        ("Files", sum("files").to_string()),
        ("Stored", size(sum("bytes"))),
        ("Awaited", sum("awaited").to_string()),
        ("Unfinished", unfinished.count().to_string()),
    ];
    let tiles = tiles.map(|(name, value)| format!("<div><b>{value}</b>{name}</div>"));
    format!("<div class=tiles>{}</div>\n", tiles.concat())
}

fn row(stream: &Value) -> String {
    let age = stream["age_seconds"].as_i64();
    let age = age.map_or_else(String::new, |seconds| {
        let is_old = if seconds > OLD { " class=bad" } else { "" };
        format!(
            "<span{is_old}>{}</span>",
            data("age_seconds", &stream["age_seconds"], &span(seconds))
        )
    });
    let days: Vec<(String, u64, String)> = stream["days"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|day| {
            let (files, bytes) = (number(&day["files"]), number(&day["bytes"]));
            let says = format!("{}: {files} files, {bytes} bytes", text(&day["date"]));
            (says, bytes, String::new())
        })
        .collect();
    let newest = match stream["newest_file"].as_str() {
        Some(name) => format!(
            "{}<br><small title=\"{}\">{}</small>",
            time(&stream["newest_file_at"]),
            shown(name),
            // The folders say what stands beside it.
            shown(name.rsplit('/').next().unwrap_or(name))
        ),
        None => "none".to_owned(),
    };
    let cells = [
        (
            "Stream",
            "",
            format!("<b>{}</b>", shown(text(&stream["stream"]))),
        ),
        ("Bookmark", "", time(&stream["bookmark"])),
        ("Age", "n", age),
        ("Last seven days", "", bars(&days, 112, 24)),
        (
            "Files",
            "n",
            data(
                "files",
                &stream["files"],
                &number(&stream["files"]).to_string(),
            ),
        ),
        (
            "Bytes",
            "n",
            data("bytes", &stream["bytes"], &size(number(&stream["bytes"]))),
        ),
        ("Newest file", "", newest),
        ("Open", "", notes(stream)),
    ];
    let cells = cells.map(|(label, class, content)| {
        format!("<td data-label=\"{label}\" class=\"{class}\"><div>{content}</div></td>")
    });
    format!("<tr>{}</tr>\n", cells.concat())
}

/// What isn't finished.
fn notes(stream: &Value) -> String {
    let mut notes = Vec::new();
    if stream["is_unfinished"] == true {
        notes.push("unfinished".to_owned());
    }
    let awaited = number(&stream["awaited"]);
    if awaited > 0 {
        let count = data("awaited", &stream["awaited"], &awaited.to_string());
        let since = match &stream["awaited_since"] {
            Value::Null => String::new(),
            since => format!(" since {}", time(since)),
        };
        notes.push(format!("{count} awaited{since}"));
    }
    if let Some(problem) = stream["problem"].as_str() {
        notes.push(format!("<span class=bad>{}</span>", shown(problem)));
    }
    notes.join("<br>")
}

/// A bar for each count, with what it says where the mouse rests on it and what stands below it, if
/// anything does. Sizes in pixels; narrower where there is no room.
#[must_use]
pub fn bars(counts: &[(String, u64, String)], width: usize, height: usize) -> String {
    let most = counts
        .iter()
        .map(|(_, count, _)| *count)
        .max()
        .unwrap_or(1)
        .max(1);
    let step = width / counts.len().max(1);
    let room = if counts.iter().all(|(_, _, label)| label.is_empty()) {
        0
    } else {
        16
    };
    let whole = height + room;
    let mut svg =
        format!("<svg viewBox=\"0 0 {width} {whole}\" style=\"width:{width}px\" role=img>");
    for (place, (says, count, label)) in counts.iter().enumerate() {
        let part = u128::from(*count) * height.saturating_sub(1) as u128;
        let tall = usize::try_from(part.div_ceil(u128::from(most))).unwrap_or(0);
        // What is empty is a line, so that one sees the days.
        let (class, tall) = if tall == 0 {
            ("none", 1)
        } else {
            ("some", tall)
        };
        svg += &format!(
            "<rect class={class} x={} y={} width={} height={tall}><title>{}</title></rect>",
            place * step,
            height - tall,
            step.saturating_sub(2).max(1),
            shown(says)
        );
        if !label.is_empty() {
            svg += &format!(
                "<text x={} y={}>{}</text>",
                place * step,
                whole - 3,
                shown(label)
            );
        }
    }
    svg + "</svg>"
}

/// Text from outside as text of a page, whatever it holds.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut escaped = String::new();
    for character in told(text).chars() {
        match character {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number as people say it, with the one that the document has.
fn data(member: &str, value: &Value, says: &str) -> String {
    format!("<data class={member} value=\"{value}\">{says}</data>")
}

fn time(value: &Value) -> String {
    let Some(text) = value.as_str() else {
        return "none".to_owned();
    };
    let says = DateTime::parse_from_rfc3339(text).map_or_else(
        |_| shown(text),
        |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
    );
    format!("<time datetime=\"{}\">{says}</time>", shown(text))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// What a page ends with: further parts go before it.
pub const END: &str = "</main>\n</html>\n";

const HEAD: &str = "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content=\"width=device-width, initial-scale=1\">
<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">
<link rel=icon href=\"data:,\">
<title>How things stand</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --quiet: #5a6474; --paper: #ffffff; --card: #f4f6fa;
  --line: #d8dde6; --bar: #2f6fde; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8f0; --quiet: #9aa5b6; --paper: #12161d; --card: #1b212b; --line: #333b48;
    --bar: #6aa1ff; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
.quiet, small { color: var(--quiet); } .quiet { margin: 0 0 1.5rem; } .bad { color: var(--bad); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; }
.tiles div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; min-width: 7rem; color: var(--quiet); }
.tiles b { display: block; font-size: 1.35rem; color: var(--ink); font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--quiet); white-space: nowrap; }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td b { font-weight: 600; } td:first-child { min-width: 11rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
time, data { white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { display: block; max-width: 100%; height: auto; }
svg text { font-size: 10px; fill: var(--quiet); }
.some { fill: var(--bar); } .none { fill: var(--line); }
.bar { background: var(--bar); height: .7rem; margin-top: .4rem; max-width: 100%; }
@media (max-width: 56rem) {
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .6rem 0; }
  td, td.n { display: grid; grid-template-columns: 8rem minmax(0, 1fr); border: 0; padding: .1rem 0; text-align: left; }
  td::before { content: attr(data-label); color: var(--quiet); }
  td:first-child { min-width: 0; }
  td > div:empty::before { content: '\\2013'; color: var(--quiet); }
}
</style>
<main>
";
