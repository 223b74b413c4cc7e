//! The reporting export: datasets with their attributes, jobs for the rows of one between two instants,
//! five at a time. What becomes of each job, and how its file is packed, is for tests to say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::answer::error;
use super::exports::{Fate, Job, Packing, csv, gzip, status, time, zip};
use crate::http::{Reply, Request};

/// So many jobs a workspace may have that aren't over.
const MOST_JOBS: usize = 5;

/// Something that there are rows of.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its identifier.
    pub id: String,
    /// The bare names of its attributes, which qualified ones have behind a point.
    pub attributes: Vec<String>,
    /// The attribute that windows of time are by.
    pub time_attribute: String,
}

/// A row of a dataset.
#[derive(Debug, Clone)]
pub struct ReportRow {
    /// What it is of.
    pub dataset: String,
    /// When it happened, as windows of time see it.
    pub at: i64,
    /// Its values by the qualified identifiers of attributes.
    pub values: BTreeMap<String, String>,
}

/// What there is to report, and how.
#[derive(Debug, Default)]
pub struct Reports {
    /// The datasets that the workspace has.
    pub datasets: Vec<Dataset>,
    /// All their rows.
    pub rows: Vec<ReportRow>,
    /// How files are handed out: a zip holds one file.
    pub packing: Packing,
    /// Fates of the jobs to come; those after are done.
    pub fates: VecDeque<Fate>,
    /// So many times a job is pending when it is asked after.
    pub pending_looks: u32,
    /// So many attempts to begin a job find other programs' in the way.
    pub in_the_way: u32,
    /// So many downloads are cut.
    pub cut_downloads: u32,
    /// The word for what is done.
    pub done_word: Option<&'static str>,
    /// Whether jobs must be asked after with the workspace's code.
    pub needs_app_id: bool,
    /// Attributes that are listed, but that no job takes.
    pub refused_attributes: BTreeSet<String>,
    /// Whether what happened at the first, and at the last instant of a window is in it.
    pub inclusive: (bool, bool),
    /// The dataset, the attributes and the window of all jobs that were begun.
    pub begun: Vec<(String, Vec<String>, (i64, i64))>,
    /// The most jobs there ever were that weren't over.
    pub most_pending: usize,
    jobs: BTreeMap<String, (Job, usize)>,
}

/// The datasets that workspaces have been seen to have.
const DATASETS: [&str; 13] = [
    "admin_status_change",
    "call",
    "call_team_stats",
    "call_teammate_stats",
    "consolidated_conversation_part",
    "conversation",
    "conversation_rating_sent",
    "conversation_sla_status_log",
    "conversation_state",
    "copilot_prompt_response_pair",
    "teammate_handling_conversation",
    "ticket_time_in_state",
    "tickets_report",
];

impl Reports {
    /// Some rows of each dataset.
    pub fn usual() -> Reports {
        let mut reports = Reports {
            inclusive: (true, false),
            ..Reports::default()
        };
        let now = super::now();
        for id in DATASETS {
            reports.add_dataset(id);
            for number in 0..40u8 {
                reports.add(
                    id,
                    &format!("n{number}"),
                    now - 86_400 * (i64::from(number) * 3 + 1),
                );
            }
        }
        reports
    }

    /// Another dataset, with attributes of three kinds.
    pub fn add_dataset(&mut self, id: &str) {
        self.datasets.push(Dataset {
            id: id.to_owned(),
            attributes: ["happened_at", "row_id", "state", "Brand, or \"name\""]
                .map(str::to_owned)
                .to_vec(),
            time_attribute: "happened_at".to_owned(),
        });
    }

    /// A row of its own, with a value for each attribute.
    pub fn add(&mut self, dataset: &str, row_id: &str, at: i64) {
        let known = self.datasets.iter().find(|known| known.id == dataset);
        let attributes = known.map_or(&[][..], |known| &known.attributes);
        let value = |attribute: &str| match attribute {
            "happened_at" => time(at),
            "row_id" => row_id.to_owned(),
            other => format!("{other} of\n{row_id}, ü"),
        };
        let values = attributes.iter();
        let values = values.map(|name| (format!("{dataset}.{name}"), value(name)));
        let row = ReportRow {
            dataset: dataset.to_owned(),
            at,
            values: values.collect(),
        };
        self.rows.push(row);
    }

    /// Whatever is pending is done now.
    pub fn finish(&mut self) {
        for (job, _) in self.jobs.values_mut() {
            job.fate = Fate::Done;
            job.is_over = true;
        }
    }

    /// The answer to a request, unless it is another's.
    pub fn answer(&mut self, request: &Request) -> Option<Reply> {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), &path[..]) {
            ("GET", ["export", "reporting_data", "get_datasets"]) => Some(self.list()),
            ("POST", ["export", "reporting_data", "enqueue"]) => Some(self.begin(request)),
            ("GET", ["export", "reporting_data", job]) => Some(self.look(request, job)),
            ("GET", ["download", "reporting_data", job]) => Some(self.download(request, job)),
            _ => None,
        }
    }

    fn list(&self) -> Reply {
        let datasets = self.datasets.iter().map(|dataset| {
            let attributes = dataset.attributes.iter().map(|name| {
                let qualified = format!("{}.{name}", dataset.id);
                json!({"id": name, "qualified_id": qualified, "name": name.to_uppercase()})
            });
            json!({
                "id": dataset.id,
                "name": dataset.id.to_uppercase(),
                "default_time_attribute_id": dataset.time_attribute,
                "attributes": attributes.collect::<Vec<_>>(),
            })
        });
        let list = json!({"type": "list", "data": datasets.collect::<Vec<_>>()});
        Reply::json(200, list.to_string())
    }

    fn begin(&mut self, request: &Request) -> Reply {
        let pending = self.jobs.values().filter(|(job, _)| !job.is_over).count();
        if pending >= MOST_JOBS || self.in_the_way > 0 {
            self.in_the_way = self.in_the_way.saturating_sub(1);
            let message = "Exceeded rate limit of 5 pending reporting dataset export jobs";
            return error(request, 429, "rate_limit_exceeded", message);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let bad = |message: &str| error(request, 400, "bad_request", message);
        let id = body["dataset_id"].as_str().unwrap_or_default();
        let Some(dataset) = self.datasets.iter().find(|dataset| dataset.id == id) else {
            return bad(&format!("{id} is not a valid dataset_id"));
        };
        let asked = body["attribute_ids"].as_array().into_iter().flatten();
        let asked: Vec<String> = asked
            .map(|id| id.as_str().unwrap_or_default().to_owned())
            .collect();
        if asked.is_empty() {
            return bad("attribute_ids must contain at least one attribute_id");
        }
        let is_known = |asked: &str| {
            let mut names = dataset.attributes.iter();
            names.any(|name| asked == format!("{id}.{name}"))
                && !self.refused_attributes.contains(asked)
        };
        let wrong: Vec<&str> = asked
            .iter()
            .map(String::as_str)
            .filter(|it| !is_known(it))
            .collect();
        if !wrong.is_empty() {
            let wrong = wrong.join(", ");
            return bad(&format!("attribute_ids invalid for {id} dataset: {wrong}"));
        }
        let bound = |name: &str| body[name].as_i64();
        let (Some(start), Some(end)) = (bound("start_time"), bound("end_time")) else {
            return bad("'start_time' is a required parameter");
        };
        if end < start || end - start > 90 * 86_400 {
            return bad("more than 90 days");
        }
        self.begun.push((id.to_owned(), asked, (start, end)));
        let number = self.begun.len();
        let id = format!("report{number}");
        let job = Job {
            window: (start, end),
            fate: self.fates.pop_front().unwrap_or(Fate::Done),
            looks: 0,
            is_over: false,
        };
        self.jobs.insert(id.clone(), (job, number - 1));
        self.most_pending = self.most_pending.max(pending + 1);
        status(&id, "pending")
    }

    fn look(&mut self, request: &Request, id: &str) -> Reply {
        if let Some(reply) = self.refusal(request) {
            return reply;
        }
        let (pending_looks, done) = (self.pending_looks, self.done_word.unwrap_or("complete"));
        let is_empty = self.rows_of(id).is_empty();
        let Some((job, _)) = self.jobs.get_mut(id) else {
            return gone(request, id);
        };
        job.looks += 1;
        if job.looks <= pending_looks || job.fate == Fate::Pending {
            let is_first = job.looks == 1;
            return status(id, if is_first { "pending" } else { "in_progress" });
        }
        job.is_over = true;
        match job.fate {
            Fate::Failed => status(id, "failed"),
            Fate::Canceled => status(id, "canceled"),
            Fate::Expired => gone(request, id),
            _ if is_empty => status(id, "no_data"),
            _ => status(id, done),
        }
    }

    fn download(&mut self, request: &Request, id: &str) -> Reply {
        if let Some(reply) = self.refusal(request) {
            return reply;
        }
        if self
            .jobs
            .get(id)
            .is_none_or(|(job, _)| job.fate != Fate::Done)
        {
            return gone(request, id);
        }
        if request.header("Accept") != Some("application/octet-stream") {
            let message = "Accept must be octet-stream";
            return error(request, 406, "not_acceptable", message);
        }
        let text = csv(self.rows_of(id).iter().map(Vec::as_slice));
        let mut body = match self.packing {
            Packing::Plain => text.into_bytes(),
            Packing::Gzip => gzip(text.as_bytes()),
            Packing::Zip => zip(std::iter::once((format!("{id}.csv"), text))),
        };
        if self.cut_downloads > 0 {
            self.cut_downloads -= 1;
            body.truncate(body.len() / 2);
        }
        Reply::new(200, "application/octet-stream", body)
    }

    /// A request lacks what it must have.
    fn refusal(&self, request: &Request) -> Option<Reply> {
        let has = |name: &str| request.query.iter().any(|(key, _)| key == name);
        if self.needs_app_id && !(has("app_id") && has("job_identifier")) {
            return Some(error(
                request,
                400,
                "parameter_not_found",
                "app_id is missing",
            ));
        }
        None
    }

    /// The rows of a job, each as its attributes' names and values.
    fn rows_of(&self, id: &str) -> Vec<Vec<(String, String)>> {
        let Some((job, number)) = self.jobs.get(id) else {
            return Vec::new();
        };
        let (dataset, attributes, (start, end)) = &self.begun[*number];
        debug_assert_eq!(job.window, (*start, *end));
        let is_in = |at: i64| {
            let is_after = at > *start || (at == *start && self.inclusive.0);
            is_after && (at < *end || (at == *end && self.inclusive.1))
        };
        let rows = self.rows.iter();
        let rows = rows.filter(|row| row.dataset == *dataset && is_in(row.at));
        let values = |row: &ReportRow| {
            let names = attributes.iter();
            let value = |name: &String| row.values.get(name).cloned().unwrap_or_default();
            names.map(|name| (name.clone(), value(name))).collect()
        };
        rows.map(values).collect()
    }
}

fn gone(request: &Request, id: &str) -> Reply {
    let message = format!("Export job not found for identifier: {id}");
    error(request, 404, "not_found", &message)
}

/// What identifies the rows of one of these streams: nothing.
pub fn ids(stream: &str) -> Option<BTreeSet<String>> {
    stream
        .starts_with("report_")
        .then(|| [String::new()].into())
}
