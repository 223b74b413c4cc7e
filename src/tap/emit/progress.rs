//! How far a stream is: counts for the log, for METRIC lines and for the summary at the end. One
//! thread tells of all streams, so that it is told too while they wait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::messages::SchemaCounts;
use super::told;
use crate::cli::terminal;
use crate::singer::metrics;
use crate::tap::api::client::{Client, RequestCounts};
use crate::tap::plan::Plan;

/// How often long work says where it is in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);
/// How often it does so to somebody who watches.
const LINE_INTERVAL: Duration = Duration::from_millis(200);

/// The streams that are being read, and whether more may begin.
#[derive(Debug, Default)]
pub struct ProgressBoard {
    streams: Mutex<Streams>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Streams {
    read: Vec<Arc<Stream>>,
    is_complete: bool,
}

/// One stream that is being read.
#[derive(Debug)]
struct Stream {
    started: Instant,
    client: Arc<Client>,
    counts: Mutex<Counts>,
    line: ProgressBar,
}

#[derive(Debug)]
struct Counts {
    of_each: Vec<Count>,
    total_count: Option<u64>,
}

#[derive(Debug)]
struct Count {
    stream: &'static str,
    records: u64,
    reported: u64,
    schema: SchemaCounts,
}

/// The counts of one stream and its children while it is read.
#[derive(Debug)]
pub struct Progress {
    board: Arc<ProgressBoard>,
    stream: Arc<Stream>,
    truncated: u64,
    missing: Vec<(String, u64)>,
}

/// What one stream came to.
#[derive(Debug)]
pub struct Summary {
    stream: &'static str,
    records: u64,
    /// Of the stream and its children together; none for a child.
    requests: Option<RequestCounts>,
    /// Details that couldn't be had, by kind; told with the stream.
    missing: Vec<(String, u64)>,
    /// Child records that the API left out of its answers; told with the stream.
    truncated: u64,
    schema: SchemaCounts,
    duration: Duration,
}

impl ProgressBoard {
    /// Tells of the streams now and then, until all of them are read.
    pub fn tell(&self) {
        let is_watched = terminal::is_watched();
        let interval = if is_watched {
            LINE_INTERVAL
        } else {
            LOG_INTERVAL
        };
        let mut told = Instant::now();
        let mut streams = lock(&self.streams);
        while !(streams.is_complete && streams.read.is_empty()) {
            let left = interval.saturating_sub(told.elapsed());
            if left.is_zero() {
                told = Instant::now();
                for stream in &streams.read {
                    stream.tell(is_watched);
                }
            } else {
                let waited = self.changed.wait_timeout(streams, left);
                (streams, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// No other stream begins.
    pub fn complete(&self) {
        lock(&self.streams).is_complete = true;
        self.changed.notify_all();
    }
}

impl Stream {
    fn tell(&self, is_watched: bool) {
        if is_watched {
            let name = lock(&self.counts).of_each[0].stream;
            let left = terminal::width().saturating_sub(name.len() + 4);
            self.line.set_message(told::fitted(&self.news(), left));
            self.line.tick();
        } else {
            self.report_counts();
            let name = lock(&self.counts).of_each[0].stream;
            tracing::info!("{name}: {}", self.news().join(", "));
        }
    }

    /// What there is to say, what matters most first.
    fn news(&self) -> Vec<String> {
        let counts = lock(&self.counts);
        let requests = self.client.counts().requests;
        let own = counts.of_each[0].records;
        let spent = self.started.elapsed();
        let mut news = Vec::new();
        news.extend(self.client.held_back().map(told::waiting));
        news.extend(told::left(spent, own, counts.total_count));
        news.push(match counts.total_count {
            Some(total) => format!("{own} records of {total}"),
            None => format!("{own} records"),
        });
        for child in &counts.of_each[1..] {
            news.push(format!("{} {}", child.records, child.stream));
        }
        news.push(told::rate(requests, spent));
        if let Some(left) = self.client.budget_left() {
            news.push(format!("{left} left in the API's window"));
        }
        news
    }

    fn report_counts(&self) {
        for count in &mut lock(&self.counts).of_each {
            let tags = json!({"stream": count.stream});
            metrics::counter("record_count", count.records - count.reported, &tags);
            count.reported = count.records;
        }
    }
}

impl Progress {
    /// Begins to count for a stream, whose requests `client` counts.
    #[must_use]
    pub fn start(plan: &Plan, client: &Arc<Client>, board: &Arc<ProgressBoard>) -> Self {
        let count = |stream| Count {
            stream,
            records: 0,
            reported: 0,
            schema: SchemaCounts::default(),
        };
        let stream = Arc::new(Stream {
            started: Instant::now(),
            client: Arc::clone(client),
            counts: Mutex::new(Counts {
                of_each: plan.outputs().map(|output| count(output.name)).collect(),
                total_count: None,
            }),
            line: terminal::progress_line(plan.stream.name),
        });
        lock(&board.streams).read.push(Arc::clone(&stream));
        Self {
            board: Arc::clone(board),
            stream,
            truncated: 0,
            missing: Vec::new(),
        }
    }

    /// A page came, of so many records in all.
    pub fn expect(&mut self, total_count: Option<u64>) {
        let mut counts = lock(&self.stream.counts);
        counts.total_count = total_count.or(counts.total_count);
    }

    /// So many records were emitted.
    pub fn records(&mut self, stream: &str, records: u64) {
        let mut counts = lock(&self.stream.counts);
        if let Some(count) = counts
            .of_each
            .iter_mut()
            .find(|count| count.stream == stream)
        {
            count.records += records;
        }
    }

    /// The API left child records out of its answer for a parent.
    pub fn truncated(&mut self, stream: &str, parent: &str, truncated: u64) {
        self.truncated += truncated;
        tracing::warn!(
            "the API gives only the newest {stream} of {parent}: {truncated} older ones can't be read"
        );
    }

    /// So many details of each kind couldn't be had.
    pub fn missing<'a>(&mut self, counts: impl Iterator<Item = (&'a str, u64)>) {
        self.missing = counts
            .map(|(what, count)| (what.to_owned(), count))
            .collect();
    }

    /// What the schema of each came to.
    pub fn schemas(&mut self, of_each: impl Iterator<Item = (&'static str, SchemaCounts)>) {
        let mut counts = lock(&self.stream.counts);
        for (stream, schema) in of_each {
            let mut all = counts.of_each.iter_mut();
            if let Some(count) = all.find(|count| count.stream == stream) {
                count.schema = schema;
            }
        }
    }

    /// Reports the rest and sums up.
    #[must_use]
    pub fn finish(mut self) -> Vec<Summary> {
        let stream = Arc::clone(&self.stream);
        stream.report_counts();
        let requests = stream.client.counts();
        let duration = stream.started.elapsed();
        let counts = lock(&stream.counts);
        let Some(name) = counts.of_each.first().map(|count| count.stream) else {
            return Vec::new();
        };
        let tags = json!({"stream": name});
        metrics::timer("sync_duration", duration, &tags);
        metrics::counter("http_request_count", requests.requests, &tags);
        metrics::timer("http_request_duration", requests.in_requests, &tags);
        metrics::timer("rate_limit_wait", requests.waited, &tags);
        if self.truncated > 0 {
            metrics::counter("parts_truncated", self.truncated, &tags);
        }
        for (what, count) in &self.missing {
            metrics::counter("details_missing", *count, &json!({"stream": what}));
        }
        let mut missing = std::mem::take(&mut self.missing);
        let summary = |(index, count): (usize, &Count)| Summary {
            stream: count.stream,
            records: count.records,
            requests: (index == 0).then_some(requests),
            missing: std::mem::take(&mut missing),
            truncated: if index == 0 { self.truncated } else { 0 },
            schema: count.schema,
            duration,
        };
        counts.of_each.iter().enumerate().map(summary).collect()
    }
}

/// However a stream ends, nothing more is told of it.
impl Drop for Progress {
    fn drop(&mut self) {
        self.stream.line.finish_and_clear();
        let mut streams = lock(&self.board.streams);
        streams.read.retain(|read| !Arc::ptr_eq(read, &self.stream));
        self.board.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Summary {
    /// For a report: the stream's name, and what it came to.
    #[must_use]
    pub fn document(&self) -> (String, Value) {
        let mut document = json!({
            "records": self.records,
            "seconds": self.duration.as_secs_f64(),
            "details_missing": self.missing.iter().cloned().collect::<BTreeMap<String, u64>>(),
            "schema_changes": self.schema.changes,
            "records_refused": self.schema.refused,
        });
        if let Some(requests) = self.requests {
            document["requests"] = json!(requests.requests);
            document["retries"] = json!(requests.retries);
            document["request_seconds"] = json!(requests.in_requests.as_secs_f64());
            document["rate_limit_wait_seconds"] = json!(requests.waited.as_secs_f64());
            document["parts_truncated"] = json!(self.truncated);
        }
        (self.stream.to_owned(), document)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} records", self.stream, self.records)?;
        if let Some(requests) = self.requests {
            write!(
                formatter,
                ", {} requests ({} retries), {:.1} s",
                requests.requests,
                requests.retries,
                self.duration.as_secs_f64()
            )?;
        }
        for (what, count) in &self.missing {
            write!(formatter, "; {count} {what} couldn't be had")?;
        }
        Ok(())
    }
}
