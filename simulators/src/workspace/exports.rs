//! Export jobs: one at a time, pending for a while, then files to download, of what was sent between
//! two instants. What becomes of each job, and how its files are packed, is for tests to say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::answer::error;
use crate::http::{Reply, Request};

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its files can be downloaded.
    Done,
    /// It fails.
    Failed,
    /// Somebody ends it.
    Canceled,
    /// It is gone when it is asked after.
    Expired,
    /// It is done, and gone before its files are fetched.
    GoneBeforeDownload,
    /// It is never done.
    Pending,
}

/// How files are handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Packing {
    /// A zip with a file for each kind.
    #[default]
    Zip,
    /// A gzip stream of the receipts alone.
    Gzip,
    /// The receipts alone, as they are.
    Plain,
}

/// A row of an export.
#[derive(Debug, Clone)]
pub struct ExportRow {
    /// What it is of: the name of its file begins so.
    pub kind: String,
    /// When what it is about was sent.
    pub sent_at: i64,
    /// Names and values, in the order of the columns.
    pub values: Vec<(String, String)>,
}

/// What there is to export, and how.
#[derive(Debug, Default)]
pub struct Exports {
    /// All there is.
    pub rows: Vec<ExportRow>,
    /// How files are handed out.
    pub packing: Packing,
    /// Fates of the jobs to come; those after are done.
    pub fates: VecDeque<Fate>,
    /// So many times a job is pending when it is asked after.
    pub pending_looks: u32,
    /// So many attempts to begin a job find another program's in the way.
    pub in_the_way: u32,
    /// So many downloads are cut.
    pub cut_downloads: u32,
    /// Jobs export whole days, which begin so many seconds after those of UTC; where there is none, from
    /// second to second.
    pub days_begin: Option<i64>,
    /// The word for what is done.
    pub done_word: Option<&'static str>,
    /// The windows of all jobs that were begun.
    pub windows: Vec<(i64, i64)>,
    jobs: BTreeMap<String, Job>,
}

/// A job of any kind.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub window: (i64, i64),
    pub fate: Fate,
    pub looks: u32,
    pub is_over: bool,
}

impl Exports {
    /// Some receipts with an open each, a click, and something of a kind that nobody knows.
    pub fn usual() -> Exports {
        let mut exports = Exports::default();
        let now = super::now();
        for number in 0..60 {
            exports.send(number, now - 86_400 * (number as i64 * 3 + 1));
        }
        exports
    }

    /// Something is sent, opened, clicked on and answered, and bounces.
    pub fn send(&mut self, number: usize, sent_at: i64) {
        let receipt = format!("r{number}");
        let at = time(sent_at);
        self.add(
            "receipt",
            sent_at,
            &[
                ("receipt_id", &receipt),
                ("user_id", "u1"),
                ("content_id", "7"),
                ("received_at", &at),
                ("name", "Ünal, \"A\"\nB"),
            ],
        );
        self.add(
            "open",
            sent_at,
            &[("receipt_id", &receipt), ("opened_at", &at)],
        );
        self.add(
            "click",
            sent_at,
            &[
                ("receipt_id", &receipt),
                ("clicked_at", &at),
                ("link_type", "url"),
                ("url", "https://x.test/?a=1,2"),
            ],
        );
        for kind in SIMPLE_KINDS {
            self.add(kind, sent_at, &[("receipt_id", &receipt), ("at", &at)]);
        }
    }

    /// A row of its own.
    pub fn add(&mut self, kind: &str, sent_at: i64, values: &[(&str, &str)]) {
        let values = values.iter();
        self.rows.push(ExportRow {
            kind: kind.to_owned(),
            sent_at,
            values: values
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        });
    }

    /// Whatever is pending is done now.
    pub fn finish(&mut self) {
        for job in self.jobs.values_mut() {
            job.fate = Fate::Done;
            job.is_over = true;
        }
    }

    /// How many jobs were begun.
    pub fn begun(&self) -> usize {
        self.windows.len()
    }

    /// The answer to a request, unless it is another's.
    pub fn answer(&mut self, request: &Request) -> Option<Reply> {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), &path[..]) {
            ("POST", ["export", "content", "data"]) => Some(self.begin(request)),
            ("GET", ["export", "content", "data", job]) => Some(self.look(request, job)),
            ("GET", ["download", "content", "data", job]) => Some(self.download(request, job)),
            _ => None,
        }
    }

    fn begin(&mut self, request: &Request) -> Reply {
        let is_busy = self.jobs.values().any(|job| !job.is_over);
        if is_busy || self.in_the_way > 0 {
            self.in_the_way = self.in_the_way.saturating_sub(1);
            let message = "Exceeded rate limit of 1 pending message data export jobs";
            return error(request, 429, "rate_limit_exceeded", message);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let bound = |name: &str| body[name].as_i64();
        let (Some(after), Some(before)) = (bound("created_at_after"), bound("created_at_before"))
        else {
            return error(request, 400, "parameter_not_found", "no bounds");
        };
        if before - after > 90 * 86_400 || before < after {
            return error(request, 400, "parameter_invalid", "more than 90 days");
        }
        self.windows.push((after, before));
        let id = format!("job{}", self.windows.len());
        let fate = self.fates.pop_front().unwrap_or(Fate::Done);
        let job = Job {
            window: (after, before),
            fate,
            looks: 0,
            is_over: false,
        };
        self.jobs.insert(id.clone(), job);
        status(&id, "pending")
    }

    fn look(&mut self, request: &Request, id: &str) -> Reply {
        let (pending_looks, done) = (self.pending_looks, self.done_word.unwrap_or("completed"));
        let is_empty = self
            .jobs
            .get(id)
            .is_some_and(|job| self.rows_of(job).next().is_none());
        let Some(job) = self.jobs.get_mut(id) else {
            return error(request, 404, "not_found", "Export job not found");
        };
        job.looks += 1;
        if job.looks <= pending_looks || job.fate == Fate::Pending {
            return status(
                id,
                if job.looks == 1 {
                    "pending"
                } else {
                    "in_progress"
                },
            );
        }
        job.is_over = true;
        match job.fate {
            Fate::Failed => status(id, "failed"),
            Fate::Canceled => status(id, "canceled"),
            Fate::Expired => error(request, 404, "not_found", "Export job not found"),
            _ if is_empty => status(id, "no_data"),
            _ => status(id, done),
        }
    }

    fn download(&mut self, request: &Request, id: &str) -> Reply {
        let Some(job) = self.jobs.get(id).filter(|job| job.fate == Fate::Done) else {
            return error(request, 404, "not_found", "Export job not found");
        };
        if request.header("Accept") != Some("application/octet-stream") {
            return error(
                request,
                406,
                "not_acceptable",
                "Accept must be octet-stream",
            );
        }
        let mut files: BTreeMap<&str, Vec<&ExportRow>> = BTreeMap::new();
        for row in self.rows_of(job) {
            files.entry(row.kind.as_str()).or_default().push(row);
        }
        let csv = |rows: &[&ExportRow]| csv(rows.iter().map(|row| &row.values[..]));
        let receipts = || csv(files.get("receipt").map_or(&[][..], Vec::as_slice));
        let mut body = match self.packing {
            Packing::Plain => receipts().into_bytes(),
            Packing::Gzip => gzip(receipts().as_bytes()),
            Packing::Zip => zip(files
                .iter()
                .map(|(kind, rows)| (format!("{kind}_20260102-030405.csv"), csv(rows)))),
        };
        if self.cut_downloads > 0 {
            self.cut_downloads -= 1;
            body.truncate(body.len() / 2);
        }
        Reply::new(200, "application/octet-stream", body)
    }

    fn rows_of(&self, job: &Job) -> impl Iterator<Item = &ExportRow> {
        let (mut after, mut before) = job.window;
        if let Some(begin) = self.days_begin {
            after -= (after - begin).rem_euclid(86_400);
            before += 86_399 - (before - begin).rem_euclid(86_400);
        }
        let rows = self.rows.iter();
        rows.filter(move |row| (after..=before).contains(&row.sent_at))
    }
}

/// Kinds whose rows are little more than an identifier and a time here.
pub const SIMPLE_KINDS: [&str; 11] = [
    "reply",
    "answer",
    "answer_combined",
    "completion",
    "dismissal",
    "series_completion",
    "series_disengagement",
    "tour_step_view",
    "checkpoint",
    "overview",
    "hard_bounce",
];

/// What identifies the rows of one of these streams: nothing, but of the receipts.
pub fn ids(exports: &Exports, stream: &str) -> Option<BTreeSet<String>> {
    if stream == "export_receipts" {
        let receipts = exports.rows.iter().filter(|row| row.kind == "receipt");
        return Some(receipts.map(|row| row.values[0].1.clone()).collect());
    }
    stream
        .starts_with("export_")
        .then(|| [String::new()].into())
}

pub(super) fn time(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).expect("a time of this century");
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(super) fn status(id: &str, status: &str) -> Reply {
    let body = json!({"job_identifier": id, "status": status, "download_url": "", "download_expires_at": ""});
    Reply::json(200, body.to_string())
}

/// Rows as CSV. The columns are those of the first.
pub(super) fn csv<'a>(rows: impl Iterator<Item = &'a [(String, String)]>) -> String {
    let mut text = String::new();
    let mut line = |values: &mut dyn Iterator<Item = &str>| {
        let quoted = values.map(|value| {
            if value.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", value.replace('"', "\"\""))
            } else {
                value.to_owned()
            }
        });
        let line: Vec<String> = quoted.collect();
        writeln!(text, "{}", line.join(",")).expect("text takes everything");
    };
    let mut rows = rows.peekable();
    if let Some(first) = rows.peek() {
        line(&mut first.iter().map(|(name, _)| name.as_str()));
    }
    for row in rows {
        line(&mut row.iter().map(|(_, value)| value.as_str()));
    }
    text
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// A gzip stream of blocks that are stored as they are.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// A zip of files that are stored as they are.
pub(super) fn zip(files: impl Iterator<Item = (String, String)>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let mut count = 0u16;
    for (name, text) in files {
        count += 1;
        let start = out.len() as u32;
        let mut about = Vec::new();
        about.extend([0u8; 8]);
        about.extend(crc32(text.as_bytes()).to_le_bytes());
        about.extend((text.len() as u32).to_le_bytes());
        about.extend((text.len() as u32).to_le_bytes());
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0u8; 2]);
        out.extend(b"PK\x03\x04\x14\x00");
        out.extend(&about);
        out.extend(name.as_bytes());
        out.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00\x14\x00");
        directory.extend(&about);
        directory.extend([0u8; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0u8; 2]);
    out
}
