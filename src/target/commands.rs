//! What `target-gcs` does beside loading: reading, telling, and changing states by hand.

use std::io::{BufWriter, Read as _};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::arguments::OutputFormat;
use super::bookmark;
use super::commit::print_line;
use super::config::Config;
use super::keys::LakeReading;
use super::state::StateObjects;
use super::state_changes::Changes;
use super::state_edits::{self, Edit};
use super::status::Status;
use super::status_page;
use super::store::Store;
use super::store::names::Clock;
use crate::cli::output::print;
use crate::cli::stop::Stop;
use crate::cli::{Failure, foreign};
use crate::singer::state::State;

/// Prints the state objects as one Singer state; of the streams only those named, if any are.
pub fn read_state(config: &Config, streams: &[String]) -> Result<(), Failure> {
    let store = Store::open_to_read(&config.destination, &Stop::default())?;
    let state = StateObjects::read(&store, &config.state_path_template)?;
    state.look_for(streams)?;
    let state = state.merged(streams)?;
    print_line(&state.to_string())
}

/// Looks whether a run can come to its end, and prints what was found as a table.
pub fn test(config: &Config) -> Result<(), Failure> {
    let store = Store::open(&config.destination, &Stop::default())?;
    print_row("destination", &store.place_of(""))?;
    let state = StateObjects::read(&store, &config.state_path_template)?;
    // What can't be read as a state fails here and not after all data.
    state.merged(&[])?;
    print_row("state", &format!("{} state objects", state.count()))?;
    for (what, found) in store.check()? {
        print_row(what, &found)?;
    }
    Ok(())
}

fn print_row(what: &str, found: &str) -> Result<(), Failure> {
    print_line(&format!("{what:12} ok  {found}"))
}

/// Prints the newest version of every key as JSON lines; of the streams only those named, if any are.
pub fn read_keys(config: &Config, streams: &[String]) -> Result<(), Failure> {
    let store = Store::open_to_read(&config.destination, &Stop::default())?;
    let state = StateObjects::read(&store, &config.state_path_template)?;
    let reading = LakeReading::new(&store, config, state.keys()?)?;
    reading.print(streams, &mut BufWriter::new(std::io::stdout().lock()))
}

/// Prints how things stand. Fails with exit code 3 where a bookmark is older than `most`.
pub fn status(
    config: &Config,
    format: OutputFormat,
    most: Option<Duration>,
) -> Result<(), Failure> {
    let store = Store::open_to_read(&config.destination, &Stop::default())?;
    let status = Status::of(&store, config, Clock::default().now())?;
    match format {
        OutputFormat::Text => print(&status.table())?,
        OutputFormat::Json => print(&format!("{:#}\n", status.document()))?,
        OutputFormat::Markdown => {
            return Err(Failure::usage(
                "--status prints text, json or html, not markdown",
            ));
        }
        OutputFormat::Html => print(&status_page::render(&status))?,
    }
    let old = most.map_or_else(Vec::new, |most| status.older_than(most));
    if old.is_empty() {
        return Ok(());
    }
    Err(Failure::found(format_args!(
        "older than --max-age: {}",
        foreign::told(&old.join(", "))
    ))
    .hint("look at the log of the last run of these streams"))
}

/// Takes a stream's bookmark away, or sets it to an instant; prints what changes.
pub fn reset(config: &Config, stream: &str, to: Option<&str>) -> Result<(), Failure> {
    let to = to
        .map(|text| instant(text, Clock::default().now()))
        .transpose()?;
    let store = Store::open(&config.destination, &Stop::default())?;
    let objects = StateObjects::read(&store, &config.state_path_template)?;
    edit(state_edits::reset(&objects, stream, to)?)
}

/// Puts a state in the place of what is stored of its streams; prints what changes.
pub fn write_state(config: &Config, file: &Path) -> Result<(), Failure> {
    let shown = file.display();
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|content| text = content)
    };
    read.map_err(|error| Failure::usage(format_args!("can't read {shown}: {error}")))?;
    let state = State::parse(&text).map_err(|fault| {
        Failure::usage(format_args!("{shown} can't be used as a state: {fault}"))
    })?;
    let store = Store::open(&config.destination, &Stop::default())?;
    let objects = StateObjects::read(&store, &config.state_path_template)?;
    edit(state_edits::write(&objects, state.value())?)
}

fn edit((changes, edits): (Changes, Vec<Edit>)) -> Result<(), Failure> {
    changes.write()?;
    if edits.is_empty() {
        return print("nothing changes\n");
    }
    for edit in &edits {
        print_line(&state_edits::line_of(edit))?;
    }
    Ok(())
}

/// An instant that somebody has written, which is none of the future.
fn instant(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let instant = bookmark::instant_in(text).ok_or_else(|| {
        Failure::usage(
            "--to must be a date or an instant, as in 2026-01-31 or 2026-01-31T06:00:00Z",
        )
    })?;
    if instant > now + TimeDelta::days(1) {
        return Err(Failure::usage(
            "--to lies in the future, and nothing would be read until then",
        ));
    }
    Ok(instant)
}
