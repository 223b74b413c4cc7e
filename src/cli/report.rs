//! `--report`: one JSON document at the end of a run, whatever its end, for whoever watches over many.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::stop::{CLEARING_UP, Stop};
use super::{Failure, Program, VERSION};

/// Catches signals from here on. A report that is wanted then tells these facts, where something hangs
/// through a signal's deadlines.
pub fn catch_signals(
    report: Option<&Report>,
    facts: impl FnOnce() -> Map<String, Value> + Send + 'static,
) -> Result<Stop, Failure> {
    let stop = Stop::install()
        .map_err(|error| Failure::failed(format_args!("signals can't be caught: {error}")))?;
    if let Some(report) = report {
        report.finish_with(&stop, facts);
    }
    Ok(stop)
}

/// A report that is to be written.
#[derive(Clone, Debug)]
pub struct Report {
    path: PathBuf,
    program: &'static str,
    started_at: DateTime<Utc>,
    started: Instant,
}

impl Report {
    /// Begins a run. Where the report can't be written is told before anything is done.
    pub fn begin(path: &Path, program: &Program) -> Result<Self, Failure> {
        let report = Self {
            path: path.to_owned(),
            program: program.name,
            started_at: Utc::now(),
            started: Instant::now(),
        };
        let fault = |error| {
            Failure::usage(format_args!(
                "the report {} can't be written: {error}",
                path.display()
            ))
        };
        if path.is_dir() {
            return Err(fault(std::io::ErrorKind::IsADirectory.into()));
        }
        NamedTempFile::new_in(report.folder()).map_err(fault)?;
        Ok(report)
    }

    /// Has it written too where something hangs through a signal's deadlines, so that the process ends
    /// before the run does.
    fn finish_with(
        &self,
        stop: &Stop,
        facts: impl FnOnce() -> Map<String, Value> + Send + 'static,
    ) {
        let (report, received) = (self.clone(), stop.clone());
        stop.interrupt(CLEARING_UP, move || {
            let failure = Failure::signal(received.received().unwrap_or_default())
                .hint("something still hung when the run was given up");
            // Its failure is the signal, whatever becomes of the report.
            let _ = report.finish(Err(failure), facts());
        });
    }

    /// Writes what the run came to, whole or not at all: its end, and what it has to tell.
    pub fn finish(
        &self,
        result: Result<(), Failure>,
        facts: Map<String, Value>,
    ) -> Result<(), Failure> {
        let text = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Millis, true);
        let failure = result.as_ref().err();
        let mut document = json!({
            "program": self.program,
            "version": VERSION,
            "started_at": text(self.started_at),
            "ended_at": text(Utc::now()),
            "seconds": self.started.elapsed().as_secs_f64(),
            "exit_code": failure.map_or(0, Failure::exit_code),
            "error": failure.map(Failure::message),
            "hint": failure.and_then(Failure::hint_text),
        });
        if let Value::Object(members) = &mut document {
            members.extend(facts);
        }
        let written = self.write(&format!("{document:#}\n"));
        match written {
            Ok(()) => result,
            Err(error) => {
                let failure = Failure::failed(format_args!(
                    "the report {} can't be written: {error}",
                    self.path.display()
                ));
                if result.is_ok() {
                    return Err(failure);
                }
                tracing::error!("{failure}");
                result
            }
        }
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        let mut file = NamedTempFile::new_in(self.folder())?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        // Others may read it, as far as they may read what was there.
        if let Ok(before) = fs::metadata(&self.path) {
            file.as_file().set_permissions(before.permissions())?;
        }
        file.persist(&self.path)?;
        Ok(())
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }
}
