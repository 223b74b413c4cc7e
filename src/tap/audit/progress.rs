//! How far an audit is, for whoever watches or reads the log.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::cli::terminal;

/// How often it is told in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);
/// How often it is told to somebody who watches.
const LINE_INTERVAL: Duration = Duration::from_millis(200);

/// The progress of one stream.
#[derive(Debug)]
pub struct AuditProgress {
    stream: &'static str,
    line: ProgressBar,
    told: Instant,
    rows: u64,
    of: Option<u64>,
    differences: u64,
}

impl AuditProgress {
    /// Of a stream whose list is about to be read.
    #[must_use]
    pub fn start(stream: &'static str) -> Self {
        Self {
            stream,
            line: terminal::progress_line(stream),
            told: Instant::now(),
            rows: 0,
            of: None,
            differences: 0,
        }
    }

    /// More of the list is compared.
    pub fn compared(&mut self, rows: usize, of: Option<u64>, differences: u64) {
        self.rows += rows as u64;
        self.of = of.or(self.of);
        self.differences = differences;
        self.tell("");
    }

    /// Something is asked for again.
    pub fn asked_again(&mut self, differences: u64) {
        self.differences = differences;
        self.tell(", asking for some again");
    }

    fn tell(&mut self, doing: &str) {
        let is_watched = terminal::is_watched();
        let interval = if is_watched {
            LINE_INTERVAL
        } else {
            LOG_INTERVAL
        };
        if self.told.elapsed() < interval {
            return;
        }
        self.told = Instant::now();
        let of = self.of.map(|of| format!(" of {of}")).unwrap_or_default();
        let (rows, differences) = (self.rows, self.differences);
        let news = format!("{rows}{of} compared, {differences} differ{doing}");
        if is_watched {
            self.line.set_message(news);
            self.line.tick();
        } else {
            tracing::info!("{}: {news}", self.stream);
        }
    }
}

impl Drop for AuditProgress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
