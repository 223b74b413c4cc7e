//! Exports: a job of the server makes files of what happened between two instants. Windows of time, the
//! oldest first; a bookmark behind each. The last days are exported by every run again, since opens and
//! replies come late; of those, rows that earlier runs emitted are left out.

mod archive;
mod dataset;
mod jobs;
mod kinds;
mod rows;
mod standing;

use self::archive::Archive;
pub use self::dataset::{dataset, datasets};
use self::jobs::Jobs;
use self::kinds::Kinds;
use self::rows::Rows;
use self::standing::{ExportWindow, Standings};
use super::between;
use super::reading::{Batch, BatchSink, Reading};
use crate::tap::fault::Fault;
use crate::tap::read::page::{RecordJson, Row};
use crate::tap::read::places::Outputs;
use crate::tap::streams::ExportJobs;
use crate::tap::time::{DAY, Seconds};

/// Reads the stream, and what is in the same downloads.
pub fn read(
    reading: &Reading<'_>,
    jobs: &ExportJobs,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let config = reading.client.config();
    let started = reading.started();
    let end = config.end_date.unwrap_or(started + 1).min(started + 1);
    let mut standings = Standings::new(reading, || between::beginning(reading))?;
    // A day that is not over is the next run's to read again.
    let today = started - started.since_day_began(0);
    let look_back = DAY * Seconds::from(config.export_lookback_days);
    // Whole days of another timezone may be exported: of the next run's first, and of a window's first.
    let again_from = today.min(end) - look_back - 2 * DAY;
    let mut begins = Jobs::new(reading, jobs)?;
    let kinds = Kinds::new(reading, jobs.kind);
    // A day less than there may be, since days begin elsewhere at other times.
    let longest = DAY * Seconds::from(jobs.most_days.max(2) - 1);
    let mut begun = standings.job();
    let mut from = begun.as_ref().map_or(standings.start(), |job| job.from);
    while from < end {
        let until = match &begun {
            Some(job) => job.until,
            None => standings.window(from, end, longest, again_from),
        };
        let wanted = standings.wanted(until);
        let files = begins.files(from, until, begun.take(), |job| {
            sink(Batch {
                marks: standings.marks_of_job(job),
                ..Batch::default()
            })
        })?;
        // A job of an earlier run may end a little before this one began; the rest is the next run's.
        let is_last = until >= end || until > today;
        standings.begin(ExportWindow {
            is_followed: !is_last,
            is_exported_again: until > again_from,
        });
        if let Some(mut files) = files {
            emit(reading, &kinds, &mut files, wanted, &mut standings, sink)?;
        }
        sink(Batch {
            marks: standings.marks(until, until.min(today), is_last),
            ..Batch::default()
        })?;
        if is_last {
            break;
        }
        from = until;
    }
    Ok(())
}

/// Gives on the rows of a download that are wanted and new.
fn emit(
    reading: &Reading<'_>,
    kinds: &Kinds,
    files: &mut Archive,
    wanted: Outputs,
    standings: &mut Standings<'_>,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let name = reading.stream.name;
    for part in 0..files.len() {
        let unreadable = |error: &dyn std::fmt::Display| {
            Fault::Stream(format!("a file of an export can't be read: {error}"))
        };
        let named = files.name(part).map(str::to_owned);
        let columns = {
            let file = files.read(part).map_err(|error| unreadable(&error))?;
            let rows = Rows::open(file, None).map_err(|error| unreadable(&error))?;
            rows.columns().to_vec()
        };
        let kind = kinds.of(named.as_deref(), &columns);
        if !wanted.has(kind.outputs) {
            continue;
        }
        let file = files.read(part).map_err(|error| unreadable(&error))?;
        let told_as = kind.told_as.map(|property| (property, kind.name.as_str()));
        let mut rows = Rows::open(file, told_as).map_err(|error| unreadable(&error))?;
        while let Some(some) = rows.next_rows().map_err(|error| unreadable(&error))? {
            let body = RecordJson::owned(some.text);
            let mut batch = Batch::default();
            let mut start = 0;
            for end in some.ends {
                let json = &body.json()[start..end];
                start = end;
                if standings.is_new(kind.outputs, &kind.name, json) {
                    batch.rows.push(Row {
                        record: body.part(json),
                        id: String::new(),
                        replication_key_value: None,
                        replication_key_value_json: 0..0,
                        is_truncated: false,
                        wanted: kind.outputs,
                    });
                }
            }
            sink(batch)?;
        }
        rows.tell(name);
    }
    Ok(())
}
