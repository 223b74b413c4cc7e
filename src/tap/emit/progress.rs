//! How far a stream is: counts for the log, for METRIC lines and for the summary at the end.

use std::fmt;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::json;

use crate::cli::terminal;
use crate::singer::metrics;
use crate::tap::api::client::{Client, RequestCounts};
use crate::tap::plan::Plan;

/// How often long work says where it is in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);
/// How often it does so to somebody who watches.
const LINE_INTERVAL: Duration = Duration::from_millis(200);

/// The counts of one stream and its children while it is read.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    counts: Vec<Count>,
    total_count: Option<u64>,
    cut: u64,
    missing: Vec<(String, u64)>,
    reported: Instant,
    line: ProgressBar,
}

#[derive(Debug)]
struct Count {
    stream: &'static str,
    records: u64,
    reported: u64,
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
    duration: Duration,
}

impl Progress {
    /// Begins to count for a stream.
    #[must_use]
    pub fn start(plan: &Plan) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            counts: plan
                .outputs()
                .map(|output| Count {
                    stream: output.name,
                    records: 0,
                    reported: 0,
                })
                .collect(),
            total_count: None,
            cut: 0,
            missing: Vec::new(),
            reported: now,
            line: terminal::progress_line(plan.stream.name),
        }
    }

    /// A page came, of so many records in all.
    pub fn expect(&mut self, total_count: Option<u64>) {
        self.total_count = total_count.or(self.total_count);
    }

    /// A record was emitted.
    pub fn record(&mut self, stream: &str) {
        if let Some(count) = self.counts.iter_mut().find(|count| count.stream == stream) {
            count.records += 1;
        }
    }

    /// The API left child records out of its answer for a parent.
    pub fn cut(&mut self, stream: &str, parent: &str, cut: u64) {
        self.cut += cut;
        tracing::warn!(
            "the API gives only the newest {stream} of {parent}: {cut} older ones can't be read"
        );
    }

    /// So many details of each kind couldn't be had.
    pub fn missing<'a>(&mut self, counts: impl Iterator<Item = (&'a str, u64)>) {
        self.missing = counts
            .map(|(what, count)| (what.to_owned(), count))
            .collect();
    }

    /// Says where it is, now and then.
    pub fn tick(&mut self, client: &Client) {
        let is_watched = terminal::is_watched();
        let interval = if is_watched {
            LINE_INTERVAL
        } else {
            LOG_INTERVAL
        };
        if self.reported.elapsed() < interval {
            return;
        }
        self.reported = Instant::now();
        if is_watched {
            self.line.set_message(self.describe(client));
            self.line.tick();
        } else {
            self.report_counts();
            tracing::info!("{}: {}", self.counts[0].stream, self.describe(client));
        }
    }

    /// Counts, totals, requests a second, budget and time left.
    #[expect(clippy::cast_precision_loss, reason = "rates and shares for people")]
    fn describe(&self, client: &Client) -> String {
        let requests = client.counts().requests;
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let mut text = format!("{} records", self.counts[0].records);
        if let Some(total) = self.total_count {
            text += &format!(" of {total}");
        }
        for child in &self.counts[1..] {
            text += &format!(", {} {}", child.records, child.stream);
        }
        text += &format!(", {requests} requests ({:.0}/s)", requests as f64 / seconds);
        if let Some(left) = client.budget_left() {
            text += &format!(", {left} left in the API's window");
        }
        let done = self.counts[0].records as f64;
        if let Some(total) = self.total_count.filter(|_| done > 0.0) {
            let minutes = seconds * (total as f64 / done - 1.0).max(0.0) / 60.0;
            text += &format!(", about {minutes:.0} min to go");
        }
        text
    }

    /// Reports the rest and sums up.
    pub fn finish(mut self, client: &Client) -> Vec<Summary> {
        self.line.finish_and_clear();
        self.report_counts();
        let requests = client.counts();
        let duration = self.started.elapsed();
        let Some(stream) = self.counts.first().map(|count| count.stream) else {
            return Vec::new();
        };
        let tags = json!({"stream": stream});
        metrics::timer("sync_duration", duration, &tags);
        metrics::counter("http_request_count", requests.requests, &tags);
        metrics::timer("http_request_duration", requests.in_requests, &tags);
        metrics::timer("rate_limit_wait", requests.waited, &tags);
        if self.cut > 0 {
            metrics::counter("parts_truncated", self.cut, &tags);
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
            duration,
        };
        self.counts.iter().enumerate().map(summary).collect()
    }

    fn report_counts(&mut self) {
        for count in &mut self.counts {
            let tags = json!({"stream": count.stream});
            metrics::counter("record_count", count.records - count.reported, &tags);
            count.reported = count.records;
        }
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
