//! A job from its beginning to its file: begun, or another's end waited for; asked after with growing
//! pauses; downloaded. What was lost on the server is begun anew.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::archive::Archive;
use super::dataset::{AskedAttributes, dataset};
use crate::cli::foreign::told;
use crate::http::patience::Backoff;
use crate::tap::api::client::{ApiRequest, BadAnswer, Client, FileSlot, JobSlot, Once, lock};
use crate::tap::api::error::ErrorList;
use crate::tap::api::path::{path_segment, with_parameter};
use crate::tap::fault::Fault;
use crate::tap::read::exported::Job;
use crate::tap::read::page::text;
use crate::tap::read::reading::{Reading, unexpectedly_gone};
use crate::tap::streams::{ExportJobs, ExportOf};
use crate::tap::time::EpochSeconds;

/// Between two looks at a job.
const LOOKS: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(30),
};
/// A job that is lost is begun so often in all.
const MOST_JOBS: u32 = 3;
/// A file that came damaged is asked for so often.
const MOST_DOWNLOADS: u32 = 4;

/// Begins jobs and gets their files.
pub struct Jobs<'a> {
    client: &'a Client,
    stream: &'static str,
    paths: &'a ExportJobs,
    /// What jobs are asked for, where they export a dataset.
    asked: Option<AskedAttributes>,
    /// The workspace's code, where jobs are asked after by it and it is told.
    app_id: Option<String>,
}

/// What became of a job.
enum End {
    /// Its files.
    Files(Archive),
    /// There is nothing.
    Nothing,
    /// The server has lost it or given it up: why, in words.
    Lost(String),
}

impl<'a> Jobs<'a> {
    /// For a stream; asks what its dataset has, where it is one.
    pub fn new(reading: &Reading<'a>, paths: &'a ExportJobs) -> Result<Self, Fault> {
        let client = reading.client;
        let (mut asked, mut app_id) = (None, None);
        if let ExportOf::Dataset { id, listed_at } = paths.of {
            asked = Some(dataset(client, listed_at, id)?.asked(reading.output));
            app_id = code_of_workspace(client)?;
        }
        Ok(Self {
            client,
            stream: reading.stream.name,
            paths,
            asked,
            app_id,
        })
    }

    /// The files of what happened between two instants; none where nothing did. `begun` is a job of an
    /// earlier run; of each that is begun here, `remember` is told first.
    pub fn files(
        &mut self,
        from: EpochSeconds,
        until: EpochSeconds,
        begun: Option<Job>,
        mut remember: impl FnMut(&Job) -> Result<(), Fault>,
    ) -> Result<Option<Archive>, Fault> {
        let mut begun = begun;
        for number in 1.. {
            // One that an earlier run began is on the server already.
            let mut slot = None;
            let job = if let Some(job) = begun.take() {
                job
            } else {
                let (kind, most) = (self.paths.enqueue, self.paths.most_jobs);
                slot = Some(self.client.job_slot(kind, most)?);
                let id = self.begin(from, until)?;
                Job { id, from, until }
            };
            remember(&job)?;
            let why = match self.end_of(&job, slot)? {
                End::Files(archive) => return Ok(Some(archive)),
                End::Nothing => return Ok(None),
                End::Lost(why) => why,
            };
            if number >= MOST_JOBS {
                return Err(Fault::Stream(format!(
                    "{number} export jobs in a row came to nothing, at last: {why}"
                )));
            }
            tracing::warn!("{}: {why}; another is begun", self.stream);
        }
        Ok(None)
    }

    /// Begins a job. While others are in the way, it waits.
    fn begin(&mut self, from: EpochSeconds, until: EpochSeconds) -> Result<String, Fault> {
        let mut request = self.beginning(from, until);
        let mut may_leave_out = true;
        let patience = self.client.config().export_wait;
        let since = Instant::now();
        let mut losses = 0;
        let mut refusals = 0;
        loop {
            let begun = self
                .client
                .send_once(&request, losses, |body| member(body, "job_identifier"));
            match begun.map_err(unexpectedly_gone)? {
                Once::Done(id) => return Ok(id),
                Once::Lost(why) => {
                    losses += 1;
                    if losses >= self.client.config().max_attempts {
                        return Err(Fault::Stream(format!("{why} ({losses} times)")));
                    }
                    tracing::warn!("{why}");
                }
                Once::Error { words, fault } => {
                    if !words.is_of_pending_jobs() {
                        if std::mem::take(&mut may_leave_out) && self.leave_out(&words) {
                            request = self.beginning(from, until);
                            continue;
                        }
                        return Err(unexpectedly_gone(fault));
                    }
                    if since.elapsed() >= patience {
                        return Err(Fault::Stream(format!(
                            "another export job has been in the way for {} minutes \
                             (`export_wait_minutes`); the next run tries again",
                            since.elapsed().as_secs() / 60
                        )));
                    }
                    refusals += 1;
                    if refusals == 1 {
                        tracing::warn!(
                            "{}: another export job is in the way, perhaps another program's; waiting \
                             for it",
                            self.stream
                        );
                    }
                    self.client.sleep(LOOKS.pause(refusals))?;
                }
            }
        }
    }

    /// What begins a job for that window.
    fn beginning(&self, from: EpochSeconds, until: EpochSeconds) -> ApiRequest {
        let (after, before) = self.paths.bounds;
        let body = match &self.asked {
            // A second more at either end, whichever is exclusive: what is in two windows comes once.
            Some(asked) => json!({
                "dataset_id": asked.dataset_id,
                "attribute_ids": asked.ids,
                after: from - 1,
                before: until,
            }),
            None => json!({after: from, before: until - 1}),
        };
        ApiRequest::Post(self.paths.enqueue.into(), body.to_string().into_bytes())
    }

    /// Leaves out attributes that an error names; whether there are others left.
    fn leave_out(&mut self, words: &ErrorList) -> bool {
        let Some(asked) = &mut self.asked else {
            return false;
        };
        let names = asked.leave_out(words);
        if names.is_empty() {
            return false;
        }
        tracing::warn!(
            "{}: these attributes are listed, but can't be exported, and are left out: {}",
            self.stream,
            told(&names.join(", "))
        );
        true
    }

    /// The path of a job, with what the API wants in its query.
    fn path_of(&self, template: &str, id: &str) -> String {
        let mut path = template.replace("{job}", &path_segment(id));
        if self.asked.is_some() {
            path = with_parameter(&path, "job_identifier", id);
        }
        if let Some(code) = &self.app_id {
            path = with_parameter(&path, "app_id", code);
        }
        path
    }

    /// Waits for a job's end, which leaves its slot to others, and gets its files.
    fn end_of(&self, job: &Job, slot: Option<JobSlot<'_>>) -> Result<End, Fault> {
        let request = ApiRequest::Get(self.path_of(self.paths.status, &job.id));
        let since = Instant::now();
        for looks in 1.. {
            let status = match self.client.send(&request, |body| member(body, "status")) {
                Ok(status) => status.to_ascii_lowercase(),
                Err(Fault::Gone { message, .. }) => return Ok(End::Lost(message)),
                Err(fault) => return Err(unexpectedly_gone(fault)),
            };
            match status.as_str() {
                "complete" | "completed" => {
                    drop(slot);
                    return self.download(&job.id);
                }
                "no_data" => return Ok(End::Nothing),
                "failed" | "canceled" | "cancelled" | "expired" => {
                    return Ok(End::Lost(format!("the export job {} is {status}", job.id)));
                }
                _ => {}
            }
            if since.elapsed() >= self.client.config().export_wait {
                break;
            }
            self.client.sleep(LOOKS.pause(looks))?;
        }
        Err(Fault::Stream(format!(
            "the export job {} isn't done after {} minutes (`export_wait_minutes`); the next run goes on \
             waiting for it",
            job.id,
            since.elapsed().as_secs() / 60
        )))
    }

    fn download(&self, id: &str) -> Result<End, Fault> {
        let path = self.path_of(self.paths.download, id);
        let slot = FileSlot::default();
        let request = ApiRequest::Download(path, FileSlot::clone(&slot));
        for number in 1.. {
            let file = match self.client.send(&request, |_| {
                let file = lock(&slot).take();
                file.ok_or_else(|| BadAnswer("the answer has no file".into()))
            }) {
                Ok(file) => file,
                Err(Fault::Gone { message, .. }) => return Ok(End::Lost(message)),
                Err(fault) => return Err(unexpectedly_gone(fault)),
            };
            let error = match Archive::open(file) {
                Ok(archive) => return Ok(End::Files(archive)),
                Err(error) => error,
            };
            if number >= MOST_DOWNLOADS {
                return Err(Fault::Stream(format!(
                    "{request} gives a file that can't be unpacked: {error}"
                )));
            }
            tracing::warn!(
                "{request} gave a file that can't be unpacked, and is made again: {error}"
            );
            self.client.sleep(LOOKS.pause(number))?;
        }
        Ok(End::Nothing)
    }
}

/// The code that the API knows a workspace by, where the API tells it.
fn code_of_workspace(client: &Client) -> Result<Option<String>, Fault> {
    let told = client.send(&ApiRequest::Get("/me".into()), |body| {
        let answer: Value = serde_json::from_str(&text(body)?)?;
        Ok(answer["app"]["id_code"].as_str().map(str::to_owned))
    });
    told.map_err(unexpectedly_gone)
}

/// A text in an answer.
fn member(body: Vec<u8>, name: &str) -> Result<String, BadAnswer> {
    let answer: Value = serde_json::from_str(&text(body)?)?;
    match &answer[name] {
        Value::String(found) if !found.is_empty() => Ok(found.clone()),
        Value::Number(found) => Ok(found.to_string()),
        _ => Err(BadAnswer(format!("the answer has no `{name}`"))),
    }
}
